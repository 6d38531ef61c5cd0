//! `portrait_set`: sets fields of one user's profile, all or nothing (269/1640).

use crate::call_context::CallContext;
use crate::envelope::{Answer, ApiError};
use crate::json::{Member, account, decode, wire_struct};
use crate::openapi::operation::Operation;
use crate::openapi::requests;
use portraitd_model::{ErrorCode, UncheckedItem, UncheckedValue};
use portraitd_store::{Change, StoreError};
use std::borrow::Cow;

/// The most fields in one call.
const ITEMS_MAX: usize = 64;

wire_struct! { Request { from_account: Member<'a> = "From_Account", items: Vec<Option<WireItem<'a>>> = "ProfileItem", } }
wire_struct! { WireItem { tag: Member<'a> = "Tag", value: Member<'a> = "Value", } }

pub(super) fn describe(operation: Operation<'_>) -> Operation<'_> {
    operation
        .summary("Set fields of one user's profile")
        .description("All or nothing. The change is on disk before the answer is OK.")
        .request::<requests::PortraitSet>()
        .response::<requests::Nothing>(200, "The fields are set.")
}

pub(super) async fn run(ctx: CallContext<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    let request: Request<'_> = decode(ctx.service, body)?;
    let items = items(request.items.unwrap_or_default())?;
    let user = account(ctx.service, request.from_account)?;
    ctx.check_may_write(&user)?;
    let items: Vec<UncheckedItem<'_>> =
        items.iter().map(|(tag, value)| UncheckedItem { tag, value: value.clone() }).collect();
    let patch = ctx.app.schema.check(&ctx.app.word_filter, ctx.caller.role, &items)?;
    let (at, origin) = (ctx.services.clock.now(), ctx.origin(1));
    let change = Change { app: ctx.app.settings.id, user, patch, at, origin };
    match ctx.store_call(ctx.store().apply(change)).await {
        Ok(()) => {
            ctx.wake_webhook();
            Ok(Answer::ok())
        }
        Err(StoreError::NoSuchAccount) => Err(ApiError::new(ErrorCode::AccountNotFound)),
        Err(error) => Err(ctx.store_error(error)),
    }
}

type TagAndValue<'a> = (Cow<'a, str>, UncheckedValue<'a>);

/// Checks the shape of every item, before the value of any is checked.
fn items(items: Vec<Option<WireItem<'_>>>) -> Result<Vec<TagAndValue<'_>>, ApiError> {
    if items.is_empty() || items.len() > ITEMS_MAX {
        let count = items.len();
        return Err(ApiError::with_detail(
            ErrorCode::BadParameter,
            format!("ProfileItem holds {count} items; 1 to {ITEMS_MAX} are allowed"),
            format!("ProfileItem 含 {count} 项，允许 1 至 {ITEMS_MAX} 项"),
        ));
    }
    items.into_iter().enumerate().map(|(index, item)| self::item(index, &item.unwrap_or_default())).collect()
}

fn item<'a>(index: usize, item: &WireItem<'a>) -> Result<TagAndValue<'a>, ApiError> {
    let bad = |english: &str, chinese: &str| {
        let number = index + 1;
        let english = format!("item {number}: {english}");
        ApiError::with_detail(ErrorCode::BadParameter, english, format!("第 {number} 项：{chinese}"))
    };
    let tag = match item.tag {
        Some(tag) => tag.text()?,
        None => None,
    };
    let tag = tag.ok_or_else(|| bad("Tag is missing or not a string", "缺少 Tag 或其不是字符串"))?;
    let value = match item.value {
        Some(value) => value.value()?,
        None => None,
    };
    let value = value.ok_or_else(|| bad("Value must be a string or a number", "Value 必须是字符串或数字"))?;
    Ok((tag, value))
}
