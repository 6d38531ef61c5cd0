//! `multiaccount_import`: creates up to 100 accounts at once (269/4919).

use super::account_import::{seed, text};
use super::decode::{Member, account, decode, wire_struct};
use super::{Answer, ApiError, Ctx, bounded, told};
use crate::openapi::{Operation, described};
use portrait_model::UserId;
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
    /// Always there, also empty: a published client fails without it.
    fail_accounts: Vec<&'a str>,
}

described! {
    Members<'static> => { "FailAccounts": [] };
}

pub(super) fn describe(operation: Operation<'_>) -> Operation<'_> {
    operation
        .says("Create up to 100 accounts")
        .takes::<told::Accounts>()
        .gives::<Members<'static>>(200, "The accounts exist, but for those in FailAccounts.")
}

pub(super) async fn run(ctx: Ctx<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    let request: Request<'_> = decode(ctx.service, body)?;
    let bare = request.accounts.unwrap_or_default().into_iter();
    let bare = bare.map(|user| Entry { user, ..Entry::default() });
    let full = request.account_list.unwrap_or_default().into_iter().map(Option::unwrap_or_default);
    let entries = bounded(Some(bare.chain(full).collect()))?;

    // Ids and types are the shape of the request: one wrong, nothing is done. A nickname that breaks a rule
    // of its field fails its own account only.
    let (mut seeds, mut failed): (Vec<_>, Vec<UserId>) = (Vec::with_capacity(entries.len()), Vec::new());
    for entry in entries {
        let user = account(ctx.service, entry.user)?;
        match seed(&ctx, user, text(entry.nick)?, text(entry.face_url)?) {
            Ok(seed) => seeds.push(seed),
            Err(_) => failed.push(user),
        }
    }
    let (at, origin) = (ctx.gateway.clock.now(), ctx.origin(seeds.len()));
    let import = ctx.store().import(ctx.app.settings.id, seeds, at, origin);
    ctx.within(import).await.map_err(|error| ctx.failed(error))?;
    ctx.tell();
    Answer::with(&Members { fail_accounts: failed.iter().map(UserId::as_str).collect() })
}
