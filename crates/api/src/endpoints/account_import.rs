//! `account_import`: creates an account, or updates its nickname and avatar (269/1608).

use crate::call_context::CallContext;
use crate::envelope::{Answer, ApiError};
use crate::json::{AccountPlace, Member, decode, new_account, wire_struct};
use crate::openapi::operation::Operation;
use crate::openapi::requests;
use portraitd_model::{AccountSeed, ErrorCode, NewUserId, Role, StandardTag, UncheckedItem, UncheckedValue};
use std::borrow::Cow;

wire_struct! {
    Request {
        user: Member<'a> = "UserID" | "Identifier",
        nick: Member<'a> = "Nick",
        face_url: Member<'a> = "FaceUrl",
    }
}

pub(super) fn describe(operation: Operation<'_>) -> Operation<'_> {
    operation.request::<requests::Account>().response::<requests::Nothing>(200, "The account exists.")
}

pub(super) async fn run(ctx: CallContext<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    let request: Request<'_> = decode(ctx.service, body)?;
    let user = new_account(ctx.service, AccountPlace::member("UserID"), request.user)?;
    let seed = seed(&ctx, user, text(request.nick)?, text(request.face_url)?)?;
    // The import writes a profile, so a store error has the profile service's code (1047/34953).
    let left_out =
        ctx.import(vec![seed]).await.map_err(|error| ApiError::store(ErrorCode::Internal, error))?;
    if left_out.is_empty() { Ok(Answer::ok()) } else { Err(ApiError::new(ErrorCode::DeletedRecently)) }
}

/// Reads a string member. Absent, `null` and empty mean the same: clients without a value send `""`.
pub(super) fn text(member: Option<Member<'_>>) -> Result<Option<Cow<'_, str>>, ApiError> {
    let Some(member) = member else { return Ok(None) };
    let text = member.text()?.ok_or_else(|| {
        ApiError::with_detail(
            ErrorCode::LoginBadParameter,
            "Nick and FaceUrl must be strings",
            "Nick 和 FaceUrl 必须是字符串",
        )
    })?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Returns the account to create. Nick and `FaceUrl` are fields of the profile and must follow their rules.
pub(super) fn seed<'a>(
    ctx: &CallContext<'_>,
    user: NewUserId,
    nick: Option<Cow<'a, str>>,
    face_url: Option<Cow<'a, str>>,
) -> Result<AccountSeed, ApiError> {
    let item = |tag: StandardTag, text: Option<Cow<'a, str>>| {
        text.map(|text| UncheckedItem { tag: tag.as_str(), value: UncheckedValue::Text(text) })
    };
    let items: Vec<UncheckedItem<'_>> =
        [item(StandardTag::Nick, nick), item(StandardTag::Image, face_url)].into_iter().flatten().collect();
    let patch = ctx.app.schema.check(&ctx.app.word_filter, Role::Admin, &items)?;
    Ok(AccountSeed { user, patch })
}
