//! A service with nothing but limits, and ways to call it.

use catena::{
    Ctx, Error, Result, model, procedure,
    testing::{Answer, Client, EmbeddedMigrations, TestApp, TestAppBuilder},
};
use serde_json::{Value, json};

/// Answers anybody.
#[procedure(query, tier = "public")]
async fn ping(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

/// Answers anybody, rarely.
#[procedure(query, tier = "public", limit = "2/1h")]
async fn rarely(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[model]
pub(super) struct Attempt {
    #[identity]
    #[check(len = 3..=100)]
    email: String,
}

/// Lets nobody in.
#[procedure(tier = "auth")]
async fn enter(ctx: &Ctx, input: Attempt) -> Result<()> {
    let _ = (ctx, input);
    Err(Error::forbidden("nobody gets in"))
}

pub(super) const PING: &str = "/api/ping";
pub(super) const RARELY: &str = "/api/rarely";
pub(super) const ENTER: &str = "/api/enter";

/// The service, about to be started; addresses are read from the header `x-real-ip`.
pub(super) fn service(vars: &[(&'static str, &str)]) -> TestAppBuilder {
    let app = catena::App::new("limited", "0.0.0", EmbeddedMigrations::new(&[]));
    let builder = TestApp::builder(app).without_database().var("CLIENT_IP", "header:x-real-ip");
    vars.iter().fold(builder, |builder, (name, value)| builder.var(name, *value))
}

/// A client at an address.
pub(super) fn at(app: &TestApp, address: &str) -> Client {
    let mut client = app.client();
    client.header("x-real-ip", address);
    client
}

pub(super) async fn try_to_enter(client: &mut Client, email: &str) -> Answer {
    client.post(ENTER, json!({"email": email})).await
}

/// What `name` signs up and in with, at the example.
pub(super) fn credentials(name: &str) -> Value {
    json!({"email": format!("{name}@example.test"), "password": "correct horse battery"})
}

/// The policy that an answer says is used up; empty for any other answer.
pub(super) fn violated(answer: &Answer) -> String {
    if answer.status != 429 {
        return String::new();
    }
    answer.json()["violated-policies"][0].as_str().unwrap_or("none").to_owned()
}
