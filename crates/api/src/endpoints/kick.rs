//! `kick`: invalidates every UserSig of an account issued up to now (269/3853). It stores the second; `authenticate.rs`
//! compares it with the time of issue at every call.

use crate::call_context::CallContext;
use crate::envelope::{Answer, ApiError};
use crate::json::{AccountPlace, Member, account, decode, wire_struct};
use crate::openapi::operation::Operation;
use crate::openapi::requests;
use portraitd_model::ErrorCode;
use portraitd_store::StoreError;

wire_struct! { Request { user: Member<'a> = "UserID" | "Identifier", } }

pub(super) fn describe(operation: Operation<'_>) -> Operation<'_> {
    operation
        .description(
            "A UserSig issued later than the server's current time stays valid; revoke its key to stop it.",
        )
        .request::<requests::User>()
        .response::<requests::Nothing>(200, "The UserSigs are no longer valid.")
}

pub(super) async fn run(ctx: CallContext<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    let request: Request<'_> = decode(ctx.service, body)?;
    let user = account(ctx.service, AccountPlace::member("UserID"), request.user)?;
    let now = ctx.services.clock.now().seconds();
    match ctx.store_call(ctx.store().kick(ctx.app.settings.id, user, now)).await {
        Ok(()) => {}
        Err(StoreError::NoSuchAccount) => {
            return Err(ApiError::no_such_account(
                ErrorCode::LoginAccountNotFound,
                &user,
                ctx.app.settings.id,
            ));
        }
        Err(error) => return Err(ctx.store_error(error)),
    }
    ctx.store_call(ctx.services.registry.apply_kick(ctx.app.settings.id, user))
        .await
        .map_err(|error| ctx.store_error(error))?;
    Ok(Answer::ok())
}
