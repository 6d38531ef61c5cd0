//! A profile, and a patch that changes it.

use crate::{FieldValue, Tag};
use serde::{Deserialize, Serialize};

/// A field with its value, as every list of fields has it on the wire: `{"Tag": …, "Value": …}`, written in this order.
/// Other members are ignored when it is read.
///
/// The types tell whether it was checked: texts and raw JSON are unchecked, a [`ProfileItem`] is checked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagValue<T, V> {
    /// The field's tag.
    pub tag: T,
    /// Its value.
    pub value: V,
}

/// One field of a profile with its checked value. Can be written as JSON, not read from it: values that are read go through
/// [`FieldSchema::check`](crate::FieldSchema::check).
pub type ProfileItem = TagValue<Tag, FieldValue>;

/// The fields of one user that are set: each at most once, in the order of the tags.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    items: Vec<ProfileItem>,
}

impl Profile {
    /// A profile from stored items. The last item of a tag wins.
    pub fn from_items(items: Vec<ProfileItem>) -> Self {
        // Stored items are in order already.
        if items.is_sorted_by(|earlier, later| earlier.tag < later.tag) {
            return Self { items };
        }
        let mut profile = Self { items: Vec::with_capacity(items.len()) };
        for item in items {
            profile.put(item);
        }
        profile
    }

    /// The fields that are set.
    pub fn items(&self) -> &[ProfileItem] {
        &self.items
    }

    /// A field's value, when it is set.
    pub fn get(&self, tag: Tag) -> Option<&FieldValue> {
        let index = self.items.binary_search_by_key(&tag, |item| item.tag).ok()?;
        self.items.get(index).map(|item| &item.value)
    }

    /// Sets the patch's fields and leaves the others; returns whether a value changed. Idempotent.
    pub fn merge(&mut self, patch: &ProfilePatch) -> bool {
        patch.items().iter().fold(false, |changed, item| self.put(item.clone()) | changed)
    }

    fn put(&mut self, item: ProfileItem) -> bool {
        match self.items.binary_search_by_key(&item.tag, |item| item.tag) {
            Ok(index) => self.items.get_mut(index).is_some_and(|slot| {
                let changed = *slot != item;
                *slot = item;
                changed
            }),
            Err(index) => {
                self.items.insert(index, item);
                true
            }
        }
    }
}

/// Fields to set, all checked. Only [`FieldSchema::check`](crate::FieldSchema::check) makes a patch, so unchecked data can't
/// reach a store. Each field at most once, in the order of the request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProfilePatch {
    items: Vec<ProfileItem>,
}

impl ProfilePatch {
    /// For the schema only. The last item of a tag wins.
    pub(crate) fn from_checked(items: Vec<ProfileItem>) -> Self {
        let mut patch = Self { items: Vec::with_capacity(items.len()) };
        for item in items {
            match patch.items.iter_mut().find(|earlier| earlier.tag == item.tag) {
                Some(earlier) => earlier.value = item.value,
                None => patch.items.push(item),
            }
        }
        patch
    }

    /// The fields to set.
    pub fn items(&self) -> &[ProfileItem] {
        &self.items
    }

    /// Whether it sets no field.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CustomKeyword, STANDARD_FIELDS, StandardTag};
    use proptest::prelude::*;

    fn any_item() -> impl Strategy<Value = ProfileItem> {
        let standard = (0..STANDARD_FIELDS.len()).prop_map(|i| Tag::Standard(STANDARD_FIELDS[i].tag));
        let custom = "[a-c]{1,2}".prop_map(|keyword| Tag::Custom(CustomKeyword::parse(&keyword).unwrap()));
        let value = prop_oneof![
            any::<u64>().prop_map(FieldValue::Uint),
            "\\PC{0,8}".prop_map(|text| FieldValue::Text(text.into())),
        ];
        (prop_oneof![standard, custom], value).prop_map(|(tag, value)| ProfileItem { tag, value })
    }

    fn any_items() -> impl Strategy<Value = Vec<ProfileItem>> {
        prop::collection::vec(any_item(), 0..12)
    }

    #[test]
    fn an_item_is_written_as_on_the_wire_and_an_unchecked_one_is_read() {
        type Raw = TagValue<String, Box<serde_json::value::RawValue>>;

        let text = |item: &ProfileItem| serde_json::to_string(item).unwrap();
        let nick =
            ProfileItem { tag: Tag::Standard(StandardTag::Nick), value: FieldValue::Text("\"爱\n".into()) };
        assert_eq!(text(&nick), r#"{"Tag":"Tag_Profile_IM_Nick","Value":"\"爱\n"}"#);
        let keyword = CustomKeyword::parse("Score").unwrap();
        let score = ProfileItem { tag: Tag::Custom(keyword), value: FieldValue::Uint(u64::MAX) };
        assert_eq!(text(&score), r#"{"Tag":"Tag_Profile_Custom_Score","Value":18446744073709551615}"#);
        let read: Raw = serde_json::from_str(r#"{"More":1,"Value": 1e400,"Tag":"any"}"#).unwrap();
        assert_eq!((read.tag.as_str(), read.value.get()), ("any", "1e400"));
        for incomplete in [r#"{"Tag":"a"}"#, r#"{"Value":1}"#, r#"{"tag":"a","value":1}"#, "null"] {
            assert!(serde_json::from_str::<Raw>(incomplete).is_err(), "{incomplete}");
        }
    }

    #[test]
    fn a_patch_tells_whether_it_is_empty() {
        let item = ProfileItem { tag: Tag::Standard(STANDARD_FIELDS[0].tag), value: FieldValue::Uint(1) };
        let patch = ProfilePatch::from_checked(vec![item.clone()]);
        assert!(!patch.is_empty() && ProfilePatch::default().is_empty());
        let mut profile = Profile::default();
        assert!(profile.items().is_empty() && profile.merge(&patch) && !profile.merge(&patch));
        assert_eq!(profile.items(), [item]);
    }

    proptest! {
        #[test]
        fn the_last_value_wins(items in any_items(), old in any_items()) {
            let mut profile = Profile::from_items(old.clone());
            let before = profile.clone();
            let changed = profile.merge(&ProfilePatch::from_checked(items.clone()));
            prop_assert_eq!(changed, profile != before);
            let everything: Vec<_> = old.into_iter().chain(items).collect();
            for item in &everything {
                let last = everything.iter().rev().find(|other| other.tag == item.tag).unwrap();
                prop_assert_eq!(profile.get(item.tag), Some(&last.value));
            }
            prop_assert!(profile.items().is_sorted_by(|a, b| a.tag < b.tag));
        }

        #[test]
        fn merging_twice_is_merging_once(items in any_items(), old in any_items()) {
            let patch = ProfilePatch::from_checked(items);
            let mut once = Profile::from_items(old);
            once.merge(&patch);
            let mut twice = once.clone();
            prop_assert!(!twice.merge(&patch), "nothing was left to change");
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn two_patches_in_order_are_their_sum(first in any_items(), second in any_items()) {
            let mut one_by_one = Profile::default();
            one_by_one.merge(&ProfilePatch::from_checked(first.clone()));
            one_by_one.merge(&ProfilePatch::from_checked(second.clone()));
            let mut at_once = Profile::default();
            at_once.merge(&ProfilePatch::from_checked(first.into_iter().chain(second).collect()));
            prop_assert_eq!(one_by_one, at_once);
        }
    }
}
