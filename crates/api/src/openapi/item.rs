//! The schema of a field with its value. The type that is read and written is `portraitd_model::TagValue`.

use schemars::JsonSchema;

/// A field with its value.
#[derive(JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "Item")]
#[expect(dead_code, reason = "a schema only, never constructed")]
pub struct ItemSchema {
    /// `Tag_Profile_IM_…`, or `Tag_Profile_Custom_…` for a custom field of the app.
    tag: String,
    value: ValueSchema,
}

/// A number or a string, depending on the field's type.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Value")]
#[expect(dead_code, reason = "a schema only, never constructed")]
enum ValueSchema {
    Uint(u64),
    Text(String),
}
