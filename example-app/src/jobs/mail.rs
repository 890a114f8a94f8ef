//! Sending mail: by SMTP, or in development as files to look at.

use std::{
    error::Error as _,
    path::{Path, PathBuf},
};

use catena::{Boot, Error, JobCtx, Purpose, Result, job};
use lettre::{
    AsyncFileTransport, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};

use crate::models::{account::Forgotten, mail::Mail};

/// Sends one mail.
#[job(retries = 5, backoff = "exponential(2s, 1h)")]
pub async fn send_mail(job: &JobCtx, args: Mail) -> Result<()> {
    job.state::<Mailer>()?.send(job.id(), args).await
}

/// Sends a mail with which a forgotten password can be set anew, if there is an account with the address. The token in
/// it is made here, in the job's transaction, so that it stands in no queue.
#[job(retries = 5, backoff = "exponential(2s, 1h)")]
pub async fn send_reset(job: &JobCtx, args: Forgotten) -> Result<()> {
    let Some(made) = job.one_time_token(Purpose::RESET, &args.email).await? else { return Ok(()) };
    let how = match job.state::<Website>()? {
        Website(Some(url)) => format!("To set a new password, open {url}/reset#{}", made.token),
        Website(None) => format!("To set a new password, use this token:\n\n{}", made.token),
    };
    let mail = Mail {
        to: made.identity,
        subject: "A new password".to_owned(),
        text: format!(
            "{how}\n\nIt is good for 15 minutes, and once. If you did not ask for it, ignore this mail: your password \
             stays as it is."
        ),
    };
    job.state::<Mailer>()?.send(job.id(), mail).await
}

/// Where people meet the service, for links in mails; never taken from a request, whose headers anybody can write.
pub struct Website(Option<String>);

impl Website {
    /// Reads `WEBSITE_URL`.
    ///
    /// # Errors
    /// What is no address of a website.
    pub fn new(boot: &Boot) -> Result<Self, String> {
        match boot.var("WEBSITE_URL") {
            Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
                Ok(Self(Some(url.trim_end_matches('/').to_owned())))
            }
            Some(url) => Err(format!("WEBSITE_URL={url}: write an address such as https://tasks.example")),
            None => Ok(Self(None)),
        }
    }
}

/// Who mail comes from.
const FROM: &str = "Tasks <tasks@example.test>";

/// Where files go that would be mail.
const FOLDER: &str = ".catena/mail";

/// The way mail leaves.
pub enum Mailer {
    /// By a mail server.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    /// Into a folder.
    Files(PathBuf),
}

impl Mailer {
    /// Reads `SMTP_URL`; without it, mail becomes files, except in production.
    ///
    /// # Errors
    /// A URL that cannot be read, and in production none at all.
    pub fn new(boot: &Boot) -> Result<Self, String> {
        match boot.var("SMTP_URL") {
            Some(url) => AsyncSmtpTransport::<Tokio1Executor>::from_url(&url)
                .map(|transport| Self::Smtp(transport.build()))
                .map_err(|error| {
                    // Its source says what is wrong; the URL itself holds a password.
                    let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                    format!("SMTP_URL: {why}; write smtp://user:password@host:587")
                }),
            None if boot.is_production() => Err(
                "SMTP_URL is not set: production needs a mail server; write smtp://user:password@host:587"
                    .to_owned(),
            ),
            None => Ok(Self::Files(PathBuf::from(FOLDER))),
        }
    }

    async fn send(&self, id: i64, mail: Mail) -> Result<()> {
        let message = Message::builder()
            // The same for every attempt, so that a mail server can tell a mail that is sent twice.
            .message_id(Some(format!("<{id}@tasks.example.test>")))
            .from(FROM.parse().map_err(Error::internal)?)
            .to(address(&mail.to)?)
            .subject(mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)
            .map_err(Error::internal)?;
        match self {
            Self::Smtp(server) => drop(server.send(message).await.map_err(Error::internal)?),
            Self::Files(folder) => write(folder, message).await?,
        }
        Ok(())
    }
}

/// An address that no server could read will not be read better next time.
fn address(text: &str) -> Result<Mailbox> {
    text.parse().map_err(|error| Error::discard("the recipient is not an e-mail address").because(error))
}

async fn write(folder: &Path, message: Message) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::internal)?;
    AsyncFileTransport::<Tokio1Executor>::new(folder).send(message).await.map_err(Error::internal)?;
    Ok(())
}
