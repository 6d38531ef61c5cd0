//! Request bodies of the admin API.

use portraitd_admin::state::parse_body;
use portraitd_admin::types::webhook::{EventChoice, WebhookPut};
use portraitd_admin::types::{AppPatch, FieldDefinition, NewApp, NewKey, NewToken};

/// Whether a body is one that any route takes.
pub(crate) fn is_read(bytes: &[u8]) -> bool {
    let outcomes = [
        parse_body::<NewApp>(bytes).is_ok(),
        parse_body::<AppPatch>(bytes).is_ok(),
        parse_body::<NewKey>(bytes).is_ok(),
        parse_body::<NewToken>(bytes).is_ok(),
        parse_body::<FieldDefinition>(bytes).is_ok(),
        parse_body::<WebhookPut>(bytes).is_ok(),
        parse_body::<EventChoice>(bytes).is_ok(),
    ];
    outcomes.contains(&true)
}
