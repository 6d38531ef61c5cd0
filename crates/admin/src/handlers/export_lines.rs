//! The lines of an export, which its pages and its stream have in common.

use super::accounts::account_not_found;
use crate::error::AdminError;
use crate::jsonl;
use crate::state::State;
use portraitd_model::{Bilingual, SdkAppId, UserId};
use portraitd_store::{Found, StoreError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The query of an export.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// Only this account.
    pub(super) user: Option<String>,
    /// Only accounts whose UserID is greater than this.
    pub(super) after: Option<String>,
    /// The most accounts in the page; default 100, at most 1000.
    pub(super) limit: Option<usize>,
    /// The id of the expected store, as `/store` shows it; a server with another store answers 409.
    pub(super) store: Option<String>,
    /// Answer with the whole export as one stream of lines (`application/x-ndjson`), for a download. It is cut off when it
    /// can't be completed, as with a damaged profile.
    #[serde(default)]
    pub(super) stream: bool,
    /// A ticket of `export-ticket`, in place of a token: it opens the stream of one export, once.
    pub(super) ticket: Option<String>,
}

/// A page of an export.
pub(super) struct Lines {
    /// The lines, without line breaks.
    pub(super) accounts: Vec<Box<RawValue>>,
    /// The accounts whose stored profile is damaged.
    pub(super) damaged: Vec<String>,
    /// The last account of the page; `None` on the last page.
    pub(super) next: Option<UserId>,
}

/// Reads one account, 404 without it, or a page of those after another.
pub(super) async fn export_page(
    state: &State,
    app: SdkAppId,
    user: Option<UserId>,
    after: Option<UserId>,
    limit: usize,
) -> Result<Lines, AdminError> {
    let users = match user {
        Some(user) => vec![user],
        None => state.store.accounts_page(app, String::new(), after, limit).await?,
    };
    let full = user.is_none() && users.len() == limit;
    let next = users.last().filter(|_| full).copied();
    let found = state.store.profiles(app, users.clone()).await?;
    let mut page = Lines { accounts: Vec::with_capacity(users.len()), damaged: Vec::new(), next };
    for (id, found) in users.into_iter().zip(found) {
        match found {
            Found::Profile(profile) => {
                let line = jsonl::write(id, &profile);
                page.accounts.push(line.map_err(|error| StoreError::Corrupt(Bilingual::quoted(error)))?);
            }
            Found::Damaged => page.damaged.push(id.to_string()),
            // The account was deleted after the UserIDs were read.
            Found::Missing if user.is_none() => {}
            Found::Missing => return Err(account_not_found(app, id)),
        }
    }
    Ok(page)
}
