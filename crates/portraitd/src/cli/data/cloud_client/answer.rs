//! Matches an answer of the cloud's `portrait_get` to the accounts that were asked for. A profile belongs to the account
//! that its entry names; its place in the list does not count.

use portraitd_model::{STANDARD_FIELDS, TagValue, ValueRule};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// What stands for the `UserID` in the entry of an account that does not exist (269/1639).
const NOT_FOUND: &str = "@TLS#NOT_FOUND";
/// The code of an account that does not exist.
const UNKNOWN_ACCOUNT: u32 = 40003;

/// The reason when two entries of one account differ.
const TWICE: &str = "not imported: the cloud's answer holds this account twice, with different contents";

/// The answer to `portrait_get`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ProfilesAnswer {
    #[serde(rename = "ErrorCode")]
    pub(super) code: u32,
    #[serde(rename = "ErrorInfo")]
    pub(super) info: String,
    #[serde(rename = "UserProfileItem")]
    pub(super) profiles: Option<Vec<UserProfile>>,
}

/// One entry of the answer.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct UserProfile {
    #[serde(rename = "To_Account")]
    account: String,
    #[serde(rename = "ProfileItem")]
    items: Option<Vec<ProfileItem>>,
    #[serde(rename = "ResultCode")]
    code: u32,
    #[serde(rename = "ResultInfo")]
    info: String,
}

type ProfileItem = TagValue<String, Box<RawValue>>;

#[derive(Serialize)]
struct Account<'a> {
    #[serde(rename = "UserID")]
    user: &'a str,
    #[serde(rename = "ProfileItem")]
    items: Vec<&'a ProfileItem>,
}

/// For each account asked for (each once), its line to import, or why there is none.
///
/// Entries are matched by the `UserID` they echo, whatever their order. An entry [`NOT_FOUND`] stands in the place of
/// an account that does not exist. When there are exactly as many of them as accounts without an entry, each of those
/// is one that does not exist; when not, the answer does not tell which are, and no reason is made up.
pub(super) fn match_accounts<'a>(
    asked: &[&'a str],
    entries: &[UserProfile],
) -> HashMap<&'a str, Result<String, String>> {
    let known: HashSet<&'a str> = asked.iter().copied().collect();
    let mut matched: HashMap<&'a str, Result<String, String>> = HashMap::with_capacity(asked.len());
    for entry in entries {
        let Some(user) = known.get(entry.account.as_str()) else { continue };
        let line = line(entry);
        match matched.entry(user) {
            Entry::Vacant(first) => {
                first.insert(line);
            }
            Entry::Occupied(earlier) if *earlier.get() == line => {}
            Entry::Occupied(mut earlier) => {
                *earlier.get_mut() = Err(TWICE.to_owned());
            }
        }
    }
    let unmatched: Vec<&'a str> = asked.iter().filter(|user| !matched.contains_key(*user)).copied().collect();
    let not_found = |entry: &&UserProfile| entry.account == NOT_FOUND && entry.code == UNKNOWN_ACCOUNT;
    let unknown = entries.iter().filter(not_found).count();
    let reason = if unknown == unmatched.len() {
        refusal(UNKNOWN_ACCOUNT, "")
    } else {
        let (entries, asked) = (entries.len(), asked.len());
        format!(
            "not imported: the cloud's answer names no such account; it has {entries} entries for {asked} accounts, {unknown} of them {NOT_FOUND}; import this account again"
        )
    };
    matched.extend(unmatched.into_iter().map(|user| (user, Err(reason.clone()))));
    matched
}

/// What the cloud says of an account, as a line to import.
fn line(profile: &UserProfile) -> Result<String, String> {
    if profile.code != 0 {
        return Err(refusal(profile.code, &profile.info));
    }
    let items = profile.items.iter().flatten().filter(|item| !is_unset(item)).collect();
    let account = Account { user: &profile.account, items };
    serde_json::to_string(&account).map_err(|error| error.to_string())
}

/// Why an account has no profile to import.
fn refusal(code: u32, info: &str) -> String {
    match code {
        UNKNOWN_ACCOUNT => format!("not imported ({code}): the cloud does not know this account"),
        _ => format!("not imported ({code}): the cloud answers {info}"),
    }
}

/// An empty text where only certain words can be: what was never set.
fn is_unset(item: &ProfileItem) -> bool {
    let words = STANDARD_FIELDS.iter().find(|field| field.name == item.tag);
    item.value.get() == "\"\"" && words.is_some_and(|field| matches!(field.rule, ValueRule::OneOf(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: &str = "not imported (40003): the cloud does not know this account";

    #[test]
    fn entries_become_lines() {
        let check = |profile: &str, expected: Result<&str, &str>| {
            let found = line(&serde_json::from_str(profile).unwrap());
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        };
        check(
            r#"{"To_Account":"a","ProfileItem":[{"Tag":"T","Value":18446744073709551615},{"Tag":"Tag_Profile_IM_Gender","Value":""},{"Tag":"Tag_Profile_IM_Nick","Value":""}],"ResultCode":0,"ResultInfo":""}"#,
            Ok(
                r#"{"UserID":"a","ProfileItem":[{"Tag":"T","Value":18446744073709551615},{"Tag":"Tag_Profile_IM_Nick","Value":""}]}"#,
            ),
        );
        check(r#"{"To_Account":"a","ResultCode":0}"#, Ok(r#"{"UserID":"a","ProfileItem":[]}"#));
        check(
            r#"{"To_Account":"a","ResultCode":40003,"ResultInfo":"Err_Profile_Invalid_Account"}"#,
            Err(UNKNOWN),
        );
        check(
            r#"{"To_Account":"a","ResultCode":40006,"ResultInfo":"Err_Some_Failure"}"#,
            Err("not imported (40006): the cloud answers Err_Some_Failure"),
        );
    }

    /// An entry whose nickname is the text after the colon; `-` is one of an account that does not exist.
    fn entry(short: &str) -> UserProfile {
        let value = match short.split_once(':') {
            Some((account, nick)) => serde_json::json!({
                "To_Account": account, "ResultCode": 0,
                "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": nick}],
            }),
            None => serde_json::json!({
                "To_Account": if short == "-" { NOT_FOUND } else { short },
                "ResultCode": UNKNOWN_ACCOUNT, "ResultInfo": "Err_Profile_Invalid_Account",
            }),
        };
        serde_json::from_value(value).unwrap()
    }

    /// What becomes of `a`, `b` and `c`: the nickname to import, or the reason why there is none.
    fn check(answer: &[&str], expected: [Result<&str, &str>; 3]) {
        let asked = ["a", "b", "c"];
        let entries: Vec<UserProfile> = answer.iter().map(|short| entry(short)).collect();
        let matched = match_accounts(&asked, &entries);
        assert_eq!(matched.len(), 3, "{answer:?}");
        for (user, expected) in asked.iter().zip(expected) {
            match (&matched[user], expected) {
                (Ok(line), Ok(nick)) => {
                    let whole = format!(
                        r#"{{"UserID":"{user}","ProfileItem":[{{"Tag":"Tag_Profile_IM_Nick","Value":"{nick}"}}]}}"#
                    );
                    assert_eq!(*line, whole, "{answer:?}");
                }
                (Err(reason), Err(part)) => assert!(reason.contains(part), "{answer:?}: {reason}"),
                (found, expected) => panic!("{answer:?}, {user}: {found:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn accounts_that_do_not_exist_are_named() {
        check(&["a:A", "-", "c:C"], [Ok("A"), Err(UNKNOWN), Ok("C")]);
        check(&["-", "-", "c:C"], [Err(UNKNOWN), Err(UNKNOWN), Ok("C")]);
        check(&["-", "-", "-"], [Err(UNKNOWN); 3]);
        check(&["a:A", "b", "c:C"], [Ok("A"), Err(UNKNOWN), Ok("C")]);
        check(&["-", "b", "c:C"], [Err(UNKNOWN), Err(UNKNOWN), Ok("C")]);
        // Another order: the two without an entry are the two that do not exist, wherever they stand.
        check(&["c:C", "-", "-"], [Err(UNKNOWN), Err(UNKNOWN), Ok("C")]);
    }

    #[test]
    fn an_answer_that_lacks_entries_makes_up_no_reason() {
        check(&[], [Err("has 0 entries for 3 accounts, 0 of them @TLS#NOT_FOUND"); 3]);
        check(&["b:B"], [Err("has 1 entries"), Ok("B"), Err("has 1 entries")]);
        // One of `a` and `b` does not exist, and it can't be told which.
        check(&["-", "c:C"], [Err("1 of them"), Err("1 of them"), Ok("C")]);
        check(&["-", "-", "b:B", "c:C"], [Err("2 of them"), Ok("B"), Ok("C")]);
    }

    #[test]
    fn a_profile_is_never_taken_for_another_account() {
        check(&["c:C", "a:A", "b:B"], [Ok("A"), Ok("B"), Ok("C")]);
        check(&["b:B", "-", "a:A"], [Ok("A"), Ok("B"), Err(UNKNOWN)]);
        check(&["a:A", "a:A", "b:B", "c:C"], [Ok("A"), Ok("B"), Ok("C")]);
        check(&["a:A", "a:X", "b:B", "c:C"], [Err(TWICE), Ok("B"), Ok("C")]);
        check(&["a:A", "a:X", "a:A"], [Err(TWICE), Err("names no"), Err("names no")]);
        check(&["a:A", "a", "c:C"], [Err(TWICE), Err("names no"), Ok("C")]);
        // Entries of accounts that were not asked for, in the places of those that were.
        check(&["A:A", "b:B", "x:X"], [Err("names no"), Ok("B"), Err("names no")]);
        check(&[":A", "b :B", "c:C"], [Err("names no"), Err("names no"), Ok("C")]);
        // A profile under the name of no account is not a profile.
        check(&["@TLS#NOT_FOUND:A", "b:B", "c:C"], [Err("names no"), Ok("B"), Ok("C")]);
    }
    /// Every answer of up to five entries.
    #[test]
    fn whatever_the_answer_a_profile_is_its_own_accounts() {
        const ENTRIES: [&str; 7] = ["a:A", "a:X", "a", "b:B", "c:C", "-", "x:X"];
        let asked = ["a", "b", "c"];
        let answers = (0..5).fold(vec![Vec::new()], |shorter: Vec<Vec<&str>>, _| {
            let longer = shorter.iter().flat_map(|answer| {
                ENTRIES.iter().map(|entry| answer.iter().copied().chain([*entry]).collect::<Vec<_>>())
            });
            shorter.iter().cloned().chain(longer).collect()
        });
        assert!(answers.len() > 7_usize.pow(5));
        for answer in answers {
            let entries: Vec<UserProfile> = answer.iter().map(|short| entry(short)).collect();
            for (user, found) in match_accounts(&asked, &entries) {
                let own: Vec<_> = entries.iter().filter(|entry| entry.account == user).collect();
                match found {
                    Ok(taken) => {
                        assert!(!own.is_empty(), "{answer:?}: {taken}");
                        assert!(
                            own.iter().all(|entry| line(entry).as_ref() == Ok(&taken)),
                            "{answer:?}: {taken}"
                        );
                    }
                    Err(reason) if reason == UNKNOWN => {
                        assert!(own.iter().all(|entry| entry.code == UNKNOWN_ACCOUNT), "{answer:?}: {user}");
                    }
                    Err(_) => {}
                }
            }
        }
    }
}
