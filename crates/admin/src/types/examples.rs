//! An example of every type in the OpenAPI document. A test checks that each parses as its type.

use super::check::{ChangesToCheck, CheckedChanges};
use super::console::{
    CheckedSig, CodePage, CreatedSession, CreatedTicket, CreatedUserSig, GivenSig, JobView, NewExportTicket,
    NewUserSig, Reference, SeriesView, SessionView, TriedCall, TryCall,
};
use super::log::{LogPatch, LogView};
use super::webhook::{CountView, EventChoice, EventsView, TestView, WebhookPut, WebhookView};
use super::{
    AccountView, AccountsView, AppPatch, AppView, AuditPage, CreatedKey, CreatedToken, Document,
    FieldDefinition, NewApp, NewKey, NewToken, ProfilePatch, RemovedApp, StoreView, TokenView, UsageView,
    WordsChanged, WordsFound, WordsPatch, WordsTest, WordsView,
};
use crate::handlers::backup::Backup;
use crate::handlers::export::ExportPage;
use crate::handlers::import::Imported;
use portraitd_api::openapi::operation::described;

described! {
    AppView => {
        "sdkappid": 1_400_000_000, "name": "Shop", "enabled": true, "self_service": false, "error_detail": null,
        "allow_ips": ["10.0.0.0/8"], "location_bytes_max": 500, "custom_fields_max": 20,
        "limits": {
            "account_check": 100, "account_delete": 100, "account_import": 200, "kick": 200, "multiaccount_import": 100,
            "portrait_get": 200, "portrait_set": 200, "total": 0,
        },
        "keys": [{ "id": 1, "last4": "b93b", "created_ms": 1_764_000_000_000_u64 }], "admins": ["administrator"],
        "fields": [{
            "keyword": "Score", "type": "uint64", "read": ["app", "admin"], "write": ["admin"], "retired": false,
        }],
        "words": 0, "screened_tags": ["Tag_Profile_IM_Nick", "Tag_Profile_IM_SelfSignature"], "sensitive_code": 40005,
        "echo_unknown": false, "deletion_forbidden": false, "reimport_after": 0,
    };
    NewApp => { "sdkappid": 1_400_000_001, "name": "Shop" };
    NewKey => {};
    RemovedApp => { "accounts": 3 };
    CreatedKey => { "id": 2, "key": "3a1f…" };
    AppPatch => { "enabled": true, "error_detail": null, "limits": { "portrait_set": 500, "total": 0 } };
    UsageView => {
        "accounts": 3, "since_ms": 1_763_990_000_000_u64, "last_call_ms": 1_764_000_000_000_u64,
        "keys": [{ "id": 1, "last_used_ms": 1_764_000_000_000_u64 }], "calls": { "portrait_set": { "0": 41, "40003": 1 } },
    };
    WordsView => { "words": 2, "blank": 0, "duplicate": 0, "screened_tags": ["Tag_Profile_IM_Nick"] };
    WordsPatch => { "add": ["bad"], "remove": ["敏感"] };
    WordsChanged => { "words": 2, "added": 1, "removed": 1, "not_found": [], "screened_tags": ["Tag_Profile_IM_Nick"] };
    ChangesToCheck => { "changes": [{ "method": "PATCH", "path": "/apps/1400000000", "body": "{\"name\":\"Shop\"}" }] };
    CheckedChanges => { "accepted": 1, "refused": null };
    WordsTest => { "text": "so BAD!" };
    WordsFound => { "words": ["bad"] };
    FieldDefinition => { "type": "uint64", "read": ["app", "admin"], "write": ["admin"] };
    AccountsView => { "accounts": ["alice", "bob"], "next": "bob" };
    AccountView => { "user": "alice", "kicked_at": null, "profile": { "Tag_Profile_IM_Nick": "Alice" } };
    ProfilePatch => { "Tag_Profile_IM_Nick": "Alice Liddell", "Tag_Profile_IM_Level": 7 };
    ExportPage => {
        "accounts": [{ "UserID": "alice", "ProfileItem": [{ "Tag": "Tag_Profile_IM_Nick", "Value": "Alice" }] }],
        "damaged": [], "next": null,
    };
    Imported => { "imported": 1, "refused": [{ "line": 2, "reason": "not an account's line: EOF while parsing" }] };
    Backup => { "directory": "/var/backups/portraitd/monday" };
    JobView => {
        "id": 1_764_000_000_000_u64, "kind": "backup", "state": "running", "reason": null, "started_ms": 1_764_000_000_000_u64,
        "ended_ms": null, "bytes": 41_943_040, "bytes_total": 104_857_600, "directory": "/var/backups/portraitd/monday",
        "restore": "portraitd restore /var/backups/portraitd/monday --data NEW_DIRECTORY",
    };
    WebhookView => {
        "url": "https://example.com/hook", "signed": true, "waiting": { "events": 0, "bytes": 0 },
        "parked": { "events": 0, "bytes": 0 }, "down_ms": null, "delivered": 41, "failed": 0, "dropped": 0,
        "last_failure": null,
    };
    WebhookPut => { "url": "https://example.com/hook" };
    EventsView => {
        "events": [{
            "place": 7, "attempts": 14, "due_ms": 0, "failure": "it answered HTTP 500",
            "event": {
                "id": "000102030405060708090a0b0c0d0e0f", "user": "alice", "at_ms": 1_764_000_000_000_u64,
                "operator": "administrator", "client_ip": "10.0.0.1", "items": { "Tag_Profile_IM_Nick": "Alice" },
            },
        }],
        "next": null,
    };
    EventChoice => { "places": [7] };
    CountView => { "events": 1 };
    TestView => {
        "method": "POST", "url": "https://example.com/hook?SdkAppid=1400000000", "headers": {}, "body": "{}",
        "status": 200, "answer": "thank you", "milliseconds": 12,
        "failure": null,
    };
    LogView => { "filter": "info", "access": false };
    LogPatch => { "filter": "debug" };
    StoreView => { "id": "6b9d1f0c2a7e4c55b1d0e8f3a4c6971e", "changes": 41, "commits": 40 };
    NewToken => { "name": "ci", "role": "viewer" };
    CreatedToken => { "name": "ci", "token": "3fe69e4b726f…" };
    TokenView => {
        "name": "local", "created_ms": null, "role": "admin", "last_used_ms": 1_764_000_000_000_u64,
        "since_ms": 1_763_990_000_000_u64,
    };
    AuditPage => {
        "entries": [{
            "place": 7, "at_ms": 1_764_000_000_000_u64, "sdkappid": 1_400_000_000, "who": "ci", "role": "admin", "from": "10.0.0.1",
            "method": "PATCH", "resource": "/apps/1400000000", "outcome": "done",
            "before": { "enabled": true }, "after": { "enabled": false },
        }],
        "scanned": 1, "next": 7,
    };
    Document => { "openapi": "3.1.0" };
    SessionView => { "who": "local", "role": "admin", "mode": "dev", "public_url": "http://127.0.0.1:8080", "version": "0.1.0", "without_token": true };
    CreatedSession => { "session": "ps_3fe69e4b726f…", "who": "ci" };
    CreatedTicket => { "ticket": "pl_3fe69e4b726f…", "expires_s": 300 };
    NewExportTicket => { "user": null };
    TryCall => {
        "path": "/v4/profile/portrait_get", "identifier": "administrator", "usersig": "valid",
        "body": "{\"To_Account\":[\"alice\"],\"TagList\":[\"Tag_Profile_IM_Nick\"]}",
    };
    TriedCall => {
        "request": "POST /v4/profile/portrait_get?sdkappid=1400000000&identifier=administrator&usersig=… HTTP/1.1\r\n…",
        "outcome": "answered", "status": 200, "headers": [["content-type", "application/json"]],
        "body": "{\"UserProfileItem\":[…]}", "detail": null, "micros": 310,
    };
    NewUserSig => { "identifier": "alice", "expire": 86_400, "userbuf": null };
    CreatedUserSig => { "usersig": "eJwtjcs…", "expires": 1_764_086_400 };
    GivenSig => { "usersig": "https://console.tim.qq.com/v4/…?usersig=eJwtjcs…", "identifier": null };
    CheckedSig => {
        "code": 70001, "reason": "it expired 3 h ago", "warnings": [],
        "fields": {
            "sdkappid": 1_400_000_000, "identifier": "alice", "issued": 1_764_000_000, "expires": 1_764_000_300,
            "userbuf": null, "key": 1,
        },
    };
    Reference => {
        "commands": [{
            "name": "kick", "path": "/v4/im_open_login_svc/kick",
            "title": "Invalidate every UserSig of an account issued so far", "per_second": 200,
        }],
        "fields": [{
            "tag": "Tag_Profile_IM_Nick", "type": "string", "title": "nickname", "bytes_max": 500, "values": [],
            "user_may_write": true,
        }],
        "codes": { "40003": { "info": "Err_Profile_Invalid_Account", "meaning": "The account does not exist in this app." } },
    };
    SeriesView => {
        "fine": [{
            "at_ms": 1_764_000_000_000_u64, "calls": 41.0, "failed": 1.0, "p50": 0.0004, "p99": 0.002, "changes": 7.0,
            "commits": 6.0, "webhook_waiting": 0.0, "webhook_parked": 0.0,
        }],
        "coarse": [],
    };
    CodePage => { "markdown": "# 40003 …" };
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_api::openapi::operation::Described;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    fn check<T: Described + Serialize + DeserializeOwned>() {
        let example = T::example();
        let read: T = serde_json::from_value(example.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), example);
    }

    #[test]
    fn examples_read_as_their_types_and_back() {
        check::<AppView>();
        check::<AppPatch>();
        check::<UsageView>();
        check::<RemovedApp>();
        check::<WordsChanged>();
        check::<WordsPatch>();
        check::<WordsView>();
        check::<WordsTest>();
        check::<WordsFound>();
        check::<FieldDefinition>();
        check::<AccountsView>();
        check::<AccountView>();
        check::<Imported>();
        check::<Backup>();
        check::<JobView>();
        check::<WebhookView>();
        check::<WebhookPut>();
        check::<EventsView>();
        check::<EventChoice>();
        check::<TestView>();
        check::<StoreView>();
        check::<NewToken>();
        check::<CreatedToken>();
        check::<TokenView>();
        check::<AuditPage>();
        check::<SessionView>();
        check::<CreatedSession>();
        check::<CreatedTicket>();
        check::<NewExportTicket>();
        check::<TryCall>();
        check::<TriedCall>();
        check::<NewUserSig>();
        check::<CreatedUserSig>();
        check::<GivenSig>();
        check::<CheckedSig>();
        check::<Reference>();
        check::<CodePage>();
        check::<SeriesView>();
    }
}
