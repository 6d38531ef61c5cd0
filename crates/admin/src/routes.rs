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
        |op| op.says("List the apps")
            .gives::<Vec<AppView>>(200, "Every app, in the order of their numbers.");
    post "/apps" apps::create,
        |op| op.says("Create an app")
            .more("Its key is shown this once.")
            .takes::<NewApp>()
            .gives::<AppView>(201, "The app, with its key.")
            .may(&[400, 409, 413]);
    get "/apps/{app}" apps::show,
        |op| op.says("Show an app's settings")
            .gives::<AppView>(200, "The settings.");
    patch "/apps/{app}" apps::patch,
        |op| op.says("Change an app's settings")
            .more("What is absent stays. A list replaces the list.")
            .takes::<AppPatch>()
            .gives::<AppView>(200, "The settings as they are now.")
            .may(&[409, 413]);
    get "/apps/{app}/usage" usage::show,
        |op| op.says("Show how an app is used")
            .more("Counted since the server started; the accounts are those there are.")
            .gives::<UsageView>(200, "The numbers.");
    post "/apps/{app}/keys" apps::add_key,
        |op| op.says("Add a key")
            .more("Several can be active at once, so that keys are changed without a gap.")
            .takes::<NewKey>()
            .gives::<CreatedKey>(201, "The key; it is shown this once.")
            .may(&[409, 413]);
    delete "/apps/{app}/keys/{key}" apps::revoke_key,
        |op| op.says("Revoke a key")
            .more("UserSigs made with it stop working at once.")
            .gives::<AppView>(200, "The settings as they are now.")
            .may(&[409]);
    put "/apps/{app}/admins/{user}" apps::add_admin,
        |op| op.says("Make a user an App admin")
            .gives::<AppView>(200, "The settings as they are now.")
            .may(&[409]);
    delete "/apps/{app}/admins/{user}" apps::remove_admin,
        |op| op.says("Make an App admin a user")
            .gives::<AppView>(200, "The settings as they are now.")
            .may(&[409]);
    put "/apps/{app}/fields/{keyword}" fields::define,
        |op| op.says("Define, redefine or restore a custom field")
            .more("Its type can change only while no account has a value in it; that reads every profile once.")
            .takes::<FieldDefinition>()
            .gives::<AppView>(200, "The settings as they are now.")
            .may(&[409, 413]);
    delete "/apps/{app}/fields/{keyword}" fields::retire,
        |op| op.says("Retire a custom field")
            .more("Calls answer 40009, its values stay, defining it again restores it.")
            .gives::<AppView>(200, "The settings as they are now.")
            .may(&[409]);
    get "/apps/{app}/words" words::list,
        |op| op.says("List the sensitive words")
            .gives_text(200, "One word a line.", TEXT, "bad\n敏感\n");
    put "/apps/{app}/words" words::set,
        |op| op.says("Replace the sensitive words")
            .more("One word a line, at most 100,000 of at most 200 bytes. Blank lines and lines that repeat a word are passed over and counted.")
            .takes_text("text/plain", "bad\n敏感\n")
            .gives::<WordsView>(200, "What became of the list.")
            .may(&[409, 413]);
    get "/apps/{app}/accounts" accounts::page,
        |op| op.says("List accounts")
            .query::<accounts::PageQuery>()
            .gives::<AccountsView>(200, "A page of accounts, in the order of their ids.");
    get "/apps/{app}/accounts/{user}" accounts::show,
        |op| op.says("Show an account with its profile")
            .gives::<AccountView>(200, "The account.");
    put "/apps/{app}/accounts/{user}" accounts::create,
        |op| op.says("Create an account")
            .gives::<AccountView>(201, "It was created.")
            .gives::<AccountView>(200, "It was there and stays as it is.");
    delete "/apps/{app}/accounts/{user}" accounts::delete,
        |op| op.says("Delete an account with its profile")
            .gives_nothing(204, "It is gone.")
            .may(&[409]);
    patch "/apps/{app}/accounts/{user}/profile" accounts::set,
        |op| op.says("Set fields of a profile as operator")
            .more("Any field that is defined, whoever may write it.")
            .takes::<ProfilePatch>()
            .gives::<AccountView>(200, "The account as it is now.")
            .may(&[413]);
    get "/apps/{app}/export" transfer::export,
        |op| op.says("Export accounts with their profiles")
            .query::<transfer::ExportQuery>()
            .gives::<ExportPage>(200, "A page of the export.")
            .may(&[409]);
    post "/apps/{app}/import" transfer::import,
        |op| op.says("Import accounts")
            .more("At most 1000 lines, each a line of an export. The good ones are stored in one atomic unit.")
            .query::<transfer::ImportQuery>()
            .takes_text("text/plain", "{\"UserID\":\"alice\",\"ProfileItem\":[]}\n")
            .gives::<Imported>(200, "What became of the lines.")
            .may(&[409, 413]);
    post "/backup" transfer::backup,
        |op| op.says("Back up the whole store")
            .more("Answers when the copy is on the server's disk.")
            .takes::<Backup>()
            .gives::<Backup>(200, "Where it is.")
            .may(&[400, 409, 413]);
    get "/apps/{app}/webhook" webhook::show,
        |op| op.says("Show the webhook and its backlog")
            .gives::<WebhookView>(200, "The webhook.");
    put "/apps/{app}/webhook" webhook::set,
        |op| op.says("Set the webhook")
            .takes::<WebhookPut>()
            .gives::<WebhookView>(200, "The webhook.")
            .may(&[409, 413]);
    delete "/apps/{app}/webhook" webhook::remove,
        |op| op.says("Remove the webhook")
            .gives::<WebhookView>(200, "What still waits.")
            .may(&[409]);
    get "/apps/{app}/webhook/events" webhook::events,
        |op| op.says("List events")
            .query::<webhook::EventsQuery>()
            .gives::<EventsView>(200, "A page of events.");
    post "/apps/{app}/webhook/replay" webhook::replay,
        |op| op.says("Deliver parked events again")
            .takes::<EventChoice>()
            .gives::<CountView>(200, "How many.")
            .may(&[413]);
    post "/apps/{app}/webhook/drop" webhook::drop,
        |op| op.says("Drop events")
            .takes::<EventChoice>()
            .gives::<CountView>(200, "How many.")
            .may(&[413]);
    post "/apps/{app}/webhook/test" webhook::test,
        |op| op.says("Send a sample event")
            .gives::<TestView>(200, "What was sent and what came back.")
            .may(&[409]);
    get "/store" server::store_stats,
        |op| op.says("Show which store it is and what it has done")
            .gives::<StoreView>(200, "Its id, and what it did since it was opened.");
    get "/tokens" tokens::list,
        |op| op.says("List the admin tokens")
            .gives::<Vec<TokenView>>(200, "Their names; the tokens themselves are not kept.");
    post "/tokens" tokens::create,
        |op| op.says("Create an admin token")
            .takes::<NewToken>()
            .gives::<CreatedToken>(201, "The token; it is shown this once.")
            .may(&[400, 409, 413]);
    delete "/tokens/{name}" tokens::revoke,
        |op| op.says("Revoke an admin token")
            .more("It stops working with the next request.")
            .gives_nothing(204, "It is gone.")
            .may(&[409]);
    get "/audit" audit::page,
        |op| op.says("Read the audit log, newest first")
            .query::<audit::AuditQuery>()
            .gives::<AuditPage>(200, "A page of entries.")
            .may(&[400, 409]);
};

/// The routes that are open to everyone who reaches the listener: they name no user and hold no secret.
pub const OPEN: &[Route] = routes! {
    get "/openapi.json" async || Json(document()),
        |op| op.says("Read this document").gives::<Document>(200, "OpenAPI 3.1.");
    get "/healthz" async || "ok\n",
        |op| op.says("Tell whether the process is alive")
            .gives_text(200, "It is.", TEXT, "ok\n");
    get "/readyz" server::ready,
        |op| op.says("Tell whether the store can be written")
            .more("It really writes, and tells everybody who asks within a second the same.")
            .gives_text(200, "It can.", TEXT, "ok\n")
            .may(&[503]);
    get "/metrics" server::metrics,
        |op| op.says("Read the metrics")
            .gives_text(200, "For Prometheus.", OPENMETRICS, "portraitd_store_changes_total 7\n# EOF\n")
            .may(&[409]);
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
