//! `portraitd set` and `portraitd get`: one profile, from the shell.

use super::client::Client;
use crate::cli::language::chosen::localized;
use crate::cli::output::{foreign, print_json, say};
use anyhow::Context;
use portraitd_model::{STANDARD_FIELDS, TagValue, ValueType, whole_tag};
use serde_json::{Value, json};

/// Set fields of a user's profile
///
/// TAG is a whole tag, the end of a standard tag (Nick, Gender, Level …) or the keyword of a custom
/// field. TAG=VALUE sends a number for standard fields that are numbers, text for others;
/// TAG:=NUMBER always sends a number.
///
///   portraitd set alice Nick=Alice Level=3 Test=hello
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SetArgs {
    /// The UserID
    user: String,
    /// TAG=VALUE or TAG:=NUMBER
    #[arg(required = true)]
    fields: Vec<String>,
    #[command(flatten)]
    client: Client,
}

/// Read users' profiles
#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// The UserIDs, at most 100
    #[arg(required = true)]
    users: Vec<String>,
    /// The fields to read, named as in `portraitd set`; all standard ones by default
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    tags: Vec<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: Client,
}

pub(crate) fn set(args: &SetArgs) -> anyhow::Result<()> {
    let items = args.fields.iter().map(|field| item(field)).collect::<anyhow::Result<Vec<_>>>()?;
    let body = json!({ "From_Account": args.user, "ProfileItem": items });
    crate::cli::runtime::runtime()?.block_on(args.client.call("/v4/profile/portrait_set", &body))?;
    say("OK");
    Ok(())
}

pub(crate) fn get(args: &GetArgs) -> anyhow::Result<()> {
    let tags: Vec<String> = if args.tags.is_empty() {
        STANDARD_FIELDS.iter().map(|field| field.name.to_owned()).collect()
    } else {
        args.tags.iter().map(|name| whole_tag(name)).collect()
    };
    let body = json!({ "To_Account": args.users, "TagList": tags });
    let answer =
        crate::cli::runtime::runtime()?.block_on(args.client.call("/v4/profile/portrait_get", &body))?;
    if args.json {
        return print_json(&answer);
    }
    let entries = answer.get("UserProfileItem").and_then(Value::as_array).into_iter().flatten();
    // The entry of an account that does not exist lacks its UserID; entries are in the order of the request.
    for (asked, user) in args.users.iter().zip(entries) {
        say(foreign(asked));
        for item in user.get("ProfileItem").and_then(Value::as_array).into_iter().flatten() {
            let (tag, value) =
                (item.get("Tag").and_then(Value::as_str), item.get("Value").unwrap_or(&Value::Null));
            say(foreign(&format!("  {:<32} {value}", tag.unwrap_or_default())));
        }
        if let Some(info) = user.get("ResultInfo").and_then(Value::as_str).filter(|info| !info.is_empty()) {
            say(foreign(&format!("  {} {info}", user.get("ResultCode").unwrap_or(&Value::Null))));
        }
    }
    Ok(())
}

pub(crate) fn item(field: &str) -> anyhow::Result<TagValue<String, Value>> {
    let (name, text) = field.split_once('=').with_context(|| {
        localized!(
            "`{field}` has no `=`; write TAG=VALUE, for example Nick=Alice",
            "`{field}` 缺少 `=`；请写作 TAG=VALUE，例如 Nick=Alice"
        )
    })?;
    let (name, number) = name.strip_suffix(':').map_or((name, false), |name| (name, true));
    let tag = whole_tag(name);
    let standard = STANDARD_FIELDS.iter().find(|field| field.name == tag);
    if number || standard.is_some_and(|field| field.value_type == ValueType::Uint32) {
        let value: Value = serde_json::from_str(text).ok().filter(Value::is_number).with_context(|| {
            localized!(
                "`{text}` is not a number; {tag} holds a number, for example 3",
                "`{text}` 不是数字；{tag} 的值为数字，例如 3"
            )
        })?;
        return Ok(TagValue { tag, value });
    }
    Ok(TagValue { tag, value: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_people_write_them() {
        let check = |field: &str, tag: &str, value: Value| {
            assert_eq!(item(field).unwrap(), TagValue { tag: tag.into(), value }, "{field}");
        };
        check("Nick=a=b", "Tag_Profile_IM_Nick", json!("a=b"));
        check("Level=3", "Tag_Profile_IM_Level", json!(3));
        check("Test=3", "Tag_Profile_Custom_Test", json!("3"));
        check("Score:=3", "Tag_Profile_Custom_Score", json!(3));
        check("Tag_Profile_IM_Nope=x", "Tag_Profile_IM_Nope", json!("x"));
        assert!(item("Level=high").is_err());
        assert!(item("Nick").is_err());
    }
}
