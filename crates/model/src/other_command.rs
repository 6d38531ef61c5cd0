//! The rest of the cloud's REST API: commands that portraitd does not have, from the table in `other_commands.tsv`.
//!
//! A row says what the command does and what the cloud's success answer looks like. No path here is one of
//! [`COMMANDS`](crate::COMMANDS). The table is read once, at its first use; a test reads every row of it.

use crate::Language;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// One command of the cloud that portraitd does not have.
#[derive(PartialEq, Eq, Debug)]
pub struct OtherCommand {
    path: String,
    /// `<servicename>` in the path.
    pub service: &'static str,
    /// `<command>` in the path.
    pub command: &'static str,
    /// What it does, in Chinese, as the cloud's page names it.
    pub chinese: &'static str,
    /// What it does, in English: a verb with its object.
    pub english: &'static str,
    /// What the cloud's success answer holds besides the envelope, in the order of the page.
    pub members: Vec<Member>,
    /// How often the cloud allows it for each app, such as `200/s`; `None` when its pages do not say.
    pub frequency: Option<&'static str>,
    /// Where [`OtherCommand::frequency`] comes from: the page and its year.
    pub source: Option<&'static str>,
    /// Whether the cloud's pages still have it.
    pub standing: Standing,
}

/// One member of a success answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its type.
    pub kind: MemberKind,
}

/// The type of a [`Member`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemberKind {
    /// A whole number.
    Integer,
    /// A string.
    Text,
    /// A list of strings.
    TextList,
    /// A list of objects.
    ObjectList,
    /// An object.
    Object,
}

/// Whether the cloud's pages still have a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// They do.
    Current,
    /// Under another path, `<servicename>/<command>`; the old one is in older pages and clients.
    Older(&'static str),
    /// In the pages of another product that has the same gateway and accounts.
    Product(&'static str),
    /// No more.
    Withdrawn,
}

impl MemberKind {
    /// Reads a type as the table writes it.
    fn parse(text: &str) -> Option<Self> {
        match text {
            "int" => Some(Self::Integer),
            "str" => Some(Self::Text),
            "[str]" => Some(Self::TextList),
            "[{}]" => Some(Self::ObjectList),
            "{}" => Some(Self::Object),
            _ => None,
        }
    }

    /// The value of this type that says least.
    fn neutral(self) -> Value {
        match self {
            Self::Integer => Value::from(0),
            Self::Text => Value::from(""),
            Self::TextList | Self::ObjectList => Value::Array(Vec::new()),
            Self::Object => Value::Object(Map::new()),
        }
    }
}

impl Member {
    /// Members that tell a client that it has the last page. With 0 it would ask for the next one forever.
    const LAST_PAGE: [&str; 3] = ["IsFinished", "CompleteFlag", "Complete"];

    /// The value that stands for it in [`OtherCommand::success_members`].
    fn value(self) -> Value {
        if Self::LAST_PAGE.contains(&self.name) { Value::from(1) } else { self.kind.neutral() }
    }
}

impl Standing {
    fn parse(text: &'static str) -> Option<Self> {
        match text.split_once(' ') {
            None if text == "current" => Some(Self::Current),
            None if text == "withdrawn" => Some(Self::Withdrawn),
            Some(("older", path)) if path.contains('/') => Some(Self::Older(path)),
            Some(("product", name)) if !name.is_empty() => Some(Self::Product(name)),
            _ => None,
        }
    }
}

/// Reads a shape: `envelope`, then `ErrorDisplay` or `RequestId` or both, then `{Name:type, …}`, joined by ` + `.
fn members(shape: &'static str) -> Option<Vec<Member>> {
    let mut parts = shape.split(" + ");
    if parts.next() != Some("envelope") {
        return None;
    }
    let mut members = Vec::new();
    for part in parts {
        match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(list) => {
                for member in list.split(", ") {
                    let (name, kind) = member.split_once(':')?;
                    members.push(Member { name, kind: MemberKind::parse(kind)? });
                }
            }
            None if matches!(part, "ErrorDisplay" | "RequestId") => {
                members.push(Member { name: part, kind: MemberKind::Text });
            }
            None => return None,
        }
    }
    Some(members)
}

impl OtherCommand {
    /// Reads a row of the table.
    fn parse(row: &'static str) -> Option<Self> {
        let columns: [&str; 8] = row.split('\t').collect::<Vec<_>>().try_into().ok()?;
        let [service, command, chinese, english, shape, frequency, source, standing] = columns;
        let known = |text: &'static str| Some(text).filter(|text| *text != "unknown");
        let complete = ![service, command, chinese, english].iter().any(|text| text.is_empty());
        complete.then_some(Self {
            path: format!("/v4/{service}/{command}"),
            service,
            command,
            chinese,
            english,
            members: members(shape)?,
            frequency: known(frequency),
            source: known(source),
            standing: Standing::parse(standing)?,
        })
    }

    /// Every one, in the order of their paths.
    pub fn all() -> &'static [Self] {
        static TABLE: LazyLock<Vec<OtherCommand>> = LazyLock::new(|| {
            let mut table: Vec<_> = rows().filter_map(OtherCommand::parse).collect();
            table.sort_unstable_by(|a, b| a.path.cmp(&b.path));
            table
        });
        &TABLE
    }

    /// The one with this path. Base URLs that end in `/` make paths that start with `//`.
    pub fn at_path(path: &str) -> Option<&'static Self> {
        let path = path.trim_start_matches('/');
        let all = Self::all();
        let found = all.binary_search_by(|one| one.path.trim_start_matches('/').cmp(path)).ok()?;
        all.get(found)
    }

    /// Its whole path, from `/v4` on.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it does.
    pub fn meaning(&self, language: Language) -> &'static str {
        language.pick(self.english, self.chinese)
    }

    /// What the cloud's success answer holds besides the envelope: for each member the value of its type that says least: 0, an
    /// empty string, an empty list, an empty object. What tells a client that this was the last page is 1.
    pub fn success_members(&self) -> Map<String, Value> {
        self.members.iter().map(|member| (member.name.to_owned(), member.value())).collect()
    }

    /// Why it is not answered, and what to do: the sentence behind 60009.
    pub fn explain(&self, language: Language) -> String {
        let (path, meaning) = (self.path(), self.meaning(language));
        match language {
            Language::English => format!(
                "{path} is a command of the cloud ({meaning}){}; portraitd does not have it; \
                 `portraitd dev --others ok` answers it with success",
                self.standing.in_english(),
            ),
            Language::Chinese => format!(
                "{path} 是云端的接口（{meaning}）{}；portraitd 不提供该接口，使用 `portraitd dev --others ok` 可让它返回成功",
                self.standing.in_chinese(),
            ),
        }
    }
}

impl Standing {
    fn in_english(self) -> String {
        match self {
            Self::Current => String::new(),
            Self::Older(path) => format!(", an older name of /v4/{path}"),
            Self::Product(name) => format!(" for the {name} product"),
            Self::Withdrawn => ", which the cloud has withdrawn".to_owned(),
        }
    }

    fn in_chinese(self) -> String {
        match self {
            Self::Current => String::new(),
            Self::Older(path) => format!("，现名 /v4/{path}"),
            Self::Product(name) => format!("，属于 {name} 产品"),
            Self::Withdrawn => "，云端已下线".to_owned(),
        }
    }
}

/// The rows of the table, without its head.
fn rows() -> impl Iterator<Item = &'static str> {
    include_str!("other_commands.tsv").lines().skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::COMMANDS;
    use std::collections::BTreeSet;

    fn success_body(one: &OtherCommand) -> Value {
        let mut body = serde_json::json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0});
        body.as_object_mut().unwrap().extend(one.success_members());
        body
    }

    #[test]
    fn every_row_is_read_and_no_path_is_there_twice() {
        assert_eq!(rows().count(), 195);
        for row in rows() {
            assert!(OtherCommand::parse(row).is_some(), "{row}");
        }
        let paths: BTreeSet<_> = OtherCommand::all().iter().map(OtherCommand::path).collect();
        assert_eq!((OtherCommand::all().len(), paths.len()), (195, 195));
        assert!(COMMANDS.iter().all(|row| !paths.contains(row.path)), "portraitd has one of these");
        for one in OtherCommand::all() {
            let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            assert!(letters(one.service) && letters(one.command), "{}", one.path);
            assert!(one.english.is_ascii() && !one.chinese.is_ascii(), "{}", one.path);
            assert_eq!(one.frequency.is_some(), one.source.is_some(), "{}", one.path);
            let names: BTreeSet<_> = one.members.iter().map(|member| member.name).collect();
            assert_eq!(names.len(), one.members.len(), "{} names a member twice", one.path);
            if let Standing::Older(path) = one.standing {
                let newer = OtherCommand::at_path(&format!("/v4/{path}")).unwrap();
                assert_eq!(newer.standing, Standing::Current, "{path}");
            }
        }
    }

    #[test]
    fn one_is_found_by_its_path() {
        for one in OtherCommand::all() {
            for path in [one.path.clone(), format!("/{}", one.path)] {
                assert!(std::ptr::eq(OtherCommand::at_path(&path).unwrap(), one), "{path}");
            }
        }
        for wrong in
            ["", "/", "/v4/openim/", "/v4/openim/SendMsg", "/v4/sns/sendmsg", "/v4/profile/portrait_set"]
        {
            assert!(OtherCommand::at_path(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn every_success_body_is_the_envelope_and_the_members() {
        for one in OtherCommand::all() {
            let text = success_body(one).to_string();
            let body: Map<String, Value> = serde_json::from_str(&text).unwrap();
            assert_eq!(body["ActionStatus"], "OK");
            assert_eq!(body["ErrorInfo"], "");
            assert_eq!(body["ErrorCode"], 0);
            assert_eq!(body.len(), 3 + one.members.len(), "{text}");
            for Member { name, kind } in &one.members {
                let value = &body[*name];
                let fits = match kind {
                    MemberKind::Integer => value.is_u64(),
                    MemberKind::Text => value == "",
                    MemberKind::TextList | MemberKind::ObjectList => value.as_array().unwrap().is_empty(),
                    MemberKind::Object => value.as_object().unwrap().is_empty(),
                };
                assert!(fits, "{}: {name} is {value}", one.path);
            }
        }
    }

    #[test]
    fn bodies_have_the_shapes_of_the_pages_and_end_what_is_read_in_pages() {
        let body = |path: &str| success_body(OtherCommand::at_path(path).unwrap());
        assert_eq!(
            body("/v4/openim/sendmsg"),
            serde_json::json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0, "MsgTime": 0, "MsgKey": "", "MsgId": ""})
        );
        assert_eq!(
            body("/v4/sns/friend_import"),
            serde_json::json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0, "ErrorDisplay": "",
                "ResultItem": [], "Fail_Account": []})
        );
        assert_eq!(body("/v4/live_engine_http_srv/get_gift")["Response"], serde_json::json!({}));
        assert_eq!(body("/v4/live_engine_http_srv/get_gift")["RequestId"], "");
        assert_eq!(body("/v4/group_open_http_svc/group_msg_get_simple")["IsFinished"], 1);
        assert_eq!(body("/v4/recentcontact/get_list")["CompleteFlag"], 1);
        assert_eq!(body("/v4/openim/admin_getroammsg")["Complete"], 1);
        let pages = OtherCommand::all().iter().flat_map(|one| &one.members);
        let flags: BTreeSet<_> = pages
            .map(|member| member.name)
            .filter(|name| name.contains("Finish") || name.contains("Complete"))
            .collect();
        assert_eq!(flags, BTreeSet::from(Member::LAST_PAGE));
    }

    #[test]
    fn rows_that_are_not_of_the_tables_form_are_refused() {
        let row = |shape: &str, standing: &str| {
            let row = format!("s\tc\t中\te\t{shape}\t200/s\tpage\t{standing}");
            OtherCommand::parse(row.leak()).is_some()
        };
        assert!(row("envelope", "current") && row("envelope + {A:int}", "older a/b"));
        for shape in [
            "",
            "ErrorDisplay",
            "envelope + Other",
            "envelope + {A}",
            "envelope + {A:float}",
            "envelope + {}",
        ] {
            assert!(!row(shape, "current"), "{shape}");
        }
        for standing in ["", "gone", "older", "older x", "product "] {
            assert!(!row("envelope", standing), "{standing}");
        }
        assert!(OtherCommand::parse("s\tc").is_none() && OtherCommand::parse("").is_none());
    }

    #[test]
    fn the_sentence_names_the_command_its_meaning_and_the_remedy() {
        for one in OtherCommand::all() {
            let (english, chinese) = (one.explain(Language::English), one.explain(Language::Chinese));
            assert!(english.is_ascii() && english.contains(one.english), "{english}");
            assert!(chinese.contains(one.chinese), "{chinese}");
            for sentence in [english, chinese] {
                assert!(sentence.starts_with(one.path()) && sentence.contains("--others ok"), "{sentence}");
            }
        }
        let explain = |path| OtherCommand::at_path(path).unwrap().explain(Language::English);
        assert_eq!(
            explain("/v4/openim/querystate"),
            "/v4/openim/querystate is a command of the cloud (query login state of accounts), an older name of \
             /v4/openim/query_online_status; portraitd does not have it; `portraitd dev --others ok` answers it with success"
        );
    }
}
