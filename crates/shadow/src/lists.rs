//! Lists of two answers, paired item by item: by the name that each item has where the protocol gives one, by place otherwise.

use serde_json::Value;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What a list means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ListRule {
    /// Entries of accounts in the order asked for. One of an account that does not exist may be named otherwise.
    Profiles,
    /// Fields of a profile, named by `Tag`; their order is open.
    Fields,
    /// Outcomes for accounts, named by `UserID`; their order is open.
    Outcomes,
    /// A set of accounts.
    Accounts,
    /// Anything else: items in an order that counts.
    Other,
}

impl ListRule {
    /// Returns the rule of the list that is this member.
    pub(crate) fn of(member: &str) -> Self {
        match member {
            "UserProfileItem" => Self::Profiles,
            "ProfileItem" => Self::Fields,
            "ResultItem" => Self::Outcomes,
            "Fail_Account" | "Invalid_Account" | "FailAccounts" => Self::Accounts,
            _ => Self::Other,
        }
    }

    /// Returns the member that names an item.
    pub(crate) fn key(self) -> Option<&'static str> {
        match self {
            Self::Profiles => Some("To_Account"),
            Self::Fields => Some("Tag"),
            Self::Outcomes => Some("UserID"),
            Self::Accounts | Self::Other => None,
        }
    }
}

/// An item of the cloud's list, and that of portraitd's which belongs to it.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    /// The place in the cloud's list, or in the other when it is not in that.
    pub(crate) place: usize,
    pub(crate) cloud: Option<&'a Value>,
    pub(crate) here: Option<&'a Value>,
}

/// The items of both lists.
pub(crate) struct Pairs<'a> {
    pub(crate) pairs: Vec<Pair<'a>>,
    /// Whether both have the same names in another order.
    pub(crate) is_reordered: bool,
}

/// Pairs items by the member that names them. What has no partner of its name is left alone.
pub(crate) fn pair_by<'a>(key: &str, cloud: &'a [Value], here: &'a [Value]) -> Pairs<'a> {
    let name = |item: &'a Value| item.get(key).and_then(Value::as_str);
    if cloud.iter().map(name).eq(here.iter().map(name)) {
        return Pairs { pairs: by_place(cloud, here), is_reordered: false };
    }
    let mut waiting: HashMap<Option<&str>, VecDeque<usize>> = HashMap::new();
    for (place, item) in here.iter().enumerate() {
        waiting.entry(name(item)).or_default().push_back(place);
    }
    let partners: Vec<Option<usize>> =
        cloud.iter().map(|item| waiting.get_mut(&name(item))?.pop_front()).collect();
    let mut left: Vec<usize> = waiting.into_values().flatten().collect();
    let is_reordered = left.is_empty() && partners.iter().all(Option::is_some);
    left.sort_unstable();
    let paired = cloud.iter().zip(partners).enumerate().map(|(place, (item, partner))| Pair {
        place,
        cloud: Some(item),
        here: partner.and_then(|partner| here.get(partner)),
    });
    let alone = left.into_iter().map(|place| Pair { place, cloud: None, here: here.get(place) });
    Pairs { pairs: paired.chain(alone).collect(), is_reordered }
}

/// Pairs items by their places.
pub(crate) fn by_place<'a>(cloud: &'a [Value], here: &'a [Value]) -> Vec<Pair<'a>> {
    let count = cloud.len().max(here.len());
    (0..count).map(|place| Pair { place, cloud: cloud.get(place), here: here.get(place) }).collect()
}

/// Returns how often each item is in the cloud's list more (positive) or less often than in portraitd's; those that are in both
/// equally often are left out.
pub(crate) fn count_differences<'a>(cloud: &'a [Value], here: &'a [Value]) -> Vec<(&'a Value, i64)> {
    let mut counts: BTreeMap<String, (&Value, i64)> = BTreeMap::new();
    for (list, one) in [(cloud, 1), (here, -1)] {
        for item in list {
            counts.entry(item.to_string()).or_insert((item, 0)).1 += one;
        }
    }
    counts.into_values().filter(|(_, count)| *count != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn items(names: &str) -> Vec<Value> {
        names.chars().enumerate().map(|(place, name)| json!({"Tag": name.to_string(), "n": place})).collect()
    }

    #[test]
    fn items_are_paired_by_name() {
        let check = |cloud: &str, here: &str, expected: &[(Option<u64>, Option<u64>)], is_reordered| {
            let (cloud, here) = (items(cloud), items(here));
            let found = pair_by("Tag", &cloud, &here);
            let place = |item: Option<&Value>| item.and_then(|item| item["n"].as_u64());
            let pairs: Vec<_> =
                found.pairs.iter().map(|pair| (place(pair.cloud), place(pair.here))).collect();
            assert_eq!((pairs.as_slice(), found.is_reordered), (expected, is_reordered));
        };
        check("ab", "ab", &[(Some(0), Some(0)), (Some(1), Some(1))], false);
        check("ab", "ba", &[(Some(0), Some(1)), (Some(1), Some(0))], true);
        check("aab", "aba", &[(Some(0), Some(0)), (Some(1), Some(2)), (Some(2), Some(1))], true);
        check("ab", "b", &[(Some(0), None), (Some(1), Some(0))], false);
        check("b", "ab", &[(Some(0), Some(1)), (None, Some(0))], false);
        check("ax", "ay", &[(Some(0), Some(0)), (Some(1), None), (None, Some(1))], false);
        check("", "a", &[(None, Some(0))], false);
    }

    #[test]
    fn sets_differ_by_what_one_lacks() {
        let (cloud, here) = ([json!("a"), json!("b"), json!("b")], [json!("b"), json!("c")]);
        let found = count_differences(&cloud, &here);
        assert_eq!(found, [(&json!("a"), 1), (&json!("b"), 1), (&json!("c"), -1)]);
    }
}
