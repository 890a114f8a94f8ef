//! Sending mail: by SMTP, or in development as files to look at.

use std::{
    error::Error as _,
    path::{Path, PathBuf},
};

use catena::{Boot, Error, JobCtx, Result, job};
use lettre::{
    AsyncFileTransport, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};

use crate::models::mail::Mail;

/// Sends one mail.
#[job(retries = 5, backoff = "exponential(2s, 1h)")]
pub async fn send_mail(job: &JobCtx, args: Mail) -> Result<()> {
    job.state::<Mailer>()?.send(job.id(), args).await
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
