//! Which context fits which tier, and how it is made of a call.

use std::future::Future;

use super::Call;
use crate::{
    auth::csrf,
    ctx::{Anyone, Authenticate, Ctx},
    error::{Error, Result},
    procedure::tier,
};

/// A context that a procedure of tier `T` may take, and the way to make it of a request.
#[diagnostic::on_unimplemented(
    message = "a procedure of this tier cannot take `&{Self}`",
    label = "this context does not fit the tier",
    note = "`tier = \"protected\"` takes `&Ctx<User>`: the signed-in user is `ctx.user`",
    note = "`tier = \"public\"` and `tier = \"auth\"` take `&Ctx`: `ctx.user()` is the caller, if signed in",
    note = "a type of your own in the place of `User` implements `catena::Authenticate`"
)]
pub trait ContextOf<T>: Sized {
    /// Finds out who is calling, if the context wants to know.
    ///
    /// # Errors
    /// `cross_site` when a page of another site has a browser send what signs somebody in; `unauthenticated` when
    /// somebody must be signed in and nobody is; `invalid_input` for a query string that nobody reads.
    fn enter(call: &Call) -> impl Future<Output = Result<Self>> + Send;
}

#[diagnostic::do_not_recommend]
impl ContextOf<tier::Public> for Ctx<Anyone> {
    async fn enter(call: &Call) -> Result<Self> {
        call.refuse_unread_query()?;
        Ok(Self::new(call.request.clone()))
    }
}

#[diagnostic::do_not_recommend]
impl ContextOf<tier::Auth> for Ctx<Anyone> {
    async fn enter(call: &Call) -> Result<Self> {
        call.refuse_unread_query()?;
        Ok(Self::new(call.request.clone()))
    }
}

#[diagnostic::do_not_recommend]
impl<U: Authenticate> ContextOf<tier::Protected> for Ctx<U> {
    async fn enter(call: &Call) -> Result<Self> {
        // Before anybody looks at what the request came with, whatever that is.
        csrf::check(&call.request.method, &call.request.headers)?;
        let ctx = Ctx::new(call.request.clone());
        let user = match U::authenticate(&ctx).await {
            Ok(Some(user)) => user,
            Ok(None) => return Err(call.refuse_stranger(Error::unauthenticated()).await),
            Err(error) => return Err(call.refuse_stranger(error).await),
        };
        ctx.request.act_for(user.id());
        call.charge_user(user.id()).await?;
        call.refuse_unread_query()?;
        Ok(Self { user, request: ctx.request })
    }
}
