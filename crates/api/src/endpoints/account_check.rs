//! `account_check`: tells which of up to 100 accounts exist (269/38417).

use super::user_list::{Entry, users};
use crate::call_context::CallContext;
use crate::envelope::{Answer, ApiError};
use crate::json::{decode, wire_struct};
use crate::openapi::operation::{Operation, described};
use crate::openapi::requests;
use schemars::JsonSchema;
use serde::Serialize;

wire_struct! { Request { items: Vec<Option<Entry<'a>>> = "CheckItem", } }

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members<'a> {
    result_item: Vec<ResultItem<'a>>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultItem<'a> {
    #[serde(rename = "UserID")]
    user: &'a str,
    result_code: u32,
    result_info: &'static str,
    account_status: &'static str,
}

described! {
    Members<'static> => { "ResultItem": [{ "UserID": "alice", "ResultCode": 0, "ResultInfo": "", "AccountStatus": "Imported" }] };
}

pub(super) fn describe(operation: Operation<'_>) -> Operation<'_> {
    operation
        .request::<requests::CheckItems>()
        .response::<Members<'static>>(200, "Each account, in the order asked for.")
}

pub(super) async fn run(ctx: CallContext<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    let request: Request<'_> = decode(ctx.service, body)?;
    let users = users(ctx.service, ("CheckItem", body), request.items)?;
    let states = ctx.store_call(ctx.store().states(ctx.app.settings.id, users.clone())).await;
    let states = states.map_err(|error| ctx.store_error(error))?;
    let result_item = users.iter().zip(&states).map(|(user, state)| ResultItem {
        user: user.as_str(),
        result_code: 0,
        result_info: "",
        account_status: if state.is_some() { "Imported" } else { "NotImported" },
    });
    Answer::with(&Members { result_item: result_item.collect() })
}
