//! `account_delete`: deletes up to 100 accounts with their profiles (269/36443).

use super::user_list::{Entry, users};
use crate::call_context::CallContext;
use crate::envelope::{Answer, ApiError};
use crate::failed_entries::FailedEntries;
use crate::json::{decode, wire_struct};
use crate::openapi::operation::{Operation, described};
use crate::openapi::requests;
use portraitd_model::{ErrorCode, UserId};
use schemars::JsonSchema;
use serde::Serialize;

wire_struct! { Request { items: Vec<Option<Entry<'a>>> = "DeleteItem", } }

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members<'a> {
    result_item: Vec<ResultItem<'a>>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultItem<'a> {
    result_code: u32,
    result_info: &'static str,
    #[serde(rename = "UserID")]
    user: &'a str,
}

described! {
    Members<'static> => { "ResultItem": [{ "ResultCode": 0, "ResultInfo": "", "UserID": "dave" }] };
}

pub(super) fn describe(operation: Operation<'_>) -> Operation<'_> {
    operation
        .request::<requests::DeleteItems>()
        .response::<Members<'static>>(200, "The outcome for each account.")
}

pub(super) async fn run(ctx: CallContext<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    let request: Request<'_> = decode(ctx.service, body)?;
    let users = users(ctx.service, ("DeleteItem", body), request.items)?;
    if ctx.app.settings.deletion_forbidden {
        return Err(ApiError::new(ErrorCode::DeletionForbidden));
    }

    // An admin's account can't be deleted.
    let is_admin = |user: &UserId| ctx.app.settings.is_admin(user.as_str());
    let deletable: Vec<UserId> = users.iter().copied().filter(|user| !is_admin(user)).collect();
    let noted_at = ctx.app.settings.reimport_after.map(|_| ctx.services.clock.now());
    let delete = ctx.store().delete_noting(ctx.app.settings.id, deletable, noted_at);
    let existed = ctx.store_call(delete).await;
    let mut existed = existed.map_err(|error| ctx.store_error(error))?.into_iter();

    let (mut result_item, mut failed) = (Vec::with_capacity(users.len()), FailedEntries::default());
    for user in &users {
        let refused = if is_admin(user) {
            Some(ApiError::with_detail(
                ErrorCode::LoginBadParameter,
                "an admin of the app can't be deleted; remove it from the app's admins first",
                "不能删除应用管理员的账号，请先取消其管理员身份",
            ))
        } else if existed.next() == Some(true) {
            None
        } else {
            Some(ApiError::new(ErrorCode::LoginAccountNotFound))
        };
        let code = refused.as_ref().map(ApiError::code);
        result_item.push(ResultItem {
            result_code: code.map_or(0, ErrorCode::number),
            result_info: code.map_or("", ErrorCode::info),
            user: user.as_str(),
        });
        if let Some(error) = refused {
            failed.add(*user, error);
        }
    }
    Ok(Answer::with(&Members { result_item })?.with_failed(failed))
}
