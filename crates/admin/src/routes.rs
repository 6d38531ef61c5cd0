//! Every route of the admin listener, one row each: [`TOKEN_ROUTES`] need a token, [`OPEN_ROUTES`] and [`PROBE_ROUTES`] do not.
//! A test calls each row without a token.

use crate::handlers::backup::Backup;
use crate::handlers::export::ExportPage;
use crate::handlers::import::Imported;
use crate::handlers::{
    accounts, apps, audit, backup, check_changes, download, export, export_lines, fields, import, log,
    reference, remove_app, server, session, tokens, try_call, usage, usersig, webhook, words,
};
use crate::metrics_format::MetricsFormat;
use crate::openapi;
use crate::route::{Route, routes};
use crate::types::check::{ChangesToCheck, CheckedChanges};
use crate::types::console::{
    CheckedSig, CodePage, CreatedSession, CreatedTicket, CreatedUserSig, GivenSig, JobView, NewExportTicket,
    NewUserSig, Reference, SeriesView, SessionView, TriedCall, TryCall,
};
use crate::types::log::{LogPatch, LogView};
use crate::types::webhook::{CountView, EventChoice, EventsView, TestView, WebhookPut, WebhookView};
use crate::types::{
    AccountView, AccountsView, AppPatch, AppView, AuditPage, CreatedKey, CreatedToken, Document,
    FieldDefinition, NewApp, NewKey, NewToken, ProfilePatch, RemovedApp, StoreView, TokenView, UsageView,
    WordsChanged, WordsFound, WordsPatch, WordsTest, WordsView,
};
use axum::Json;
use serde_json::Value;

/// The content type that axum gives to a string.
const TEXT: &str = "text/plain; charset=utf-8";
/// The content type of an export's lines.
const LINES: &str = "application/x-ndjson";

/// The prefix of the paths in [`TOKEN_ROUTES`].
pub const PREFIX: &str = "/admin/v1";

/// The routes that need an admin token, each with the least role that may call it.
pub const TOKEN_ROUTES: &[Route] = routes! {
    get "/apps" Viewer => apps::list,
        |op| op.summary("List the apps")
            .response::<Vec<AppView>>(200, "Every app, by ascending SDKAppID.");
    post "/apps" Admin => apps::create,
        |op| op.summary("Create an app")
            .description("The response is the only one that shows its key.")
            .request::<NewApp>()
            .response::<AppView>(201, "The app, with its key.")
            .errors(&[400, 409, 413]);
    get "/apps/{app}" Viewer => apps::show,
        |op| op.summary("Show an app's settings")
            .response::<AppView>(200, "The settings.");
    patch "/apps/{app}" Admin => apps::patch,
        |op| op.summary("Change an app's settings")
            .description("Absent members stay unchanged; a list replaces the whole list.")
            .request::<AppPatch>()
            .response::<AppView>(200, "The new settings.")
            .errors(&[409, 413]);
    delete "/apps/{app}" Admin => remove_app::remove,
        |op| op.summary("Remove an app with its accounts")
            .description("Also its events that wait, its keys and everything else of it. It can't be undone. Answered when it is done, which takes some seconds for a million accounts; after an interruption the call can be repeated.")
            .response::<RemovedApp>(200, "It is removed.")
            .errors(&[409]);
    post "/check-changes" Admin => check_changes::check,
        |op| op.summary("Check changes of apps without making them")
            .description("Each change is checked on top of those before it, up to the first that would be refused. Nothing is stored.")
            .request::<ChangesToCheck>()
            .response::<CheckedChanges>(200, "Whether each would be made.")
            .errors(&[400, 413]);
    get "/apps/{app}/usage" Viewer => usage::show,
        |op| op.summary("Show the usage of an app")
            .description("Calls are counted since the server started; `accounts` is the current number.")
            .response::<UsageView>(200, "The counts.");
    post "/apps/{app}/keys" Admin => apps::add_key,
        |op| op.summary("Add a key")
            .description("Several keys can be active at once, so that a key can be replaced without downtime.")
            .request::<NewKey>()
            .response::<CreatedKey>(201, "The key; no later response shows it.")
            .errors(&[409, 413]);
    delete "/apps/{app}/keys/{key}" Admin => apps::revoke_key,
        |op| op.summary("Revoke a key")
            .description("UserSigs signed with it are refused at once.")
            .response::<AppView>(200, "The new settings.")
            .errors(&[409]);
    put "/apps/{app}/admins/{user}" Admin => apps::add_admin,
        |op| op.summary("Make a user an App admin")
            .response::<AppView>(200, "The new settings.")
            .errors(&[409]);
    delete "/apps/{app}/admins/{user}" Admin => apps::remove_admin,
        |op| op.summary("Remove an App admin")
            .response::<AppView>(200, "The new settings.")
            .errors(&[409]);
    put "/apps/{app}/fields/{keyword}" Admin => fields::define,
        |op| op.summary("Define, redefine or restore a custom field")
            .description("The type can change only while no account has a value in the field; the check reads every profile.")
            .request::<FieldDefinition>()
            .response::<AppView>(200, "The new settings.")
            .errors(&[409, 413]);
    delete "/apps/{app}/fields/{keyword}" Admin => fields::retire,
        |op| op.summary("Retire a custom field")
            .description("Calls that name it are answered with 40009. Its values stay stored, and defining it again restores it.")
            .response::<AppView>(200, "The new settings.")
            .errors(&[409]);
    get "/apps/{app}/words" Viewer => words::list,
        |op| op.summary("List the sensitive words")
            .response_text(200, "One word a line.", TEXT, "bad\n敏感\n");
    put "/apps/{app}/words" Operator => words::set,
        |op| op.summary("Replace the sensitive words")
            .description("One word a line, at most 100,000 of at most 200 bytes. Blank lines and repeated words are skipped and counted.")
            .request_text("text/plain", "bad\n敏感\n")
            .response::<WordsView>(200, "The number of words, and of lines that were skipped.")
            .errors(&[409, 413]);
    patch "/apps/{app}/words" Operator => words::change,
        |op| op.summary("Add and remove sensitive words")
            .description("In one change. The limits of the list apply.")
            .request::<WordsPatch>()
            .response::<WordsChanged>(200, "The number of words, and how many were added and removed.")
            .errors(&[409, 413]);
    post "/apps/{app}/words/test" Viewer => words::test,
        |op| op.summary("Look for sensitive words in a text")
            .request::<WordsTest>()
            .response::<WordsFound>(200, "The words that it contains.")
            .errors(&[413]);
    get "/apps/{app}/accounts" Viewer => accounts::page,
        |op| op.summary("List accounts")
            .query::<accounts::PageQuery>()
            .response::<AccountsView>(200, "A page of accounts, by ascending UserID.");
    get "/apps/{app}/accounts/{user}" Viewer => accounts::show,
        |op| op.summary("Show an account with its profile")
            .response::<AccountView>(200, "The account.");
    put "/apps/{app}/accounts/{user}" Operator => accounts::create,
        |op| op.summary("Create an account")
            .response::<AccountView>(201, "The account was created.")
            .response::<AccountView>(200, "The account existed already and is unchanged.");
    delete "/apps/{app}/accounts/{user}" Operator => accounts::delete,
        |op| op.summary("Delete an account with its profile")
            .response_empty(204, "The account is deleted.")
            .errors(&[409]);
    patch "/apps/{app}/accounts/{user}/profile" Operator => accounts::set,
        |op| op.summary("Set fields of a profile as operator")
            .description("Every defined field can be set; its permissions to write do not apply.")
            .request::<ProfilePatch>()
            .response::<AccountView>(200, "The account with its new profile.")
            .errors(&[413]);
    get "/apps/{app}/export" Operator => export::export,
        |op| op.summary("Export accounts with their profiles")
            .description("In pages of JSON or, with `stream`, in one answer of lines, which a ticket opens in place of a token.")
            .query::<export_lines::ExportQuery>()
            .response::<ExportPage>(200, "A page of the export or, with `stream`, all of its lines.")
            .or_text(200, LINES, "{\"UserID\":\"alice\",\"ProfileItem\":[]}\n")
            .errors(&[409]);
    post "/apps/{app}/export-ticket" Operator => download::ticket,
        |op| op.summary("Make a ticket for the download of an export")
            .description("For `GET /apps/{app}/export?stream=true&ticket=…`, where a browser that saves a file can send no token. It works once, within a minute, for this export alone, and with the role of its maker.")
            .request::<NewExportTicket>()
            .response::<CreatedTicket>(200, "The ticket.")
            .errors(&[409, 413]);
    post "/apps/{app}/import" Operator => import::import,
        |op| op.summary("Import accounts")
            .description("The body has at most 1000 lines in the form of an export or, as `text/csv`, a header that names the columns and at most 1000 rows. The valid ones are stored in one commit; with `check`, nothing is.")
            .query::<import::ImportQuery>()
            .request_text("text/plain", "{\"UserID\":\"alice\",\"ProfileItem\":[]}\n")
            .request_text("text/csv", "UserID,Nick,Level\nalice,Alice,7\n")
            .response::<Imported>(200, "The number of lines that were stored, and the lines that were refused.")
            .errors(&[409, 413]);
    post "/apps/{app}/try" Viewer => try_call::run,
        |op| op.summary("Make a call of /v4")
            .description("The UserSig is signed with the app's newest key, good or with the fault that is asked for. In `dev` the call goes over a connection of its own, so that the faults of an answer are shown as they are. `Accept-Language` decides the language of the explanation.")
            .request::<TryCall>()
            .response::<TriedCall>(200, "What became of the call.")
            .errors(&[409, 413]);
    post "/apps/{app}/usersig" Operator => usersig::make,
        |op| op.summary("Make a UserSig")
            .description("Whoever has it can call as this user until it expires or the account is kicked.")
            .request::<NewUserSig>()
            .response::<CreatedUserSig>(200, "The UserSig.")
            .errors(&[409, 413]);
    post "/apps/{app}/usersig/check" Operator => usersig::check,
        |op| op.summary("Check a UserSig")
            .description("Says what it holds, which key it is signed with, and what its signer did wrong. `Accept-Language` decides the language.")
            .request::<GivenSig>()
            .response::<CheckedSig>(200, "What it holds and what is wrong with it.")
            .errors(&[413]);
    get "/reference" Viewer => reference::show,
        |op| op.summary("List the commands, the standard fields and the error codes")
            .description("`Accept-Language` decides the language.")
            .response::<Reference>(200, "The reference.");
    get "/reference/codes/{code}" Viewer => reference::code,
        |op| op.summary("Read the page of an error code")
            .description("`Accept-Language` decides the language.")
            .response::<CodePage>(200, "The page.");
    get "/session" Viewer => session::show,
        |op| op.summary("Tell who calls, and which server answers")
            .response::<SessionView>(200, "The caller and the server.");
    post "/session" Viewer => session::begin,
        |op| op.summary("Begin a session")
            .description("The console exchanges a token or a ticket for a session, so that it keeps no token.")
            .response::<CreatedSession>(201, "The session; no later response shows its secret.")
            .errors(&[409]);
    delete "/session" Viewer => session::end,
        |op| op.summary("End the session that calls")
            .response_empty(204, "Its secret is refused from now on.")
            .errors(&[409]);
    post "/login-link" Viewer => session::ticket,
        |op| op.summary("Make a ticket for one call")
            .description("`portraitd console` prints a link with it, which signs a browser in once.")
            .response::<CreatedTicket>(200, "The ticket.")
            .errors(&[409]);
    post "/backup" Operator => backup::start,
        |op| op.summary("Back up the whole store")
            .description("Answers when the backup is complete on the server's disk or, with `wait=false`, when it has begun. One backup is taken at a time.")
            .query::<backup::BackupQuery>()
            .request::<Backup>()
            .response::<Backup>(200, "The directory of the backup, which is complete.")
            .response::<JobView>(202, "The job of the backup, which has begun.")
            .errors(&[400, 409, 413]);
    get "/jobs" Viewer => backup::jobs,
        |op| op.summary("List the last backups and how far they are")
            .description("The last 20 since the server started, in memory.")
            .response::<Vec<JobView>>(200, "The jobs, the newest first.");
    get "/jobs/{id}" Viewer => backup::job,
        |op| op.summary("Tell how far a backup is")
            .response::<JobView>(200, "The job.");
    get "/apps/{app}/webhook" Viewer => webhook::show,
        |op| op.summary("Show the webhook and its backlog")
            .response::<WebhookView>(200, "The webhook.");
    put "/apps/{app}/webhook" Admin => webhook::set,
        |op| op.summary("Set the webhook")
            .request::<WebhookPut>()
            .response::<WebhookView>(200, "The webhook.")
            .errors(&[409, 413]);
    delete "/apps/{app}/webhook" Admin => webhook::remove,
        |op| op.summary("Remove the webhook")
            .response::<WebhookView>(200, "The backlog that remains.")
            .errors(&[409]);
    get "/apps/{app}/webhook/events" Viewer => webhook::events,
        |op| op.summary("List webhook events that wait or are parked")
            .query::<webhook::EventsQuery>()
            .response::<EventsView>(200, "A page of events.");
    post "/apps/{app}/webhook/replay" Operator => webhook::replay,
        |op| op.summary("Deliver parked events again")
            .request::<EventChoice>()
            .response::<CountView>(200, "The number of events that wait for delivery again.")
            .errors(&[413]);
    post "/apps/{app}/webhook/drop" Operator => webhook::drop,
        |op| op.summary("Drop webhook events without delivery")
            .request::<EventChoice>()
            .response::<CountView>(200, "The number of dropped events.")
            .errors(&[413]);
    post "/apps/{app}/webhook/test" Operator => webhook::test,
        |op| op.summary("Send a sample event to the webhook")
            .response::<TestView>(200, "The request and the receiver's response.")
            .errors(&[409]);
    get "/series" Viewer => server::series,
        |op| op.summary("Read the past of some figures")
            .description("The last 15 minutes in steps of 5 seconds, and the last day in steps of a minute, since the server started. Of several servers on one database each has its own.")
            .response::<SeriesView>(200, "The readings.")
            .errors(&[409]);
    get "/log" Viewer => log::show,
        |op| op.summary("Show what the server logs")
            .description("Of several servers on one database, the one that answers.")
            .response::<LogView>(200, "What is logged.")
            .errors(&[409]);
    patch "/log" Admin => log::change,
        |op| op.summary("Change what the server logs")
            .description("At once, until the next start or SIGHUP: then the settings are in force again. Absent members stay unchanged. Of several servers on one database, the one that answers.")
            .request::<LogPatch>()
            .response::<LogView>(200, "What is logged from now on.")
            .errors(&[400, 409, 413]);
    get "/store" Viewer => server::store_stats,
        |op| op.summary("Show the store's id and counts")
            .response::<StoreView>(200, "Its id, and its counts since it was opened.");
    get "/tokens" Viewer => tokens::list,
        |op| op.summary("List the admin tokens")
            .response::<Vec<TokenView>>(200, "The tokens' names; the tokens themselves are not stored.");
    post "/tokens" Admin => tokens::create,
        |op| op.summary("Create an admin token")
            .request::<NewToken>()
            .response::<CreatedToken>(201, "The token; no later response shows it.")
            .errors(&[400, 409, 413]);
    delete "/tokens/{name}" Admin => tokens::revoke,
        |op| op.summary("Revoke an admin token")
            .description("The next request with it is refused.")
            .response_empty(204, "The token is revoked.")
            .errors(&[409]);
    get "/audit" Viewer => audit::page,
        |op| op.summary("Read the audit log, newest first")
            .query::<audit::AuditQuery>()
            .response::<AuditPage>(200, "A page of entries.")
            .errors(&[400, 409]);
};

/// The routes that need no token: their responses contain no UserID and no secret.
pub const OPEN_ROUTES: &[Route] = routes! {
    get "/openapi.json" open => async || Json(document()),
        |op| op.summary("Read this OpenAPI document").response::<Document>(200, "The document, in OpenAPI 3.1.");
};

/// The probes and the metrics: all that a listener of `server.metrics_listen` has. They name no user and change nothing.
pub const PROBE_ROUTES: &[Route] = routes! {
    get "/healthz" open => async || "ok\n",
        |op| op.summary("Check that the process is alive")
            .response_text(200, "The process answers.", TEXT, "ok\n");
    get "/readyz" open => server::ready,
        |op| op.summary("Check that the store can be written")
            .description("The check writes to the store; its result is shared by all calls within a second. A second line names what \
                needs an operator although the store can be written: the journal of the embedded engine can't be applied.")
            .response_text(200, "The store can be written.", TEXT, "ok\n")
            .errors(&[503]);
    get "/metrics" open => server::metrics,
        |op| op.summary("Read the metrics for Prometheus")
            .description("In Prometheus' text format 0.0.4, or in OpenMetrics if `Accept` names it, as Prometheus does.")
            .response_text(200, "The metrics.", MetricsFormat::Text.content_type(), "portraitd_store_changes_total 7\n")
            .or_text(200, MetricsFormat::OpenMetrics.content_type(), "portraitd_store_changes_total 7\n# EOF\n")
            .errors(&[409]);
};

/// Returns the OpenAPI document of all routes.
pub fn document() -> Value {
    openapi::document(&[(PREFIX, TOKEN_ROUTES), ("", OPEN_ROUTES), ("", PROBE_ROUTES)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_api::openapi::operation::{Operation, Schemas};
    use portraitd_api::openapi::public;
    use portraitd_store::TokenRole;

    /// A type that is both read and written must have one schema.
    #[test]
    fn no_name_has_two_schemas() {
        let mut schemas = Schemas::new();
        for route in TOKEN_ROUTES.iter().chain(OPEN_ROUTES) {
            drop((route.describe)(Operation::new(&mut schemas)));
        }
        let (read, written) = (schemas.read.take_definitions(true), schemas.written.take_definitions(true));
        for (name, schema) in &read {
            assert!(written.get(name).is_none_or(|other| other == schema), "{name}");
        }
    }

    #[test]
    fn viewers_read_and_nothing_else() {
        let others = TOKEN_ROUTES
            .iter()
            .filter(|route| (route.method == "get") != (route.role == Some(TokenRole::Viewer)));
        let others: Vec<_> = others.map(|route| (route.method, route.path)).collect();
        assert_eq!(
            others,
            [
                ("post", "/apps/{app}/words/test"),
                // Everything at once, to take away.
                ("get", "/apps/{app}/export"),
                // The handler looks at the call.
                ("post", "/apps/{app}/try"),
                ("post", "/session"),
                ("delete", "/session"),
                ("post", "/login-link"),
            ]
        );
        assert!(TOKEN_ROUTES.iter().all(|route| route.role.is_some()));
        assert!(OPEN_ROUTES.iter().chain(PROBE_ROUTES).all(|route| route.role.is_none()));
    }

    #[test]
    fn every_operation_has_a_summary_and_examples() {
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
