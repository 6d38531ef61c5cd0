//! A field with its value as the documents show it. What is written and read is `portraitd_model::TagValue`.

use schemars::JsonSchema;

/// A field with its value.
#[derive(JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "shown, never made")]
pub struct Item {
    /// `Tag_Profile_IM_…`, or `Tag_Profile_Custom_…` of a field that is defined.
    tag: String,
    value: Value,
}

/// A number or a text, after the field's type.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "shown, never made")]
enum Value {
    Uint(u64),
    Text(String),
}
