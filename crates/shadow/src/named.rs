//! What the body of a call names: the accounts it touches, what a write changes of each, and the fields a read asks for.
//!
//! It is read with less care than the endpoints read it: an account too many is locked without need, one too few could be
//! reported as different when it is not. So every string is taken that some version of the protocol has an account in.

use portraitd_model::{Command, SdkAppId, StandardTag, Tag};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a body names.
#[derive(Default, Debug)]
pub(crate) struct Named {
    /// Every account.
    pub(crate) accounts: BTreeSet<String>,
    /// The accounts that a read asks for, in its order.
    pub(crate) asked: Vec<String>,
    /// The fields that a read asks for.
    pub(crate) tags: Vec<Tag>,
    /// What a write changes, of each account.
    pub(crate) changes: Vec<(String, Aspects)>,
}

/// Parts of an account's state.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Aspects {
    /// Whether it exists.
    pub(crate) existence: bool,
    /// Which of its UserSigs are valid.
    pub(crate) login: bool,
    pub(crate) fields: Fields,
}

/// A set of fields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fields {
    These(BTreeSet<Tag>),
    AllBut(BTreeSet<Tag>),
}

impl Default for Fields {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl Fields {
    pub(crate) fn all() -> Self {
        Self::AllBut(BTreeSet::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::These(tags) if tags.is_empty())
    }

    /// Whether a field is in the set; `None` is a field that portraitd can't have.
    pub(crate) fn contains(&self, tag: Option<Tag>) -> bool {
        match self {
            Self::These(tags) => tag.is_some_and(|tag| tags.contains(&tag)),
            Self::AllBut(tags) => tag.is_none_or(|tag| !tags.contains(&tag)),
        }
    }

    pub(crate) fn add(&mut self, more: &Self) {
        match (&mut *self, more) {
            (Self::These(tags), Self::These(more)) => tags.extend(more),
            (Self::AllBut(tags), Self::These(more)) => tags.retain(|tag| !more.contains(tag)),
            (Self::These(tags), Self::AllBut(others)) => {
                *self = Self::AllBut(others.difference(tags).copied().collect());
            }
            (Self::AllBut(tags), Self::AllBut(others)) => tags.retain(|tag| others.contains(tag)),
        }
    }

    pub(crate) fn remove(&mut self, less: &Self) {
        match (&mut *self, less) {
            (Self::These(tags), Self::These(less)) => tags.retain(|tag| !less.contains(tag)),
            (Self::AllBut(tags), Self::These(less)) => tags.extend(less),
            (Self::These(tags), Self::AllBut(others)) => tags.retain(|tag| others.contains(tag)),
            (Self::AllBut(tags), Self::AllBut(others)) => {
                *self = Self::These(others.difference(tags).copied().collect());
            }
        }
    }
}

impl Aspects {
    pub(crate) fn everything() -> Self {
        Self { existence: true, login: true, fields: Fields::all() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.existence && !self.login && self.fields.is_empty()
    }
}

/// Whether a command changes something.
pub(crate) fn is_write(command: Command) -> bool {
    match command {
        Command::PortraitSet
        | Command::AccountImport
        | Command::MultiaccountImport
        | Command::AccountDelete
        | Command::Kick => true,
        Command::PortraitGet | Command::AccountCheck => false,
    }
}

impl Named {
    pub(crate) fn of(command: Command, app: Option<u32>, body: &[u8]) -> Self {
        let mut named = Self::default();
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return named };
        let app = SdkAppId(app.unwrap_or_default());
        match command {
            Command::PortraitSet => {
                let aspects = Aspects { fields: set_fields(&body, app), ..Aspects::default() };
                named.change(member(&body, "From_Account"), &aspects);
            }
            Command::PortraitGet => {
                named.ask(list(&body, "To_Account"));
                let tags = list(&body, "TagList").filter_map(Value::as_str);
                named.tags = tags.filter_map(|tag| Tag::parse(tag, app)).collect();
            }
            Command::AccountCheck => named.ask(list(&body, "CheckItem").flat_map(ids)),
            Command::AccountImport => {
                let aspects = imported(&body);
                ids(&body).for_each(|id| named.change(Some(id), &aspects));
            }
            Command::MultiaccountImport => {
                let existence = Aspects { existence: true, ..Aspects::default() };
                list(&body, "Accounts").for_each(|id| named.change(Some(id), &existence));
                for entry in list(&body, "AccountList") {
                    let aspects = imported(entry);
                    ids(entry).for_each(|id| named.change(Some(id), &aspects));
                }
            }
            Command::AccountDelete => {
                let ids = list(&body, "DeleteItem").flat_map(ids);
                ids.for_each(|id| named.change(Some(id), &Aspects::everything()));
            }
            Command::Kick => {
                let login = Aspects { login: true, ..Aspects::default() };
                ids(&body).for_each(|id| named.change(Some(id), &login));
            }
        }
        named
    }

    fn change(&mut self, account: Option<&Value>, aspects: &Aspects) {
        if let Some(account) = account.and_then(Value::as_str) {
            self.accounts.insert(account.to_owned());
            self.changes.push((account.to_owned(), aspects.clone()));
        }
    }

    fn ask<'a>(&mut self, accounts: impl Iterator<Item = &'a Value>) {
        for account in accounts.filter_map(Value::as_str) {
            self.accounts.insert(account.to_owned());
            self.asked.push(account.to_owned());
        }
    }
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.get(name)
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// The account of an entry, in the newer and in the older form.
fn ids(entry: &Value) -> impl Iterator<Item = &Value> {
    ["UserID", "Identifier"].into_iter().filter_map(|name| entry.get(name))
}

/// The fields that `portrait_set` sets. A tag that portraitd does not know may be one of the cloud's: then any may be.
fn set_fields(body: &Value, app: SdkAppId) -> Fields {
    let tags = list(body, "ProfileItem").map(|item| item.get("Tag").and_then(Value::as_str));
    let tags: Option<BTreeSet<Tag>> = tags.map(|tag| Tag::parse(tag?, app)).collect();
    tags.map_or_else(Fields::all, Fields::These)
}

/// What an import changes: it creates the account, and sets what is given and not empty.
fn imported(entry: &Value) -> Aspects {
    let given = |name: &str, tag| {
        let is_given = entry.get(name).is_some_and(|value| !value.is_null() && value != "");
        is_given.then_some(Tag::Standard(tag))
    };
    let tags = [given("Nick", StandardTag::Nick), given("FaceUrl", StandardTag::Image)];
    Aspects { existence: true, login: false, fields: Fields::These(tags.into_iter().flatten().collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tag(name: &str) -> Tag {
        Tag::parse(name, SdkAppId(7)).unwrap()
    }

    fn named(command: Command, body: &str) -> Named {
        Named::of(command, Some(7), body.as_bytes())
    }

    fn accounts(command: Command, body: &str) -> String {
        named(command, body).accounts.into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_account_of_a_body_is_found() {
        for (command, body, expected) in [
            (Command::PortraitSet, r#"{"From_Account":"a","ProfileItem":[]}"#, "a"),
            (Command::PortraitSet, "\u{feff}{\"From_Account\":\"\\u0061\"}", "a"),
            (Command::PortraitGet, r#"{"From_Account":"x","To_Account":["a","b","a",1,null]}"#, "a b"),
            (Command::AccountImport, r#"{"Identifier":"a","Nick":"n"}"#, "a"),
            (Command::AccountImport, r#"{"UserID":"a","Identifier":"b"}"#, "a b"),
            (
                Command::MultiaccountImport,
                r#"{"Accounts":["a"],"AccountList":[{"UserID":"b"},null,{"Identifier":"c"}]}"#,
                "a b c",
            ),
            (Command::AccountCheck, r#"{"CheckItem":[{"UserID":"a"},{"Identifier":"b"},"c"]}"#, "a b"),
            (Command::AccountDelete, r#"{"DeleteItem":[{"UserID":"a"}]}"#, "a"),
            (Command::Kick, r#"{"Identifier":"a"}"#, "a"),
            (Command::Kick, "not json", ""),
            (Command::Kick, "[]", ""),
        ] {
            assert_eq!(accounts(command, body), expected, "{body}");
        }
    }

    #[test]
    fn what_a_write_changes() {
        let changes = |command, body: &str| named(command, body).changes.into_iter().next().unwrap().1;
        let set = changes(
            Command::PortraitSet,
            r#"{"From_Account":"a","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick"},{"Tag":"Tag_Profile_Custom_7_Test"}]}"#,
        );
        let tags = ["Tag_Profile_IM_Nick", "Tag_Profile_Custom_Test"].map(tag);
        assert_eq!(set, Aspects { fields: Fields::These(tags.into()), ..Aspects::default() });
        // A field of the cloud's that portraitd has no name for.
        let other =
            changes(Command::PortraitSet, r#"{"From_Account":"a","ProfileItem":[{"Tag":"Tag_New"}]}"#);
        assert!(other.fields == Fields::all() && !other.existence);
        let import = changes(Command::AccountImport, r#"{"UserID":"a","Nick":"","FaceUrl":"f"}"#);
        assert!(import.existence && import.fields == Fields::These([tag("Tag_Profile_IM_Image")].into()));
        assert_eq!(
            changes(Command::AccountDelete, r#"{"DeleteItem":[{"UserID":"a"}]}"#),
            Aspects::everything()
        );
        let read =
            named(Command::PortraitGet, r#"{"To_Account":["b","a"],"TagList":["Tag_Profile_IM_Nick","x"]}"#);
        assert!(
            read.changes.is_empty() && read.asked == ["b", "a"] && read.tags == [tag("Tag_Profile_IM_Nick")]
        );
    }

    fn fields() -> impl Strategy<Value = Fields> {
        const NAMES: [&str; 3] = ["Tag_Profile_IM_Nick", "Tag_Profile_IM_Level", "Tag_Profile_Custom_A"];
        (any::<bool>(), prop::collection::btree_set(prop::sample::select(&NAMES[..]), 0..=3)).prop_map(
            |(all, names)| {
                let tags = names.into_iter().map(tag).collect();
                if all { Fields::AllBut(tags) } else { Fields::These(tags) }
            },
        )
    }

    proptest! {
        #[test]
        fn sets_of_fields_are_sets(one in fields(), other in fields()) {
            let names = ["Tag_Profile_IM_Nick", "Tag_Profile_IM_Level", "Tag_Profile_Custom_A", "Tag_Profile_Custom_B"];
            let (mut sum, mut rest) = (one.clone(), one.clone());
            sum.add(&other);
            rest.remove(&other);
            for tag in names.map(tag).map(Some).into_iter().chain([None]) {
                prop_assert_eq!(sum.contains(tag), one.contains(tag) || other.contains(tag));
                prop_assert_eq!(rest.contains(tag), one.contains(tag) && !other.contains(tag));
            }
        }

        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..100), json in r#"[\[\]{}",:A-Za-z_]{0,60}"#) {
            for command in Command::all() {
                Named::of(command, None, &body);
                Named::of(command, Some(1), json.as_bytes());
            }
        }
    }
}
