//! `kick`: makes every UserSig of an account issued up to now stop working (269/3853).

use crate::call_context::CallContext;
use crate::envelope::{Answer, ApiError};
use crate::json::{Member, account, decode, wire_struct};
use crate::openapi::operation::Operation;
use crate::openapi::requests;
use portraitd_model::ErrorCode;
use portraitd_store::StoreError;

wire_struct! { Request { user: Member<'a> = "UserID" | "Identifier", } }

pub(super) fn describe(operation: Operation<'_>) -> Operation<'_> {
    operation
        .summary("Make every UserSig of an account issued so far stop working")
        .description(
            "One that is dated ahead of the server's clock outlives it; revoke its key to stop that.",
        )
        .request::<requests::User>()
        .response::<requests::Nothing>(200, "They work no longer.")
}

pub(super) async fn run(ctx: CallContext<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    let request: Request<'_> = decode(ctx.service, body)?;
    let user = account(ctx.service, request.user)?;
    let now = ctx.services.clock.now().seconds();
    match ctx.within(ctx.store().kick(ctx.app.settings.id, user, now)).await {
        Ok(()) => {}
        Err(StoreError::NoSuchAccount) => return Err(ApiError::new(ErrorCode::LoginAccountNotFound)),
        Err(error) => return Err(ctx.failed(error)),
    }
    ctx.within(ctx.services.registry.kicked(ctx.app.settings.id, user))
        .await
        .map_err(|error| ctx.failed(error))?;
    Ok(Answer::ok())
}
