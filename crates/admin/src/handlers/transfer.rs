//! Accounts in and out, many at a time, and a backup of everything.

use crate::audit_log::{AuditContext, Changed};
use crate::error::AdminError;
use crate::jsonl;
use crate::state::{Answer, State, read};
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

/// A part of an export.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct ExportPage {
    /// Each as one line of the export, in the order of the ids.
    #[schemars(with = "Vec<jsonl::Record<'static>>")]
    pub accounts: Vec<Box<RawValue>>,
    /// Accounts whose profile does not read back.
    pub damaged: Vec<String>,
    /// Give this as `after` to get the next part; absent on the last.
    pub next: Option<String>,
}

/// What became of an import's lines.
#[derive(Debug, Default, JsonSchema, Serialize, Deserialize)]
pub struct Imported {
    /// Lines stored, in one atomic unit.
    pub imported: u64,
    /// The lines that were not stored, in their order.
    pub refused: Vec<RefusedLine>,
}

/// A line that was not stored.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct RefusedLine {
    /// Its place in the request, counted from 1.
    pub line: usize,
    /// Why it was not stored, as a sentence for people.
    pub reason: String,
}

/// Where to write a backup.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// A new or empty directory on the server's own disk, named from the root on.
    pub directory: PathBuf,
}

/// Which accounts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// This account alone.
    user: Option<String>,
    /// Those after this one.
    after: Option<String>,
    /// At most so many; 100 unless given, at most 1000.
    limit: Option<usize>,
    /// The id of the store that is meant, as `/store` shows it; another store answers 409.
    store: Option<String>,
}

pub(crate) async fn export(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Answer<ExportPage> {
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
            // Deleted since the ids were read.
            Found::Missing if query.user.is_none() => {}
            Found::Missing => return Err(AdminError::not_found(format!("app {app} has no account {user}"))),
        }
    }
    Ok(Json(page))
}

/// How to import.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// Tell the app's webhook of every account that is changed.
    #[serde(default)]
    tell: bool,
    /// The id of the store that is meant, as `/store` shows it; another store takes nothing and answers 409.
    store: Option<String>,
}

/// Stores the lines that are good, all in one atomic unit, and says what is wrong with the others. An account that is
/// missing is created; the fields given are set, others stay as they are.
pub(crate) async fn import(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Query(query): Query<ImportQuery>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Answer<Imported> {
    state.ensure_store(query.store.as_deref())?;
    let app = state.app(&app)?;
    let lines = body.split(|byte| *byte == b'\n').count();
    // The last line may have an end.
    if lines > ACCOUNTS_MAX + 1 {
        return Err(AdminError::bad(format!("send at most {ACCOUNTS_MAX} lines at a time")));
    }
    let mut damaged = BTreeSet::new();
    loop {
        let (seeds, refused) = read_lines(&app, &body, &damaged);
        let imported = seeds.len() as u64;
        let users: Vec<UserId> = seeds.iter().map(|seed| seed.user.id()).collect();
        let origin = if query.tell { state.origin(&app, &context, seeds.len()) } else { None };
        let (id, at) = (app.settings.id, state.clock.now());
        let changed = Changed::to(json!({ "imported": imported, "refused": refused.len() }));
        let stored = if imported == 0 {
            Ok(Vec::new())
        } else {
            let write = Import { app: id, seeds, at, origin, deleted_after: None };
            state.write_audited(&context, Some(id), write, changed).await
        };
        match stored {
            Ok(_) => {
                app.delivery.wake.notify_one();
                return Ok(Json(Imported { imported, refused }));
            }
            // One profile that does not read back refuses the unit; without it the others can go in.
            Err(StoreError::Corrupt(why)) => {
                let found = state.store.profiles(app.settings.id, users.clone()).await?;
                let unreadable = users.into_iter().zip(found).filter(|(_, found)| *found == Found::Damaged);
                let known = damaged.len();
                damaged.extend(unreadable.map(|(user, _)| user));
                if damaged.len() == known {
                    return Err(StoreError::Corrupt(why).into());
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

/// Answers when the backup is on the disk.
pub(crate) async fn backup(
    Extract(state): Extract<State>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Answer<Backup> {
    let wanted: Backup = read(&body)?;
    state.store.backup(&wanted.directory).await?;
    let noted = state.audit(&context, None, Changed::to(json!({ "directory": wanted.directory }))).await;
    let directory = wanted.directory.display();
    match noted {
        Ok(()) => tracing::info!(%directory, "a backup was taken"),
        // A store that takes no changes is one to be backed up.
        Err(error) => {
            tracing::warn!(%directory, ?context, ?error, "a backup was taken; it is not in the audit log");
        }
    }
    Ok(Json(wanted))
}
