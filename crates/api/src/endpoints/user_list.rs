//! The list of accounts in `account_check` and `account_delete`: `[{"UserID":"a"}]`, 1 to 100 entries.

use crate::call_context::check_account_count;
use crate::envelope::ApiError;
use crate::json::{AccountPlace, Member, account, wire_struct};
use portraitd_model::Service;
use portraitd_model::UserId;

wire_struct! {
    /// One entry of the list.
    pub(super) Entry { user: Member<'a> = "UserID" | "Identifier", }
}

/// Reads the list, which is this member of the body: 70402 when it is absent, empty, too long or contains an invalid id.
pub(super) fn users(
    service: Service,
    (member, body): (&str, &[u8]),
    entries: Option<Vec<Option<Entry<'_>>>>,
) -> Result<Vec<UserId>, ApiError> {
    let entries = check_account_count((member, body), entries)?.into_iter();
    let read = |(index, entry): (usize, Option<Entry<'_>>)| {
        let place = AccountPlace { member: "UserID", item: Some(index) };
        account(service, place, entry.unwrap_or_default().user)
    };
    entries.enumerate().map(read).collect()
}
