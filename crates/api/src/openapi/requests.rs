//! The requests of `/v4` as the OpenAPI document describes them: what a client should send. `json::decode` accepts more.

use crate::openapi::item::ItemSchema;
use crate::openapi::operation::described;
use schemars::JsonSchema;

/// The fields of one profile to set.
#[derive(JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a schema only, never constructed")]
pub struct PortraitSet {
    /// The account of the profile.
    #[serde(rename = "From_Account")]
    #[schemars(length(min = 1, max = 32))]
    from_account: String,
    /// All or nothing: nothing is stored unless every item passes.
    #[schemars(length(min = 1, max = 64))]
    profile_item: Vec<ItemSchema>,
}

/// The fields of profiles to read.
#[derive(JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a schema only, never constructed")]
pub struct PortraitGet {
    #[serde(rename = "To_Account")]
    #[schemars(length(min = 1, max = 100))]
    to_account: Vec<String>,
    #[schemars(length(min = 1, max = 64))]
    tag_list: Vec<String>,
}

/// An account to create, or to update.
#[derive(JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a schema only, never constructed")]
pub struct Account {
    /// Its id: 1 to 32 printable bytes of UTF-8.
    #[serde(rename = "UserID")]
    #[schemars(length(min = 1, max = 32))]
    user: String,
    /// Its nickname; absent or empty: unchanged.
    #[schemars(with = "String")]
    nick: Option<String>,
    /// Its avatar's URL; absent or empty: unchanged.
    #[schemars(with = "String")]
    face_url: Option<String>,
}

/// Accounts to create: by id, or with nickname and avatar. At most 100 in all.
#[derive(JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a schema only, never constructed")]
pub struct Accounts {
    #[schemars(with = "Vec<String>", length(max = 100))]
    accounts: Option<Vec<String>>,
    #[schemars(with = "Vec<Account>", length(max = 100))]
    account_list: Option<Vec<Account>>,
}

/// One account.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a schema only, never constructed")]
pub struct User {
    /// Its id.
    #[serde(rename = "UserID")]
    #[schemars(length(min = 1, max = 32))]
    user: String,
}

/// Accounts to look for.
#[derive(JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a schema only, never constructed")]
pub struct CheckItems {
    #[schemars(length(min = 1, max = 100))]
    check_item: Vec<User>,
}

/// Accounts to delete.
#[derive(JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a schema only, never constructed")]
pub struct DeleteItems {
    #[schemars(length(min = 1, max = 100))]
    delete_item: Vec<User>,
}

/// No members in addition to the envelope.
#[derive(JsonSchema)]
pub struct Nothing {}

described! {
    PortraitSet => { "From_Account": "alice", "ProfileItem": [{ "Tag": "Tag_Profile_IM_Nick", "Value": "Alice Liddell" }] };
    PortraitGet => { "To_Account": ["alice"], "TagList": ["Tag_Profile_IM_Nick", "Tag_Profile_Custom_Test"] };
    Account => { "UserID": "dave", "Nick": "Dave", "FaceUrl": "https://example.com/dave.png" };
    Accounts => { "Accounts": ["dave", "erin"] };
    User => { "UserID": "alice" };
    CheckItems => { "CheckItem": [{ "UserID": "alice" }] };
    DeleteItems => { "DeleteItem": [{ "UserID": "dave" }] };
    Nothing => {};
}
