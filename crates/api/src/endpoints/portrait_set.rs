//! `portrait_set`: sets fields of one user's profile, all or nothing (269/1640).

use crate::call_context::CallContext;
use crate::envelope::{Answer, ApiError};
use crate::json::{AccountPlace, Member, account, decode, missing, wire_struct};
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
        .description("All or nothing. The change is on disk before the answer is OK.")
        .request::<requests::PortraitSet>()
        .response::<requests::Nothing>(200, "The fields are set.")
}

pub(super) async fn run(ctx: CallContext<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    let request: Request<'_> = decode(ctx.service, body)?;
    let items = items(request.items.unwrap_or_default(), body)?;
    let user = match request.from_account {
        Some(member) => account(ctx.service, AccountPlace::member("From_Account"), Some(member))?,
        None => return Err(missing(body, "From_Account", ctx.service.bad_parameter())),
    };
    ctx.check_may_write(&user)?;
    let items: Vec<UncheckedItem<'_>> =
        items.iter().map(|(tag, value)| UncheckedItem { tag, value: value.clone() }).collect();
    let patch = ctx.app.schema.check(&ctx.app.word_filter, ctx.caller.role, &items)?;
    let (at, origin) = (ctx.services.clock.now(), ctx.origin(1));
    let (app, change) = (ctx.app.settings.id, Change { app: ctx.app.settings.id, user, patch, at, origin });
    match ctx.store_call(ctx.store().apply(change)).await {
        Ok(()) => {
            ctx.wake_webhook();
            Ok(Answer::ok())
        }
        Err(StoreError::NoSuchAccount) => {
            Err(ApiError::no_such_account(ErrorCode::AccountNotFound, &user, app))
        }
        Err(error) => Err(ctx.store_error(error)),
    }
}

type TagAndValue<'a> = (Cow<'a, str>, UncheckedValue<'a>);

/// Checks the shape of every item, before the value of any is checked.
fn items<'a>(items: Vec<Option<WireItem<'a>>>, body: &[u8]) -> Result<Vec<TagAndValue<'a>>, ApiError> {
    if items.is_empty() {
        return Err(missing(body, "ProfileItem", ErrorCode::BadParameter));
    }
    if items.len() > ITEMS_MAX {
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
        let english = format!("item {number} of ProfileItem: {english}");
        ApiError::with_detail(
            ErrorCode::BadParameter,
            english,
            format!("ProfileItem 第 {number} 项：{chinese}"),
        )
    };
    let tag = item.tag.ok_or_else(|| bad("Tag is missing", "缺少 Tag"))?;
    let text = tag.text()?.ok_or_else(|| {
        let [english, chinese] = tag.type_names();
        bad(&format!("Tag is {english}; a string is wanted"), &format!("Tag 是{chinese}，应为字符串"))
    })?;
    let value = item.value.ok_or_else(|| {
        bad(
            "Value is missing or null; an empty string clears a field",
            "缺少 Value 或其为 null；清空字段请用空字符串",
        )
    })?;
    let unchecked = value.value()?.ok_or_else(|| {
        let [english, chinese] = value.type_names();
        bad(
            &format!("Value is {english}; a string or a number is wanted"),
            &format!("Value 是{chinese}，应为字符串或数字"),
        )
    })?;
    Ok((text, unchecked))
}
