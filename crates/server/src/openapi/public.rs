//! The public API's operations: one envelope around all of them.

#![expect(
    clippy::indexing_slicing,
    reason = "of JSON values: an absent member reads as null and is made when written"
)]

use super::Schemas;
use super::document::described;
use crate::api::{self, envelope_told};
use portrait_model::CommandRow;
use serde_json::{Value, json};

/// A call's operation.
pub(super) fn describe(schemas: &mut Schemas, row: &CommandRow) -> Value {
    let operation = described(schemas, api::describe(row.command));
    let mut operation = operation.finish(row.name, "v4", parameters());
    let [(ok, envelope), (failure, failed)] = envelope_told(row.service);
    // What the call gives stands beside the envelope's own members.
    let media = &mut operation["responses"]["200"]["content"]["application/json"];
    let (members, mut example) = (media["schema"].take(), media["example"].take());
    if let (Some(example), Some(envelope)) = (example.as_object_mut(), envelope.as_object()) {
        example.extend(envelope.clone());
    }
    *media = json!({
        "schema": { "anyOf": [{ "allOf": [members, ok], "unevaluatedProperties": false }, failure] },
        "examples": { "ok": { "value": example }, "failed": { "value": failed } },
    });
    operation["responses"]["200"]["headers"] = headers();
    operation
}

fn headers() -> Value {
    json!({
        "X-Request-Id": { "description": "Names the request in the log.", "schema": { "type": "string" } },
        "X-Error-Detail": {
            "description": "Why it failed, in a sentence for people, percent-encoded.", "schema": { "type": "string" },
        },
    })
}

fn parameters() -> Vec<Value> {
    let parameter = |name: &str, required: bool, description: &str, schema: Value, example: Value| {
        json!({
            "name": name, "in": "query", "required": required, "description": description, "schema": schema, "example": example,
        })
    };
    vec![
        parameter(
            "sdkappid",
            true,
            "The app.",
            json!({ "type": "integer", "minimum": 0 }),
            json!(1_400_000_000),
        ),
        parameter(
            "identifier",
            true,
            "The App admin who calls.",
            json!({ "type": "string" }),
            json!("administrator"),
        ),
        parameter("usersig", true, "The caller's UserSig.", json!({ "type": "string" }), json!("eJwtjcs…")),
        parameter("random", false, "Any number.", json!({ "type": "integer", "minimum": 0 }), json!(1)),
        parameter(
            "contenttype",
            false,
            "Always json.",
            json!({ "type": "string", "enum": ["json"] }),
            json!("json"),
        ),
    ]
}
