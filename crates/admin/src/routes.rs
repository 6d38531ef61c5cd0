//! `CLOSED` and `OPEN`: every route of the admin listener, one row each. A test tries each row without a token.

use crate::handlers::transfer::{Backup, ExportPage, Imported};
use crate::handlers::{accounts, apps, audit, fields, server, tokens, transfer, usage, webhook, words};
use crate::openapi;
use crate::route::{Route, routes};
use crate::types::webhook::{CountView, EventChoice, EventsView, TestView, WebhookPut, WebhookView};
use crate::types::{
    AccountView, AccountsView, AppPatch, AppView, AuditPage, CreatedKey, CreatedToken, Document,
    FieldDefinition, NewApp, NewKey, NewToken, ProfilePatch, StoreView, TokenView, UsageView, WordsView,
};
use axum::Json;
use serde_json::Value;

/// Plain text, as axum names it.
const TEXT: &str = "text/plain; charset=utf-8";
/// The form of the metrics.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What every path of [`CLOSED`] starts with.
pub const PREFIX: &str = "/admin/v1";

/// Every route that wants a token.
pub const CLOSED: &[Route] = routes! {
    get "/apps" apps::list,
        |op| op.summary("List the apps")
            .response::<Vec<AppView>>(200, "Every app, in the order of their numbers.");
    post "/apps" apps::create,
        |op| op.summary("Create an app")
            .description("Its key is shown this once.")
            .request::<NewApp>()
            .response::<AppView>(201, "The app, with its key.")
            .errors(&[400, 409, 413]);
    get "/apps/{app}" apps::show,
        |op| op.summary("Show an app's settings")
            .response::<AppView>(200, "The settings.");
    patch "/apps/{app}" apps::patch,
        |op| op.summary("Change an app's settings")
            .description("What is absent stays. A list replaces the list.")
            .request::<AppPatch>()
            .response::<AppView>(200, "The settings as they are now.")
            .errors(&[409, 413]);
    get "/apps/{app}/usage" usage::show,
        |op| op.summary("Show how an app is used")
            .description("Counted since the server started; the accounts are those there are.")
            .response::<UsageView>(200, "The numbers.");
    post "/apps/{app}/keys" apps::add_key,
        |op| op.summary("Add a key")
            .description("Several can be active at once, so that keys are changed without a gap.")
            .request::<NewKey>()
            .response::<CreatedKey>(201, "The key; it is shown this once.")
            .errors(&[409, 413]);
    delete "/apps/{app}/keys/{key}" apps::revoke_key,
        |op| op.summary("Revoke a key")
            .description("UserSigs made with it stop working at once.")
            .response::<AppView>(200, "The settings as they are now.")
            .errors(&[409]);
    put "/apps/{app}/admins/{user}" apps::add_admin,
        |op| op.summary("Make a user an App admin")
            .response::<AppView>(200, "The settings as they are now.")
            .errors(&[409]);
    delete "/apps/{app}/admins/{user}" apps::remove_admin,
        |op| op.summary("Make an App admin a user")
            .response::<AppView>(200, "The settings as they are now.")
            .errors(&[409]);
    put "/apps/{app}/fields/{keyword}" fields::define,
        |op| op.summary("Define, redefine or restore a custom field")
            .description("Its type can change only while no account has a value in it; that reads every profile once.")
            .request::<FieldDefinition>()
            .response::<AppView>(200, "The settings as they are now.")
            .errors(&[409, 413]);
    delete "/apps/{app}/fields/{keyword}" fields::retire,
        |op| op.summary("Retire a custom field")
            .description("Calls answer 40009, its values stay, defining it again restores it.")
            .response::<AppView>(200, "The settings as they are now.")
            .errors(&[409]);
    get "/apps/{app}/words" words::list,
        |op| op.summary("List the sensitive words")
            .response_text(200, "One word a line.", TEXT, "bad\n敏感\n");
    put "/apps/{app}/words" words::set,
        |op| op.summary("Replace the sensitive words")
            .description("One word a line, at most 100,000 of at most 200 bytes. Blank lines and lines that repeat a word are passed over and counted.")
            .request_text("text/plain", "bad\n敏感\n")
            .response::<WordsView>(200, "What became of the list.")
            .errors(&[409, 413]);
    get "/apps/{app}/accounts" accounts::page,
        |op| op.summary("List accounts")
            .query::<accounts::PageQuery>()
            .response::<AccountsView>(200, "A page of accounts, in the order of their ids.");
    get "/apps/{app}/accounts/{user}" accounts::show,
        |op| op.summary("Show an account with its profile")
            .response::<AccountView>(200, "The account.");
    put "/apps/{app}/accounts/{user}" accounts::create,
        |op| op.summary("Create an account")
            .response::<AccountView>(201, "It was created.")
            .response::<AccountView>(200, "It was there and stays as it is.");
    delete "/apps/{app}/accounts/{user}" accounts::delete,
        |op| op.summary("Delete an account with its profile")
            .response_empty(204, "It is gone.")
            .errors(&[409]);
    patch "/apps/{app}/accounts/{user}/profile" accounts::set,
        |op| op.summary("Set fields of a profile as operator")
            .description("Any field that is defined, whoever may write it.")
            .request::<ProfilePatch>()
            .response::<AccountView>(200, "The account as it is now.")
            .errors(&[413]);
    get "/apps/{app}/export" transfer::export,
        |op| op.summary("Export accounts with their profiles")
            .query::<transfer::ExportQuery>()
            .response::<ExportPage>(200, "A page of the export.")
            .errors(&[409]);
    post "/apps/{app}/import" transfer::import,
        |op| op.summary("Import accounts")
            .description("At most 1000 lines, each a line of an export. The good ones are stored in one atomic unit.")
            .query::<transfer::ImportQuery>()
            .request_text("text/plain", "{\"UserID\":\"alice\",\"ProfileItem\":[]}\n")
            .response::<Imported>(200, "What became of the lines.")
            .errors(&[409, 413]);
    post "/backup" transfer::backup,
        |op| op.summary("Back up the whole store")
            .description("Answers when the copy is on the server's disk.")
            .request::<Backup>()
            .response::<Backup>(200, "Where it is.")
            .errors(&[400, 409, 413]);
    get "/apps/{app}/webhook" webhook::show,
        |op| op.summary("Show the webhook and its backlog")
            .response::<WebhookView>(200, "The webhook.");
    put "/apps/{app}/webhook" webhook::set,
        |op| op.summary("Set the webhook")
            .request::<WebhookPut>()
            .response::<WebhookView>(200, "The webhook.")
            .errors(&[409, 413]);
    delete "/apps/{app}/webhook" webhook::remove,
        |op| op.summary("Remove the webhook")
            .response::<WebhookView>(200, "What still waits.")
            .errors(&[409]);
    get "/apps/{app}/webhook/events" webhook::events,
        |op| op.summary("List events")
            .query::<webhook::EventsQuery>()
            .response::<EventsView>(200, "A page of events.");
    post "/apps/{app}/webhook/replay" webhook::replay,
        |op| op.summary("Deliver parked events again")
            .request::<EventChoice>()
            .response::<CountView>(200, "How many.")
            .errors(&[413]);
    post "/apps/{app}/webhook/drop" webhook::drop,
        |op| op.summary("Drop events")
            .request::<EventChoice>()
            .response::<CountView>(200, "How many.")
            .errors(&[413]);
    post "/apps/{app}/webhook/test" webhook::test,
        |op| op.summary("Send a sample event")
            .response::<TestView>(200, "What was sent and what came back.")
            .errors(&[409]);
    get "/store" server::store_stats,
        |op| op.summary("Show which store it is and what it has done")
            .response::<StoreView>(200, "Its id, and what it did since it was opened.");
    get "/tokens" tokens::list,
        |op| op.summary("List the admin tokens")
            .response::<Vec<TokenView>>(200, "Their names; the tokens themselves are not kept.");
    post "/tokens" tokens::create,
        |op| op.summary("Create an admin token")
            .request::<NewToken>()
            .response::<CreatedToken>(201, "The token; it is shown this once.")
            .errors(&[400, 409, 413]);
    delete "/tokens/{name}" tokens::revoke,
        |op| op.summary("Revoke an admin token")
            .description("It stops working with the next request.")
            .response_empty(204, "It is gone.")
            .errors(&[409]);
    get "/audit" audit::page,
        |op| op.summary("Read the audit log, newest first")
            .query::<audit::AuditQuery>()
            .response::<AuditPage>(200, "A page of entries.")
            .errors(&[400, 409]);
};

/// The routes that are open to everyone who reaches the listener: they name no user and hold no secret.
pub const OPEN: &[Route] = routes! {
    get "/openapi.json" async || Json(document()),
        |op| op.summary("Read this document").response::<Document>(200, "OpenAPI 3.1.");
    get "/healthz" async || "ok\n",
        |op| op.summary("Tell whether the process is alive")
            .response_text(200, "It is.", TEXT, "ok\n");
    get "/readyz" server::ready,
        |op| op.summary("Tell whether the store can be written")
            .description("It really writes, and tells everybody who asks within a second the same.")
            .response_text(200, "It can.", TEXT, "ok\n")
            .errors(&[503]);
    get "/metrics" server::metrics,
        |op| op.summary("Read the metrics")
            .response_text(200, "For Prometheus.", OPENMETRICS, "portraitd_store_changes_total 7\n# EOF\n")
            .errors(&[409]);
};

/// The OpenAPI document of all routes.
pub fn document() -> Value {
    openapi::document(&[(PREFIX, CLOSED), ("", OPEN)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_api::openapi::operation::{Operation, Schemas};
    use portraitd_api::openapi::public;

    /// A type that is both read and written has one schema.
    #[test]
    fn no_name_stands_for_two_schemas() {
        let mut schemas = Schemas::new();
        for route in CLOSED.iter().chain(OPEN) {
            drop((route.describe)(Operation::new(&mut schemas)));
        }
        let (read, written) = (schemas.read.take_definitions(true), schemas.written.take_definitions(true));
        for (name, schema) in &read {
            assert!(written.get(name).is_none_or(|other| other == schema), "{name}");
        }
    }

    #[test]
    fn every_operation_is_told_with_examples_and_failures() {
        for document in [document(), public::document()] {
            let paths = document["paths"].as_object().unwrap();
            let operations: Vec<&Value> =
                paths.values().flat_map(|item| item.as_object().unwrap().values()).collect();
            assert!(operations.len() >= 7);
            for operation in &operations {
                let id = &operation["operationId"];
                assert!(operation["summary"].as_str().is_some_and(|summary| summary.len() > 5), "{id}");
                let answers = operation["responses"].as_object().unwrap();
                assert!(answers.keys().any(|status| status.starts_with('2')), "{id}");
                for (status, answer) in answers.iter().filter(|(_, answer)| answer.get("content").is_some()) {
                    let media = answer["content"].as_object().unwrap().values().next().unwrap();
                    assert!(media.get("example").or(media.get("examples")).is_some(), "{id} {status}");
                }
                for parameter in operation["parameters"].as_array().unwrap() {
                    assert!(parameter["description"].is_string(), "{id} {parameter}");
                }
            }
            let mut ids: Vec<_> =
                operations.iter().map(|operation| operation["operationId"].to_string()).collect();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), operations.len());
        }
    }
}
