//! The OpenAPI document of the admin API: the common parts, and the operations of every route.

#![expect(
    clippy::indexing_slicing,
    reason = "of JSON values: an absent member reads as null and is made when written"
)]

use crate::error_code::AdminCode;
use crate::route::Route;
use portraitd_api::openapi::operation::{Operation, Schemas, add};
use portraitd_model::Language;
use serde_json::{Map, Value, json};

/// The error responses that operations refer to: status, meaning, and the code and the sentence of an example.
const ERROR_RESPONSES: [(u16, &str, AdminCode, &str); 9] = [
    (
        400,
        "The request is invalid; the sentence names the member, path segment or parameter.",
        AdminCode::InvalidRequest,
        "the body can't be used: unknown field `enabledd`",
    ),
    (
        401,
        "The token is missing or not valid.",
        AdminCode::Unauthenticated,
        "send `Authorization: Bearer TOKEN`",
    ),
    (
        403,
        "The token's role does not permit the call, or a web page of another origin made it.",
        AdminCode::RoleTooLow,
        "the token `ci` has the role viewer, and this call wants operator",
    ),
    (404, "What the path names does not exist.", AdminCode::NoSuchApp, "there is no app 1400000009"),
    (
        405,
        "This resource has no such method.",
        AdminCode::MethodNotAllowed,
        "this resource has no such method",
    ),
    (
        409,
        "The current state does not permit the call; the sentence says what to do.",
        AdminCode::AlreadyExists,
        "app 1400000000 exists already",
    ),
    (413, "The body is too large.", AdminCode::BodyTooLarge, "the body is larger than 25165824 bytes"),
    (
        429,
        "The caller's address sent ten wrong tokens within a minute. No token of it is looked at until the minute is over, in as many seconds as `Retry-After` says.",
        AdminCode::TooManyFailures,
        "this address sent 10 wrong tokens within a minute: no token of it is looked at for 41 s; then try again with a valid one",
    ),
    (
        503,
        "The store can't be read or written.",
        AdminCode::StoreUnavailable,
        "the store is not available: disk I/O error",
    ),
];

/// The parameters in paths: name and description.
const PATH_PARAMETERS: [(&str, &str); 7] = [
    ("app", "The SDKAppID."),
    ("key", "The number of a key, as in `keys` of the app."),
    ("user", "A UserID: 1 to 32 printable bytes of UTF-8."),
    ("keyword", "The name of a custom field: 1 to 8 ASCII letters."),
    ("name", "The name of a token."),
    ("code", "An error code."),
    ("id", "The number of a job."),
];

/// Returns the document of these tables of routes, each with the prefix of its paths.
pub(super) fn document(tables: &[(&str, &[Route])]) -> Value {
    let (mut schemas, mut paths) = (Schemas::new(), Map::new());
    for (prefix, table) in tables {
        for route in *table {
            let operation = operation(&mut schemas, route);
            add(&mut paths, &format!("{prefix}{}", route.path), route.method, operation);
        }
    }
    let error_response = |(status, meaning, code, sentence): &(u16, &str, AdminCode, &str)| {
        let example = json!({ "code": code.name(), "error": sentence });
        let media = json!({ "schema": { "$ref": "#/components/schemas/Error" }, "example": example });
        (status.to_string(), json!({ "description": meaning, "content": { "application/json": media } }))
    };
    let mut schemas = schemas.take();
    schemas.insert("Error".into(), error_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "portraitd admin API", "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "An operator's view of apps and accounts, on a listener of its own. A change is effective when it is answered, and is recorded in the audit log in the same commit. Every error is `{\"error\": \"…\", \"code\": \"…\"}`: a sentence for people in the language of `Accept-Language` (`en`, the default, or `zh`), and a stable code for programs. Unknown members are refused with their names.",
        },
        "servers": [{ "url": "http://127.0.0.1:8081", "description": "server.admin_listen" }],
                "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": ERROR_RESPONSES.iter().map(error_response).collect::<Map<_, _>>(),
            "securitySchemes": { "token": {
                "type": "http", "scheme": "bearer",
                "description": "The token in admin.token in the data directory, or one made by `portraitd token create`. An operation names the least role that may call it: `viewer`, `operator` or `admin`; each may do what the ones before it may.",
            } },
        },
    })
}

fn error_schema() -> Value {
    let meanings = AdminCode::ALL
        .iter()
        .map(|code| format!("- `{}`: {}", code.name(), code.meaning(Language::English)))
        .collect::<Vec<_>>();
    json!({
        "type": "object", "required": ["code", "error"], "additionalProperties": false,
        "description": "The reason why a call failed.",
        "properties": {
            "code": {
                "type": "string",
                "enum": AdminCode::ALL.iter().map(|code| code.name()).collect::<Vec<_>>(),
                "description": format!("What went wrong, for programs. A code keeps its meaning; later versions may have more.\n\n{}", meanings.join("\n")),
            },
            "error": { "type": "string", "description": "A sentence for people, in the language of `Accept-Language`." },
        },
    })
}

fn operation(schemas: &mut Schemas, route: &Route) -> Value {
    let parts = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parts: Vec<Value> = parts.map(path_parameter).collect();
    // Every route that needs a token can answer 401, 403 and 429, and 503 while the store is not available.
    let common: &[u16] = if route.role.is_some() { &[401, 403, 429, 503] } else { &[] };
    let operation = (route.describe)(Operation::new(schemas)).errors(common);
    let operation = if parts.is_empty() { operation } else { operation.errors(&[400, 404]) };
    let mut operation = operation.finish(&operation_id(route.method, route.path), tag(route.path), parts);
    operation["security"] = route.role.map_or(json!([]), |role| json!([{ "token": [role.as_str()] }]));
    operation
}

fn path_parameter(name: &str) -> Value {
    let description = PATH_PARAMETERS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
    let (schema, example) = match name {
        "app" => (json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }), json!(1_400_000_000)),
        "key" => (json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }), json!(1)),
        "id" => (json!({ "type": "integer", "minimum": 1 }), json!(1_764_000_000_000_u64)),
        "keyword" => (json!({ "type": "string", "pattern": "^[A-Za-z]{1,8}$" }), json!("Score")),
        "code" => (json!({ "type": "integer", "minimum": 40001, "maximum": 90000 }), json!(40003)),
        "name" => (json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" }), json!("ci")),
        _ => (json!({ "type": "string", "minLength": 1, "maxLength": 32 }), json!("alice")),
    };
    json!({
        "name": name, "in": "path", "required": true, "description": description, "schema": schema, "example": example,
    })
}

/// Returns the id of an operation: `patch_apps_app_keys_key` for `patch /apps/{app}/keys/{key}`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    [method].into_iter().chain(words).collect::<Vec<_>>().join("_")
}

/// Returns the tag that groups a path's operations.
fn tag(path: &str) -> &'static str {
    let kinds = [
        "webhook", "accounts", "export", "import", "words", "fields", "keys", "admins", "usage", "apps",
        "tokens", "audit",
    ];
    kinds.into_iter().find(|kind| path.split('/').any(|part| part == *kind)).unwrap_or("server")
}
