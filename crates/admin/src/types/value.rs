//! Values of profile fields as JSON, and a helper for members that may be `null`.

use portraitd_model::{FieldValue, Profile};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The value of a profile field: a string or a number, depending on the field's type.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
#[schemars(rename = "Field")]
pub(crate) enum FieldJson {
    Text(String),
    Uint(u64),
}

#[expect(clippy::option_option, reason = "absent, `null` and a value mean different things")]
/// Deserializes a member that was sent, `null` or not. With `#[serde(default)]`, an absent one is `None`.
pub(super) fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Returns a profile as JSON: its values by their tags.
pub(crate) fn profile_json(profile: &Profile) -> BTreeMap<String, serde_json::Value> {
    profile.items().iter().map(|item| (item.tag.to_string(), value_json(&item.value))).collect()
}

/// Returns a field's value as JSON.
pub(crate) fn value_json(value: &FieldValue) -> serde_json::Value {
    match value {
        FieldValue::Uint(number) => (*number).into(),
        FieldValue::Text(text) => serde_json::Value::String(text.to_string()),
    }
}
