//! `portrait_get`: reads fields of up to 100 users' profiles (269/1639).

use super::profiles_answer::Members;
use crate::call_context::{ACCOUNTS_MAX, CallContext, timed_store_call};
use crate::envelope::{Answer, ApiError};
use crate::failed_entries::FailedEntries;
use crate::json::{AccountPlace, Member, account, decode, missing, wire_struct};
use crate::openapi::operation::Operation;
use crate::openapi::requests;
use crate::registry::App;
use portraitd_model::{ErrorCode, Service, Tag, UserId};
use portraitd_store::{Found, Store};
use std::borrow::Cow;
use std::sync::Arc;

/// The most tags in one call; more than an app can have. It bounds the answer.
const TAGS_MAX: usize = 64;

/// A read of this many accounts or more runs on the extra thread; each account takes 1 to 2 µs.
const LARGE_READ_MIN: usize = 16;

wire_struct! { Request { accounts: Vec<Option<Member<'a>>> = "To_Account", tags: Vec<Option<Member<'a>>> = "TagList", } }

pub(super) fn describe(operation: Operation<'_>) -> Operation<'_> {
    operation
        .description("Fields that were never set are omitted. The entry of an account that does not exist has the id `@TLS#NOT_FOUND`; Fail_Account has the id asked for.")
        .request::<requests::PortraitGet>()
        .response::<Members<'static>>(200, "The profiles, in the order asked for.")
}

pub(super) async fn run(ctx: CallContext<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    let request: Request<'_> = decode(ctx.service, body)?;
    let users = users(&ctx, body, request.accounts.unwrap_or_default(), request.tags.as_deref())?;
    let tags = tags(&ctx, request.tags.unwrap_or_default())?;
    let (store, app) = (Arc::clone(&ctx.services.store), Arc::clone(&ctx.app));
    let (answer, micros) = if users.len() < LARGE_READ_MIN {
        answer(store, app, ctx.service, users, tags).await
    } else {
        let tags = tags.into_iter().map(|(text, tag)| (Cow::Owned(text.into_owned()), tag)).collect();
        ctx.services.large_reads.run(answer(store, app, ctx.service, users, tags)).await
    };
    ctx.add_store_time(micros);
    answer
}

/// Reads the profiles and returns the answer and how many microseconds the store took.
async fn answer(
    store: Arc<dyn Store>,
    app: Arc<App>,
    service: Service,
    users: Vec<UserId>,
    tags: Vec<(Cow<'_, str>, Tag)>,
) -> (Result<Answer, ApiError>, u64) {
    let (found, micros) = timed_store_call(store.profiles(app.settings.id, users.clone())).await;
    let found = found.map_err(|error| ApiError::store(service.internal(), error));
    let echo = app.settings.echo_unknown;
    let answer = found.map(|found| {
        let members = Members::of(&users, &tags, &found, echo).written();
        Answer::written(members).with_failed(failed(&users, &found))
    });
    (answer, micros)
}

fn users(
    ctx: &CallContext<'_>,
    body: &[u8],
    accounts: Vec<Option<Member<'_>>>,
    tags: Option<&[Option<Member<'_>>]>,
) -> Result<Vec<UserId>, ApiError> {
    let tags = tags.map_or(0, <[_]>::len);
    let bad = |english: String, chinese: String| {
        Err(ApiError::with_detail(ErrorCode::BadParameter, english, chinese))
    };
    match accounts.len() {
        0 => Err(missing(body, "To_Account", ErrorCode::NoAccount)),
        count if count > ACCOUNTS_MAX => bad(
            format!("To_Account holds {count} accounts; at most {ACCOUNTS_MAX} are allowed"),
            format!("To_Account 含 {count} 个账号，最多允许 {ACCOUNTS_MAX} 个"),
        ),
        _ if tags == 0 => Err(missing(body, "TagList", ErrorCode::BadParameter)),
        _ if tags > TAGS_MAX => bad(
            format!("TagList holds {tags} tags; 1 to {TAGS_MAX} are allowed"),
            format!("TagList 含 {tags} 个 Tag，允许 1 至 {TAGS_MAX} 个"),
        ),
        _ => {
            let read = |(index, member)| {
                account(ctx.service, AccountPlace { member: "To_Account", item: Some(index) }, member)
            };
            accounts.into_iter().enumerate().map(read).collect()
        }
    }
}

/// Returns each tag as the caller wrote it, since answers echo it, with its field. A tag given twice is returned once, so
/// that repeated tags do not make the answer larger.
fn tags<'a>(
    ctx: &CallContext<'_>,
    tags: Vec<Option<Member<'a>>>,
) -> Result<Vec<(Cow<'a, str>, Tag)>, ApiError> {
    let not_text = || {
        ApiError::with_detail(
            ErrorCode::BadParameter,
            "a tag in TagList is not a string",
            "TagList 中的 Tag 不是字符串",
        )
    };
    let texts = tags.into_iter().map(|tag| tag.map_or(Ok(None), Member::text)?.ok_or_else(not_text));
    let texts: Vec<Cow<'a, str>> = texts.collect::<Result<_, _>>()?;
    let mut fields: Vec<(Cow<'a, str>, Tag)> = Vec::with_capacity(texts.len());
    for (index, text) in texts.into_iter().enumerate() {
        let tag = ctx.app.schema.readable(ctx.caller.role, index, &text)?;
        if !fields.iter().any(|(known, _)| *known == text) {
            fields.push((text, tag));
        }
    }
    Ok(fields)
}

fn failed(users: &[UserId], found: &[Found]) -> FailedEntries {
    let mut failed = FailedEntries::default();
    for (user, found) in users.iter().zip(found) {
        match found {
            Found::Profile(_) => {}
            Found::Missing => failed.add(*user, ApiError::new(ErrorCode::AccountNotFound)),
            Found::Damaged => failed.add(
                *user,
                ApiError::with_detail(
                    ErrorCode::Internal,
                    "the stored profile is damaged; `portraitd check` tells more",
                    "存储的资料已损坏，详情见 `portraitd check`",
                ),
            ),
        }
    }
    failed
}
