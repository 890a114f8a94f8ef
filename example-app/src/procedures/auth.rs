//! Signing up, in and out.

use catena::{Created, Ctx, Result, User, procedure, types::Uuid};
use diesel::{QueryDsl as _, SelectableHelper as _};
use diesel_async::RunQueryDsl as _;

use crate::{
    jobs::mail::{send_mail, send_reset},
    models::{
        account::{Forgotten, LogIn, NewPassword, NewProfile, Profile, SignUp, SignedIn},
        mail::Mail,
    },
    schema::profiles,
};

/// Makes an account, signs its owner in and sends a welcome by mail.
#[procedure(tier = "auth")]
pub async fn signup(ctx: &Ctx, input: SignUp) -> Result<Created<SignedIn>> {
    let id = Uuid::now_v7();
    ctx.add_password(id, &input.email, &input.password).await?;
    // From here on the transaction acts for the new user, so row-level security lets their row in.
    let session = ctx.sign_in(id).await?;
    diesel::insert_into(profiles::table)
        .values(NewProfile { email: input.email.clone() })
        .execute(&mut ctx.db().await?)
        .await?;
    // The mail is sent if, and only if, all of this is committed.
    send_mail::enqueue(
        ctx,
        Mail {
            to: input.email,
            subject: "Welcome".to_owned(),
            text: "Your account is ready. What is there to do?".to_owned(),
        },
    )
    .await?;
    Ok(Created(session.into()))
}

/// Signs a user in.
#[procedure(tier = "auth")]
pub async fn login(ctx: &Ctx, input: LogIn) -> Result<SignedIn> {
    let id = ctx.check_password(&input.email, &input.password).await?;
    Ok(ctx.sign_in(id).await?.into())
}

/// Has a mail sent with which a forgotten password can be set anew, if there is an account with the address. The answer
/// is the same if there is none: only the job looks.
#[procedure(tier = "auth")]
pub async fn request_reset(ctx: &Ctx, input: Forgotten) -> Result<()> {
    send_reset::enqueue(ctx, input).await?;
    Ok(())
}

/// Sets a new password by the token of that mail, and signs the user out everywhere.
#[procedure(tier = "auth")]
pub async fn reset(ctx: &Ctx, input: NewPassword) -> Result<()> {
    ctx.reset_password(&input.token, &input.password).await?;
    Ok(())
}

/// Signs the user out; the session is of no use afterwards.
#[procedure(tier = "protected")]
pub async fn logout(ctx: &Ctx<User>) -> Result<()> {
    ctx.sign_out().await
}

/// Tells who is signed in.
#[procedure(query, tier = "protected")]
pub async fn me(ctx: &Ctx<User>) -> Result<Profile> {
    let profile =
        profiles::table.find(ctx.user.id).select(Profile::as_select()).first(&mut ctx.db().await?).await?;
    Ok(profile)
}
