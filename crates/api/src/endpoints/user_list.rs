//! The list of accounts in `account_check` and `account_delete`: `[{"UserID":"a"}]`, 1 to 100 entries.

use crate::call_context::check_account_count;
use crate::envelope::ApiError;
use crate::json::{Member, account, wire_struct};
use portraitd_model::Service;
use portraitd_model::UserId;

wire_struct! {
    /// One entry of the list.
    pub(super) Entry { user: Member<'a> = "UserID" | "Identifier", }
}

/// Reads the list: 70402 when it is absent, empty, too long or contains an invalid id.
pub(super) fn users(
    service: Service,
    entries: Option<Vec<Option<Entry<'_>>>>,
) -> Result<Vec<UserId>, ApiError> {
    let entries = check_account_count(entries)?.into_iter();
    entries.map(|entry| account(service, entry.unwrap_or_default().user)).collect()
}
