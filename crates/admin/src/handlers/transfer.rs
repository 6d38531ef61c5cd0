//! Handlers of bulk data: export and import of accounts, and a backup of the whole store.

use crate::audit_log::{AuditChange, AuditContext};
use crate::error::AdminError;
use crate::jsonl;
use crate::language::AcceptLanguage;
use crate::state::{AdminResult, State, parse_body};
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Extract};
use axum::{Extension, Json};
use portraitd_api::registry::App;
use portraitd_model::{AccountSeed, UserId};
use portraitd_store::{Found, Import, StoreError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The most accounts in one page of an export, and the most lines in one import.
const ACCOUNTS_MAX: usize = 1000;

/// A page of an export.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct ExportPage {
    /// One line of the export for each account, by ascending UserID.
    #[schemars(with = "Vec<jsonl::Record<'static>>")]
    pub accounts: Vec<Box<RawValue>>,
    /// The accounts whose stored profile is damaged.
    pub damaged: Vec<String>,
    /// The `after` of the next page; `null` on the last page.
    pub next: Option<String>,
}

/// The result of an import.
#[derive(Debug, Default, JsonSchema, Serialize, Deserialize)]
pub struct Imported {
    /// The number of lines that were stored, in one commit.
    pub imported: u64,
    /// The lines that were refused, in their order.
    pub refused: Vec<RefusedLine>,
}

/// A line that was refused.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct RefusedLine {
    /// Its number in the request, counted from 1.
    pub line: usize,
    /// Why it was refused, in a sentence.
    pub reason: String,
}

/// The directory of a backup.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The absolute path of a new or empty directory on the server's disk.
    pub directory: PathBuf,
}

/// The query of an export.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// Only this account.
    user: Option<String>,
    /// Only accounts whose UserID is greater than this.
    after: Option<String>,
    /// The most accounts in the page; default 100, at most 1000.
    limit: Option<usize>,
    /// The id of the expected store, as `/store` shows it; a server with another store answers 409.
    store: Option<String>,
}

pub(crate) async fn export(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Query(query): Query<ExportQuery>,
) -> AdminResult<ExportPage> {
    state.ensure_store(query.store.as_deref())?;
    let app = state.app(&app)?.settings.id;
    let parse = |id: &Option<String>| id.as_deref().map(UserId::parse).transpose();
    let parse = |id| parse(id).map_err(|error| AdminError::bad(error.to_string()));
    let limit = query.limit.unwrap_or(100).clamp(1, ACCOUNTS_MAX);
    let users = match parse(&query.user)? {
        Some(user) => vec![user],
        None => state.store.accounts_page(app, String::new(), parse(&query.after)?, limit).await?,
    };
    let full = query.user.is_none() && users.len() == limit;
    let next = users.last().filter(|_| full).map(ToString::to_string);
    let found = state.store.profiles(app, users.clone()).await?;
    let mut page = ExportPage { accounts: Vec::with_capacity(users.len()), damaged: Vec::new(), next };
    for (user, found) in users.into_iter().zip(found) {
        match found {
            Found::Profile(profile) => {
                let line = jsonl::write(user, &profile);
                page.accounts.push(line.map_err(|error| StoreError::Corrupt(error.to_string()))?);
            }
            Found::Damaged => page.damaged.push(user.to_string()),
            // The account was deleted after the UserIDs were read.
            Found::Missing if query.user.is_none() => {}
            Found::Missing => return Err(AdminError::not_found(format!("app {app} has no account {user}"))),
        }
    }
    Ok(Json(page))
}

/// The query of an import.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// Send a webhook event for every account that changes.
    #[serde(default)]
    tell: bool,
    /// The id of the expected store, as `/store` shows it; a server with another store imports nothing and answers 409.
    store: Option<String>,
}

/// Stores the valid lines in one commit and reports the others. An account that does not exist is created; of an existing
/// one, the fields in its line are set and the others stay unchanged.
pub(crate) async fn import(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Query(query): Query<ImportQuery>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<Imported> {
    state.ensure_store(query.store.as_deref())?;
    let app = state.app(&app)?;
    let lines = body.split(|byte| *byte == b'\n').count();
    // The last line may end with a line break.
    if lines > ACCOUNTS_MAX + 1 {
        return Err(AdminError::bad(format!(
            "the body has {lines} lines; at most {ACCOUNTS_MAX} are allowed in one call"
        )));
    }
    let mut damaged = BTreeSet::new();
    loop {
        let (seeds, refused) = read_lines(&app, &body, &damaged);
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
                return Ok(Json(Imported { imported, refused }));
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
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn read_lines(app: &App, body: &[u8], damaged: &BTreeSet<UserId>) -> (Vec<AccountSeed>, Vec<RefusedLine>) {
    let (mut seeds, mut refused) = (Vec::new(), Vec::new());
    for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let seed = match jsonl::read(&app.schema, line) {
            Ok(seed) if damaged.contains(&seed.user.id()) => {
                Err("the stored profile of this account is damaged; delete the account first".to_owned())
            }
            read => read,
        };
        match seed {
            Ok(seed) => seeds.push(seed),
            Err(reason) => refused.push(RefusedLine { line: index + 1, reason }),
        }
    }
    (seeds, refused)
}

/// Writes a backup, and answers when it is on disk.
pub(crate) async fn backup(
    Extract(state): Extract<State>,
    Extension(context): Extension<AuditContext>,
    AcceptLanguage(language): AcceptLanguage,
    body: Bytes,
) -> AdminResult<Backup> {
    let request: Backup = parse_body(&body)?;
    if state.store.nodes().is_some() {
        return Err(AdminError::conflict(language.pick(
            "the data is in a database that several servers share: back it up with the database's own tools; `portraitd export` \
             writes an app's accounts to a file, and `portraitd store copy` copies everything while no server runs",
            "数据存放在多个服务共用的数据库中：请使用该数据库自带的工具备份；`portraitd export` 将应用的账号导出到文件，\
             `portraitd store copy` 在所有服务停止时复制全部数据",
        )));
    }
    state.store.backup(&request.directory).await?;
    let recorded = state
        .write_audit_entry(
            &context,
            None,
            AuditChange::without_before(json!({ "directory": request.directory })),
        )
        .await;
    let directory = request.directory.display();
    match recorded {
        Ok(()) => tracing::info!(%directory, "a backup was written"),
        // A store that can no longer be written is the one that most needs a backup, so this is no error.
        Err(error) => {
            let reason = &error.message;
            tracing::warn!(%directory, reason, "a backup was written, but could not be recorded in the audit log");
        }
    }
    Ok(Json(request))
}
