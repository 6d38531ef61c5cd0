//! `multiaccount_import`: creates up to 100 accounts at once (269/4919).

use super::account_import::{seed, text};
use crate::call_context::{CallContext, check_account_count};
use crate::envelope::{Answer, ApiError};
use crate::failed_entries::FailedEntries;
use crate::json::{AccountPlace, Member, decode, new_account, wire_struct};
use crate::openapi::operation::{Operation, described};
use crate::openapi::requests;
use portraitd_model::ErrorCode;
use schemars::JsonSchema;
use serde::Serialize;

wire_struct! {
    Request {
        accounts: Vec<Option<Member<'a>>> = "Accounts",
        account_list: Vec<Option<Entry<'a>>> = "AccountList",
    }
}
wire_struct! {
    Entry {
        user: Member<'a> = "UserID" | "Identifier",
        nick: Member<'a> = "Nick",
        face_url: Member<'a> = "FaceUrl",
    }
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members<'a> {
    /// Present even when empty: a published client fails without it.
    fail_accounts: Vec<&'a str>,
}

described! {
    Members<'static> => { "FailAccounts": [] };
}

pub(super) fn describe(operation: Operation<'_>) -> Operation<'_> {
    operation
        .request::<requests::Accounts>()
        .response::<Members<'static>>(200, "All accounts exist except those in FailAccounts.")
}

/// Returns the code of an internal error: the profile service's with `AccountList`, which writes profiles (1047/34954).
fn internal(request: &Request<'_>) -> ErrorCode {
    let profiles = request.account_list.as_ref().is_some_and(|list| !list.is_empty());
    if profiles { ErrorCode::Internal } else { ErrorCode::LoginInternal }
}

pub(super) async fn run(ctx: CallContext<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    let request: Request<'_> = decode(ctx.service, body)?;
    let internal = internal(&request);
    let by_id = request.accounts.unwrap_or_default().into_iter();
    let without_profile = by_id.map(|user| Entry { user, ..Entry::default() });
    let with_profile = request.account_list.unwrap_or_default().into_iter().map(Option::unwrap_or_default);
    let entries =
        check_account_count(("Accounts", body), Some(without_profile.chain(with_profile).collect()))?;

    // A wrong id or type refuses the whole request. A nickname that breaks a rule of its field fails only its own
    // account.
    let (mut seeds, mut accounts) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
    for (index, entry) in entries.into_iter().enumerate() {
        let place = AccountPlace { member: "UserID", item: Some(index) };
        let user = new_account(ctx.service, place, entry.user)?;
        match seed(&ctx, user, text(entry.nick)?, text(entry.face_url)?) {
            Ok(seed) => {
                seeds.push(seed);
                accounts.push((user.id(), None));
            }
            Err(error) => accounts.push((user.id(), Some(error))),
        }
    }
    let left_out = ctx.import(seeds).await.map_err(|error| ApiError::store(internal, error))?;
    let (mut fail_accounts, mut failed) = (Vec::new(), FailedEntries::default());
    for (user, error) in &mut accounts {
        let left_out = left_out.contains(user).then_some(ErrorCode::DeletedRecently);
        if let Some(error) = error.take().or(left_out.map(ApiError::new)) {
            fail_accounts.push(user.as_str());
            failed.add(*user, error);
        }
    }
    Ok(Answer::with(&Members { fail_accounts })?.with_failed(failed))
}
