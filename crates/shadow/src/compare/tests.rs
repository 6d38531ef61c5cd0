//! Tests of the comparison: what is found, under which path, and what is told apart.

use super::*;
use crate::answer::definite;
use crate::named::Fields;
use portraitd_model::Command;
use serde_json::json;

/// Compares two answers to `portrait_get` of `a`, `b` and `ghost`, with what is unsettled of the first two.
fn compared(cloud: &Value, here: &Value, unsettled: &[(&str, Aspects)], is_sig_settled: bool) -> Compared {
    let body = br#"{"To_Account":["a","b","ghost"],"TagList":["Tag_Profile_IM_Nick"]}"#;
    let named = Named::of(Command::PortraitGet, Some(1), body);
    let digests = Digests::new([7; 32]);
    let unsettled =
        unsettled.iter().map(|(account, aspects)| ((*account).to_owned(), aspects.clone())).collect();
    let context =
        Context { named: &named, app: SdkAppId(1), digests: &digests, unsettled: &unsettled, is_sig_settled };
    compare(&context, &definite(cloud), &definite(here))
}

/// Each difference as `kind path`; with `?` at its end when it is unsettled.
fn found(cloud: &Value, here: &Value, unsettled: &[(&str, Aspects)]) -> Vec<String> {
    let differences = compared(cloud, here, unsettled, true).differences;
    let shown = differences.iter().map(|difference| {
        let end = if difference.is_unsettled { "?" } else { "" };
        format!("{:?} {}{end}", difference.kind, difference.path)
    });
    shown.collect()
}

fn check(cloud: &Value, here: &Value, expected: &[&str]) {
    assert_eq!(found(cloud, here, &[]), expected, "{cloud} {here}");
}

fn item(tag: &str, value: &Value) -> Value {
    json!({"Tag": tag, "Value": value})
}

fn entry(account: &str, items: &[Value]) -> Value {
    json!({"To_Account": account, "ProfileItem": items, "ResultCode": 0, "ResultInfo": ""})
}

fn not_found(account: &str) -> Value {
    json!({"To_Account": account, "ResultCode": 40003, "ResultInfo": "Err_Profile_Invalid_Account"})
}

fn answer(entries: &[Value]) -> Value {
    json!({"UserProfileItem": entries, "Fail_Account": ["ghost"], "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "ErrorDisplay": ""})
}

fn usual() -> [Value; 3] {
    let items =
        |nick: &str| [item("Tag_Profile_IM_Nick", &json!(nick)), item("Tag_Profile_IM_Level", &json!(1))];
    [entry("a", &items("x")), entry("b", &items("y")), not_found("@TLS#NOT_FOUND")]
}

#[test]
fn equal_answers_have_no_difference() {
    check(&answer(&usual()), &answer(&usual()), &[]);
    // Fields in another order, and a failing set in another.
    let mut other = answer(&usual());
    other["UserProfileItem"][0]["ProfileItem"].as_array_mut().unwrap().reverse();
    check(&answer(&usual()), &other, &[]);
    let with = |failed: Value| json!({"ActionStatus": "OK", "ErrorCode": 0, "FailAccounts": failed});
    check(&with(json!(["a", "b"])), &with(json!(["b", "a"])), &[]);
    let outcomes = |users: &[&str]| {
        let list: Vec<_> = users.iter().map(|user| json!({"UserID": user, "ResultCode": 0})).collect();
        json!({"ActionStatus": "OK", "ErrorCode": 0, "ResultItem": list})
    };
    check(&outcomes(&["a", "b"]), &outcomes(&["b", "a"]), &[]);
}

#[test]
fn values_of_fields_are_named_by_their_tags() {
    let mut other = answer(&usual());
    other["UserProfileItem"][1]["ProfileItem"][0]["Value"] = json!("changed");
    check(&answer(&usual()), &other, &["Value UserProfileItem[].ProfileItem[Tag_Profile_IM_Nick].Value"]);
    other["UserProfileItem"][1]["ProfileItem"][0]["Value"] = json!(5);
    check(&answer(&usual()), &other, &["Shape UserProfileItem[].ProfileItem[Tag_Profile_IM_Nick].Value"]);
    other["UserProfileItem"][1]["ProfileItem"].as_array_mut().unwrap().remove(0);
    check(&answer(&usual()), &other, &["Shape UserProfileItem[].ProfileItem[Tag_Profile_IM_Nick]"]);
    // Two at once, one on each side.
    let (mut cloud, mut here) = (answer(&usual()), answer(&usual()));
    cloud["UserProfileItem"][0]["ProfileItem"][0] = item("Tag_Profile_Custom_New", &json!(""));
    here["UserProfileItem"][1]["ProfileItem"][1]["Value"] = json!(2);
    let expected = [
        "Shape UserProfileItem[].ProfileItem[Tag_Profile_Custom_New]",
        "Shape UserProfileItem[].ProfileItem[Tag_Profile_IM_Nick]",
        "Value UserProfileItem[].ProfileItem[Tag_Profile_IM_Level].Value",
    ];
    check(&cloud, &here, &expected);
}

#[test]
fn codes_come_before_all_else() {
    let refused = |code: u32| json!({"ActionStatus": "FAIL", "ErrorCode": code, "ErrorInfo": format!("E{code}"), "ErrorDisplay": ""});
    check(&answer(&usual()), &refused(40009), &["Code ErrorCode"]);
    check(&refused(40001), &refused(40009), &["Code ErrorCode"]);
    let mut other = refused(40001);
    other["ErrorInfo"] = json!("another text");
    check(&refused(40001), &other, &["Text ErrorInfo"]);
    other.as_object_mut().unwrap().remove("ErrorDisplay");
    check(&refused(40001), &other, &["Shape ErrorDisplay", "Text ErrorInfo"]);
    other = answer(&usual());
    other["ActionStatus"] = json!("FAIL");
    check(&answer(&usual()), &other, &["Code ActionStatus"]);
    // Of one account.
    let [a, b, ghost] = usual();
    check(
        &answer(&[a.clone(), b, ghost.clone()]),
        &answer(&[a, not_found("@TLS#NOT_FOUND"), ghost]),
        &["Code UserProfileItem[].ResultCode"],
    );
}

#[test]
fn accounts_that_do_not_exist_are_compared_by_their_place() {
    let [a, b, ghost] = usual();
    let here = answer(&[a.clone(), b.clone(), not_found("ghost")]);
    check(&answer(&usual()), &here, &["Value UserProfileItem[].To_Account"]);
    // Another order of the same accounts is one difference.
    check(&answer(&usual()), &answer(&[b.clone(), a.clone(), ghost]), &["Value UserProfileItem[]"]);
    check(&answer(&usual()), &answer(&[a, b]), &["Shape UserProfileItem[]"]);
}

#[test]
fn what_one_side_alone_has_is_named() {
    let mut cloud = answer(&usual());
    cloud["RequestId"] = json!("0123");
    cloud["UserProfileItem"][0]["Extra"] = json!({"a": [1]});
    check(&cloud, &answer(&usual()), &["Shape RequestId", "Shape UserProfileItem[].Extra"]);
    let mut here = answer(&usual());
    here.as_object_mut().unwrap().remove("Fail_Account");
    check(&answer(&usual()), &here, &["Shape Fail_Account"]);
    here["Fail_Account"] = json!(["b"]);
    check(&answer(&usual()), &here, &["Value Fail_Account[]", "Value Fail_Account[]"]);
}

#[test]
fn unsettled_state_is_told_apart_from_all_else() {
    let nick = Aspects {
        fields: Fields::These([Tag::parse("Tag_Profile_IM_Nick", SdkAppId(1)).unwrap()].into()),
        ..Aspects::default()
    };
    let existence = Aspects { existence: true, ..Aspects::default() };
    let mut other = answer(&usual());
    other["UserProfileItem"][0]["ProfileItem"][0]["Value"] = json!("changed");
    other["UserProfileItem"][0]["ProfileItem"][1]["Value"] = json!(2);
    let path = "UserProfileItem[].ProfileItem";
    let (in_doubt, sure) = (
        format!("Value {path}[Tag_Profile_IM_Nick].Value?"),
        format!("Value {path}[Tag_Profile_IM_Level].Value"),
    );
    assert_eq!(found(&answer(&usual()), &other, &[("a", nick.clone())]), [in_doubt, sure]);
    // Another account's does not matter.
    assert!(found(&answer(&usual()), &other, &[("b", nick)]).iter().all(|shown| !shown.ends_with('?')));
    let [a, _, ghost] = usual();
    let gone = answer(&[a, not_found("@TLS#NOT_FOUND"), ghost]);
    assert_eq!(
        found(&answer(&usual()), &gone, &[("b", existence.clone())]),
        ["Code UserProfileItem[].ResultCode?"]
    );
    let refused = json!({"ActionStatus": "FAIL", "ErrorCode": 40003, "ErrorInfo": "", "ErrorDisplay": ""});
    assert_eq!(found(&answer(&usual()), &refused, &[("b", existence)]), ["Code ErrorCode?"]);
    assert!(compared(&answer(&usual()), &refused, &[], false).differences[0].is_unsettled);
}

/// No value and no account of either answer is in what is found.
#[test]
fn differences_hold_digests_alone() {
    let mut here = answer(&usual());
    here["UserProfileItem"][0]["ProfileItem"][0]["Value"] = json!("secret-value");
    here["secret-name\u{1b}"] = json!(1);
    here["ghost"] = json!(1);
    let all = format!("{:?}", compared(&answer(&usual()), &here, &[], true).differences);
    assert!(!all.contains("secret") && !all.contains("ghost") && !all.contains("\\u{1b}"), "{all}");
    assert_eq!(compared(&answer(&usual()), &here, &[], true).accounts, BTreeSet::from(["a".to_owned()]));
}

#[test]
fn a_huge_answer_has_a_bounded_number_of_differences() {
    let list: Vec<_> = (0..DIFFERENCES_MAX + 5).collect();
    let huge = |list: &[usize]| json!({"ActionStatus": "OK", "ErrorCode": 0, "List": list});
    let compared = compared(&huge(&list), &huge(&[]), &[], true);
    assert_eq!((compared.differences.len(), compared.is_cut), (DIFFERENCES_MAX, true));
}
