//! The OpenAPI document of the public API, with the envelope around every operation's answer.

#![expect(
    clippy::indexing_slicing,
    reason = "of JSON values: an absent member reads as null and is made when written"
)]

use super::operation::{Operation, Schemas, add};
use crate::{endpoints, envelope};
use portraitd_model::{COMMANDS, CommandRow};
use serde_json::{Map, Value, json};

/// Returns the document.
pub fn document() -> Value {
    let (mut schemas, mut paths) = (Schemas::new(), Map::new());
    for row in COMMANDS {
        let operation = describe(&mut schemas, row);
        add(&mut paths, row.path, "post", operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "portraitd public API", "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "The user-profile part of Tencent Cloud IM's REST API. The HTTP status is always 200; the outcome is in the body. Unknown members are ignored; a member that is null counts as absent. The content type is ignored.",
        },
        "servers": [{ "url": "http://127.0.0.1:8080", "description": "server.listen" }],
        "paths": paths,
        "components": { "schemas": schemas.take() },
    })
}

/// Returns the operation of a command.
fn describe(schemas: &mut Schemas, row: &CommandRow) -> Value {
    let operation = endpoints::describe(row.command)(Operation::new(schemas).summary(row.english));
    let mut operation = operation.finish(row.name, "v4", parameters());
    let [(ok, envelope), (failure, failure_example)] = envelope::openapi_schemas(row.service);
    // The answer's members are in the same object as the envelope's.
    let media = &mut operation["responses"]["200"]["content"]["application/json"];
    let (members, mut example) = (media["schema"].take(), media["example"].take());
    if let (Some(example), Some(envelope)) = (example.as_object_mut(), envelope.as_object()) {
        example.extend(envelope.clone());
    }
    *media = json!({
        "schema": { "anyOf": [{ "allOf": [members, ok], "unevaluatedProperties": false }, failure] },
        "examples": { "ok": { "value": example }, "failed": { "value": failure_example } },
    });
    operation["responses"]["200"]["headers"] = headers();
    operation
}

fn headers() -> Value {
    json!({
        "X-Request-Id": { "description": "The request's id in the log.", "schema": { "type": "string" } },
        "X-Error-Detail": {
            "description": "An explanation for people of the error, or of the accounts that failed in a success, percent-encoded.", "schema": { "type": "string" },
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
            "The calling account: an App admin.",
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
