//! A small task service: people sign up, write down what there is to do, and get mail.
//!
//! - `procedures/` is the API, a file a noun: each function is an endpoint, `POST /api/tasks/create` for `tasks::create`.
//! - `jobs/` is the work behind it: mail, and what happens every night.
//! - `models/` is what goes in and out, and what rows look like.
//! - `migrations/` makes the tables and says who sees which row; `schema.rs` tells Diesel about them.

pub mod jobs;
pub mod models;
pub mod procedures;
pub mod schema;

use catena::{App, Setting};
use jobs::mail::{Mailer, Website};

/// The application: what is found at link time (procedures and jobs), and the state they share.
pub fn app() -> App {
    catena::app!()
        .tag("auth", "Signing up, in and out.")
        .tag("stats", "Numbers for everybody.")
        .tag("tasks", "Things to do, of who is signed in.")
        .setting(Setting {
            name: "SMTP_URL",
            default: "",
            about: "Where mail is sent: smtp://user:password@host:587. Without it, development writes `.eml` files to \
                    `.catena/mail/`; production needs it.",
        })
        .setting(Setting {
            name: "WEBSITE_URL",
            default: "",
            about: "Where people meet the service, such as https://tasks.example: mails link to it. Without it, they hold \
                    the token instead of a link.",
        })
        .state_with(Mailer::new)
        .state_with(Website::new)
}
