//! The list of accounts that `account_check` and `account_delete` take: `[{"UserID":"a"}]`, 1 to 100 of them.

use crate::call_context::bounded;
use crate::envelope::ApiError;
use crate::json::{Member, account, wire_struct};
use portraitd_model::Service;
use portraitd_model::UserId;

wire_struct! {
    /// One entry of the list.
    pub(super) Entry { user: Member<'a> = "UserID" | "Identifier", }
}

/// Reads the list: 70402 when it is absent, empty, too long or holds an id that is none.
pub(super) fn users(
    service: Service,
    entries: Option<Vec<Option<Entry<'_>>>>,
) -> Result<Vec<UserId>, ApiError> {
    let entries = bounded(entries)?.into_iter();
    entries.map(|entry| account(service, entry.unwrap_or_default().user)).collect()
}
