//! The comparison of two answers to one call: code, shape, values and texts.

mod bodies;

pub use bodies::count_of_differences;

use crate::answer::{CODE, ProtocolAnswer, STATUS};
use crate::digest::Digests;
use crate::lists::{ListRule, Pair, by_place, count_differences, pair_by};
use crate::member_path::Names;
use crate::named::{Aspects, Named};
use portraitd_model::{SdkAppId, Tag};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The most differences of one call that are counted.
const DIFFERENCES_MAX: usize = 10_000;

/// What is different.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The outcome of the call, or of one of its accounts.
    Code,
    /// A member, an item or a type that one answer has and the other has not.
    Shape,
    /// A value.
    Value,
    /// A text for people, on which no program should depend.
    Text,
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Difference {
    pub(crate) kind: Kind,
    pub(crate) path: String,
    /// Whether the state that it shows was not known to be the same on both sides.
    pub(crate) is_unsettled: bool,
    /// The digest of the account that it is of.
    pub(crate) account: Option<String>,
    /// A code, a JSON type, or the digest of a value.
    pub(crate) cloud: String,
    pub(crate) here: String,
}

/// What a comparison found.
#[derive(Default)]
pub(crate) struct Compared {
    pub(crate) differences: Vec<Difference>,
    /// Differences beyond the most that are counted.
    pub(crate) is_cut: bool,
    /// The accounts whose entries differ.
    pub(crate) accounts: BTreeSet<String>,
}

/// What is known of a call before its answers are compared.
pub(crate) struct Context<'a> {
    pub(crate) named: &'a Named,
    pub(crate) app: SdkAppId,
    pub(crate) digests: &'a Digests,
    /// What may differ of the accounts that the call names.
    pub(crate) unsettled: &'a BTreeMap<String, Aspects>,
    /// Whether it is known that the caller's UserSig is valid on both sides, or on neither.
    pub(crate) is_sig_settled: bool,
}

/// What a part of an answer tells about.
#[derive(Clone, Copy)]
struct Place<'a> {
    account: Option<&'a str>,
    part: Part,
}

#[derive(Clone, Copy)]
enum Part {
    /// The call as a whole.
    Call,
    /// Whether an account exists.
    Existence,
    /// A field; `None`: one that portraitd can't have.
    Field(Option<Tag>),
}

/// Compares two answers.
pub(crate) fn compare(context: &Context<'_>, cloud: &ProtocolAnswer, here: &ProtocolAnswer) -> Compared {
    let names = Names { digests: context.digests, accounts: &context.named.accounts };
    let mut comparison = Comparison { context, names, found: Compared::default() };
    let whole = Place { account: None, part: Part::Call };
    if cloud.code == here.code {
        if cloud.content_type != here.content_type {
            let [of_cloud, of_here] = [cloud, here].map(|answer| {
                answer.content_type.as_deref().map_or_else(absent, |text| context.digests.text(text))
            });
            comparison.add(Kind::Shape, "Content-Type".to_owned(), whole, of_cloud, of_here);
        }
        comparison.objects("", &cloud.members, &here.members, whole);
    } else {
        // The rest of a refusal is never like that of a success.
        let [of_cloud, of_here] = [cloud, here].map(|answer| answer.code.to_string());
        comparison.add(Kind::Code, CODE.to_owned(), whole, of_cloud, of_here);
    }
    comparison.found
}

struct Comparison<'a> {
    context: &'a Context<'a>,
    names: Names<'a>,
    found: Compared,
}

impl<'a> Comparison<'a> {
    fn objects(
        &mut self,
        path: &str,
        cloud: &'a Map<String, Value>,
        here: &'a Map<String, Value>,
        place: Place<'a>,
    ) {
        let names: BTreeSet<&String> = cloud.keys().chain(here.keys()).collect();
        for name in names {
            let path = self.names.member(path, name);
            match (cloud.get(name), here.get(name)) {
                (Some(cloud), Some(here)) => self.values(path, name, cloud, here, place),
                (cloud, here) => {
                    let present = cloud.or(here).and_then(Value::as_array);
                    match present.filter(|_| ListRule::of(name) == ListRule::Accounts) {
                        Some(accounts) => self.accounts_only_there(path, accounts, cloud, here),
                        None => self.shapes(path, cloud, here, place),
                    }
                }
            }
        }
    }

    fn values(&mut self, path: String, name: &str, cloud: &'a Value, here: &'a Value, place: Place<'a>) {
        match (cloud, here) {
            (Value::Object(cloud), Value::Object(here)) => self.objects(&path, cloud, here, place),
            (Value::Array(cloud), Value::Array(here)) => self.lists(&path, name, cloud, here, place),
            _ if json_type(cloud) != json_type(here) => self.shapes(path, Some(cloud), Some(here), place),
            _ if cloud == here => {}
            _ => {
                let kind = match name {
                    CODE | STATUS | "ResultCode" => Kind::Code,
                    "ErrorInfo" | "ErrorDisplay" | "ResultInfo" => Kind::Text,
                    _ => Kind::Value,
                };
                let shown = |value: &Value| match value {
                    Value::Number(code) if kind == Kind::Code => code.to_string(),
                    value => self.context.digests.value(value),
                };
                let (cloud, here) = (shown(cloud), shown(here));
                self.add(kind, path, place, cloud, here);
            }
        }
    }

    fn lists(&mut self, path: &str, name: &str, cloud: &'a [Value], here: &'a [Value], place: Place<'a>) {
        let rule = ListRule::of(name);
        let Some(key) = rule.key() else {
            if rule == ListRule::Accounts {
                return self.account_sets(path, cloud, here);
            }
            let items = self.names.items(path);
            for Pair { cloud, here, .. } in by_place(cloud, here) {
                self.items(items.clone(), cloud, here, place);
            }
            return;
        };
        let mut paired = pair_by(key, cloud, here);
        if rule == ListRule::Profiles && !paired.is_reordered && cloud.len() == here.len() {
            // An entry of an account that does not exist has another name than the account, but its place.
            paired.pairs = by_place(cloud, here);
        }
        if paired.is_reordered && rule == ListRule::Profiles {
            let [of_cloud, of_here] =
                [cloud, here].map(|list| self.context.digests.value(&Value::from(list)));
            self.add(Kind::Value, self.names.items(path), place, of_cloud, of_here);
        }
        let asked = &self.context.named.asked;
        let in_order_asked = asked.len() == cloud.len() && asked.len() == here.len() && !paired.is_reordered;
        for Pair { place: index, cloud, here } in paired.pairs {
            let named = cloud.or(here).and_then(|item| item.get(key)).and_then(Value::as_str);
            match rule {
                ListRule::Fields => {
                    let path = self.names.item(path, named.unwrap_or_default());
                    let tag = named.and_then(|tag| Tag::parse(tag, self.context.app));
                    self.items(path, cloud, here, Place { part: Part::Field(tag), ..place });
                }
                ListRule::Profiles | ListRule::Outcomes | ListRule::Accounts | ListRule::Other => {
                    let by_order = asked.get(index).filter(|_| in_order_asked && rule == ListRule::Profiles);
                    let account = by_order.map(String::as_str).or(named);
                    let path = self.names.items(path);
                    self.entries(path, cloud, here, Place { account, part: Part::Existence });
                }
            }
        }
    }

    /// Compares entries of one account. When their codes differ, so does all else by nature.
    fn entries(&mut self, path: String, cloud: Option<&'a Value>, here: Option<&'a Value>, place: Place<'a>) {
        const RESULT: &str = "ResultCode";
        let code =
            |entry: Option<&'a Value>| entry.and_then(|entry| entry.get(RESULT)).and_then(Value::as_u64);
        match (code(cloud), code(here)) {
            (Some(of_cloud), Some(of_here)) if of_cloud != of_here => {
                let path = self.names.member(&path, RESULT);
                self.add(Kind::Code, path, place, of_cloud.to_string(), of_here.to_string());
            }
            _ => self.items(path, cloud, here, place),
        }
    }

    fn items(&mut self, path: String, cloud: Option<&'a Value>, here: Option<&'a Value>, place: Place<'a>) {
        match (cloud, here) {
            (Some(cloud), Some(here)) => self.values(path, "", cloud, here, place),
            (cloud, here) => self.shapes(path, cloud, here, place),
        }
    }

    fn account_sets(&mut self, path: &str, cloud: &'a [Value], here: &'a [Value]) {
        let path = self.names.items(path);
        for (item, count) in count_differences(cloud, here) {
            let place = Place { account: item.as_str(), part: Part::Existence };
            let (there, digest) = (absent(), self.context.digests.value(item));
            let (cloud, here) = if count > 0 { (digest, there) } else { (there, digest) };
            self.add(Kind::Value, path.clone(), place, cloud, here);
        }
    }

    /// A set of accounts that one answer has and the other lacks: as unsettled as its accounts.
    fn accounts_only_there(
        &mut self,
        path: String,
        accounts: &'a [Value],
        cloud: Option<&Value>,
        here: Option<&Value>,
    ) {
        let place = |item: &'a Value| Place { account: item.as_str(), part: Part::Existence };
        let is_unsettled = !accounts.is_empty() && accounts.iter().all(|item| self.is_unsettled(place(item)));
        self.found.accounts.extend(accounts.iter().filter_map(Value::as_str).map(str::to_owned));
        self.push(Difference {
            kind: Kind::Shape,
            path,
            is_unsettled,
            account: None,
            cloud: type_name(cloud),
            here: type_name(here),
        });
    }

    fn shapes(&mut self, path: String, cloud: Option<&Value>, here: Option<&Value>, place: Place<'_>) {
        self.add(Kind::Shape, path, place, type_name(cloud), type_name(here));
    }

    fn add(&mut self, kind: Kind, path: String, place: Place<'_>, cloud: String, here: String) {
        let is_unsettled = self.is_unsettled(place);
        let account = place.account.map(|account| {
            self.found.accounts.insert(account.to_owned());
            self.context.digests.text(account)
        });
        self.push(Difference { kind, path, is_unsettled, account, cloud, here });
    }

    fn push(&mut self, difference: Difference) {
        if self.found.differences.len() < DIFFERENCES_MAX {
            self.found.differences.push(difference);
        } else {
            self.found.is_cut = true;
        }
    }

    fn is_unsettled(&self, place: Place<'_>) -> bool {
        let unsettled = self.context.unsettled;
        let of = |account: &str| unsettled.get(account);
        match (place.part, place.account) {
            (Part::Call, _) | (Part::Existence, None) => {
                !self.context.is_sig_settled || unsettled.values().any(|aspects| aspects.existence)
            }
            (Part::Existence, Some(account)) => of(account).is_some_and(|aspects| aspects.existence),
            (Part::Field(tag), Some(account)) => {
                of(account).is_some_and(|aspects| aspects.existence || aspects.fields.contains(tag))
            }
            (Part::Field(_), None) => false,
        }
    }
}

fn absent() -> String {
    "absent".to_owned()
}

fn type_name(value: Option<&Value>) -> String {
    value.map_or_else(absent, |value| json_type(value).to_owned())
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests;
