//! The handler of an import.

use crate::audit_log::{AuditChange, AuditContext};
use crate::csv_rows::{self, CsvRow};
use crate::error::AdminError;
use crate::jsonl;
use crate::language::AcceptLanguage;
use crate::state::{AdminResult, State};
use crate::types::AppView;
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Extract};
use axum::http::{HeaderMap, header};
use axum::{Extension, Json};
use portraitd_api::registry::App;
use portraitd_model::{AccountSeed, Bilingual, Language, Profile, SdkAppId, UserId, bilingual};
use portraitd_store::{Found, Import, StoreError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The most lines in one import.
const ACCOUNTS_MAX: usize = 1000;

/// The result of an import.
#[derive(Debug, Default, JsonSchema, Serialize, Deserialize)]
pub struct Imported {
    /// The number of lines that were stored, in one commit; with `check`, that would be stored.
    pub imported: u64,
    /// The lines that were refused, in their order.
    pub refused: Vec<RefusedLine>,
    /// With `check`: the number of accounts that would be created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// With `check`: the number of accounts that exist and would change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<u64>,
}

/// A line that was refused.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct RefusedLine {
    /// Its number in the request, counted from 1.
    pub line: usize,
    /// Why it was refused, in a sentence in the language of `Accept-Language`.
    pub reason: String,
}

/// The query of an import.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// Send a webhook event for every account that changes.
    #[serde(default)]
    tell: bool,
    /// Check the lines, as an import does, and store nothing. What depends on the moment, such as a full disk, is not foreseen.
    #[serde(default)]
    check: bool,
    /// The id of the expected store, as `/store` shows it; a server with another store imports nothing and answers 409.
    store: Option<String>,
}

/// Stores the valid lines in one commit and reports the others. An account that does not exist is created; of an existing
/// one, the fields in its line are set and the others stay unchanged.
pub(crate) async fn import(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Query(query): Query<ImportQuery>,
    AcceptLanguage(language): AcceptLanguage,
    Extension(context): Extension<AuditContext>,
    headers: HeaderMap,
    body: Bytes,
) -> AdminResult<Imported> {
    state.ensure_store(query.store.as_deref())?;
    let app = state.app(&app)?;
    let read = || read_rows(&app, is_csv(&headers), &body);
    let mut rows = read()?;
    if query.check {
        return check(&state, app.settings.id, rows, language).await.map(Json);
    }
    let mut damaged = BTreeSet::new();
    loop {
        let (seeds, refused) = sort_out(std::mem::take(&mut rows), &damaged, language);
        let imported = seeds.len() as u64;
        let users: Vec<UserId> = seeds.iter().map(|seed| seed.user.id()).collect();
        let origin = if query.tell { state.origin(&app, &context, seeds.len()) } else { None };
        let (id, at) = (app.settings.id, state.clock.now());
        let change = AuditChange::without_before(json!({ "imported": imported, "refused": refused.len() }));
        let stored = if imported == 0 {
            Ok(Vec::new())
        } else {
            let write = Import { app: id, seeds, at, origin, deleted_after: None };
            state.write_audited(&context, Some(id), write, change).await
        };
        match stored {
            Ok(_) => {
                app.delivery.wake.notify_one();
                return Ok(Json(Imported { imported, refused, ..Imported::default() }));
            }
            // One damaged profile makes the whole import fail. It is tried again without such accounts.
            Err(StoreError::Corrupt(reason)) => {
                let found = state.store.profiles(app.settings.id, users.clone()).await?;
                let unreadable = users.into_iter().zip(found).filter(|(_, found)| *found == Found::Damaged);
                let known_before = damaged.len();
                damaged.extend(unreadable.map(|(user, _)| user));
                if damaged.len() == known_before {
                    return Err(StoreError::Corrupt(reason).into());
                }
                rows = read()?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A line that holds an account, or why it holds none, by its number.
type Row = (usize, Result<AccountSeed, Bilingual>);

fn is_csv(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/csv"))
}

/// Reads a body: 400 when it has too many lines, or is CSV whose header can't be used.
fn read_rows(app: &App, is_csv: bool, body: &[u8]) -> Result<Vec<Row>, AdminError> {
    if is_csv {
        let rows = csv_rows::read_all(body, &AppView::from(&app.settings), ACCOUNTS_MAX);
        let rows = rows.map_err(AdminError::invalid)?.into_iter();
        let read = |line: String| jsonl::read(&app.schema, line.as_bytes());
        return Ok(rows.map(|CsvRow { number, line }| (number, line.and_then(read))).collect());
    }
    let lines = body.split(|byte| *byte == b'\n');
    let number = lines.clone().count();
    // The last line may end with a line break.
    if number > ACCOUNTS_MAX + 1 {
        return Err(AdminError::invalid(bilingual!(
            "the body has {number} lines; at most {ACCOUNTS_MAX} are allowed in one call",
            "包体有 {number} 行，每次调用最多 {ACCOUNTS_MAX} 行"
        )));
    }
    let filled = lines.enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    Ok(filled.map(|(index, line)| (index + 1, jsonl::read(&app.schema, line))).collect())
}

/// Separates the accounts that can be stored from the lines that are refused.
fn sort_out(
    rows: Vec<Row>,
    damaged: &BTreeSet<UserId>,
    language: Language,
) -> (Vec<AccountSeed>, Vec<RefusedLine>) {
    let (mut seeds, mut refused) = (Vec::new(), Vec::new());
    let refusal = |line, reason: &Bilingual| RefusedLine { line, reason: reason.pick(language).to_owned() };
    for (line, row) in rows {
        match row {
            Ok(seed) if damaged.contains(&seed.user.id()) => {
                let reason = bilingual!(
                    "the stored profile of this account is damaged; delete the account first",
                    "该账号已存储的资料已损坏，请先删除该账号"
                );
                refused.push(refusal(line, &reason));
            }
            Ok(seed) => seeds.push(seed),
            Err(reason) => refused.push(refusal(line, &reason)),
        }
    }
    (seeds, refused)
}

/// Reports what an import would do, and stores nothing.
async fn check(
    state: &State,
    app: SdkAppId,
    rows: Vec<Row>,
    language: Language,
) -> Result<Imported, AdminError> {
    let users: BTreeSet<UserId> =
        rows.iter().filter_map(|(_, row)| Some(row.as_ref().ok()?.user.id())).collect();
    let users = Vec::from_iter(users);
    let found = state.store.profiles(app, users.clone()).await?;
    let found: BTreeMap<UserId, Found> = users.into_iter().zip(found).collect();
    let damaged =
        found.iter().filter(|(_, found)| **found == Found::Damaged).map(|(user, _)| *user).collect();
    let (seeds, refused) = sort_out(rows, &damaged, language);
    let mut after = BTreeMap::<UserId, Profile>::new();
    for AccountSeed { user, patch } in &seeds {
        let before = || match found.get(&user.id()) {
            Some(Found::Profile(profile)) => profile.clone(),
            _ => Profile::default(),
        };
        after.entry(user.id()).or_insert_with(before).merge(patch);
    }
    let (mut created, mut changed) = (0, 0);
    for (user, profile) in &after {
        match found.get(user) {
            Some(Found::Profile(before)) => changed += u64::from(before != profile),
            _ => created += 1,
        }
    }
    let imported = seeds.len() as u64;
    Ok(Imported { imported, refused, created: Some(created), changed: Some(changed) })
}
