//! Which path a caller may have meant by one that does not exist: among portraitd's commands and the cloud's others.

use crate::{COMMANDS, Command, Language, OtherCommand, Standing};
use std::sync::LazyLock;

/// A longer path was never meant to be one of ours, in bytes.
const PATH_BYTES_MAX: usize = 200;

/// A path that exists and is near to one that does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathSuggestion {
    /// The whole path, from `/v4` on.
    pub path: &'static str,
    /// portraitd's command there; `None` when it is one of the cloud's that portraitd does not have.
    pub command: Option<Command>,
    /// What differs.
    pub slip: PathSlip,
}

/// What differs between a path and the one that was meant. The first that applies is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathSlip {
    /// Upper and lower case.
    Case,
    /// A `/` too many, at the end or in the middle.
    Slash,
    /// The query starts with `&`.
    Ampersand,
    /// The query starts with a percent-encoded `?`.
    EncodedQuestionMark,
    /// White space, a scheme with a host, a query or a fragment is part of the path.
    Surroundings,
    /// `/v4` is missing, there under another number, or behind another folder.
    Prefix,
    /// The command is in another service.
    Service,
    /// Letters.
    Spelling,
}

/// A path that exists.
#[derive(Clone, Copy)]
struct Known {
    path: &'static str,
    command: Option<Command>,
}

impl Known {
    fn all() -> impl Iterator<Item = Self> {
        let ours = COMMANDS.iter().map(|row| Self { path: row.path, command: Some(row.command) });
        ours.chain(OtherCommand::all().iter().map(|other| Self { path: other.path(), command: None }))
    }

    /// Whether the cloud has it under another path now.
    fn is_older(self) -> bool {
        OtherCommand::at_path(self.path).is_some_and(|other| matches!(other.standing, Standing::Older(_)))
    }

    fn suggestion(self, slip: PathSlip) -> PathSuggestion {
        PathSuggestion { path: self.path, command: self.command, slip }
    }
}

/// The names of a path that exists, made once: anybody may ask for paths that do not exist, and many times.
struct Names {
    known: Known,
    /// The whole path, in lower case.
    path: String,
    /// `<servicename>/<command>`, in lower case.
    name: String,
    /// Both, as [`squash`] makes them.
    squashed: (String, String),
}

impl Names {
    fn of(known: Known) -> Self {
        let path = known.path.to_ascii_lowercase();
        let name = path.trim_start_matches("/v4/").to_owned();
        let (service, command) = name.split_once('/').unwrap_or_default();
        let squashed = (squash(service), squash(command));
        Self { known, path, name, squashed }
    }

    fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Names>> = LazyLock::new(|| Known::all().map(Names::of).collect());
        &ALL
    }

    fn command(&self) -> Option<&str> {
        self.name.rsplit('/').next()
    }
}

/// Without what people separate words by, so that `portraitSet` and `portrait-set` are like `portrait_set`.
fn squash(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '_' | '-' | ' ' | '.')).collect()
}

/// Takes away a scheme with its host, a query, a fragment and white space. Also returns the slip that lies in them.
fn bare(text: &str) -> (&str, PathSlip) {
    const STARTS: [(&str, PathSlip); 5] = [
        ("&", PathSlip::Ampersand),
        ("%3F", PathSlip::EncodedQuestionMark),
        ("%3f", PathSlip::EncodedQuestionMark),
        ("?", PathSlip::Surroundings),
        ("#", PathSlip::Surroundings),
    ];
    let text = text.trim();
    let before = STARTS.into_iter().filter_map(|(start, slip)| Some((text.split_once(start)?.0, slip)));
    let (text, slip) = before.min_by_key(|(path, _)| path.len()).unwrap_or((text, PathSlip::Surroundings));
    let path = match text.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
        None => text,
    };
    (path, slip)
}

/// Finds the nearest path that exists. `None` when it exists itself, or when nothing is near.
///
/// ```
/// use portraitd_model::{PathSlip, suggest_path};
/// let near = suggest_path("/v4/profile/portrait_sett").unwrap();
/// assert_eq!((near.path, near.slip), ("/v4/profile/portrait_set", PathSlip::Spelling));
/// ```
pub fn suggest_path(path: &str) -> Option<PathSuggestion> {
    // A query that became part of the path has a UserSig, which is longer than any path.
    let (path_alone, slip) = bare(path);
    if path_alone.len() > PATH_BYTES_MAX
        || Command::at_path(path).is_some()
        || OtherCommand::at_path(path).is_some()
    {
        return None;
    }
    let segments: Vec<&str> = path_alone.split('/').filter(|segment| !segment.is_empty()).collect();
    let joined = format!("/{}", segments.join("/"));
    let exact = |text: &str, slip| {
        let found =
            Known::all().find(|known| known.path.trim_start_matches('/') == text.trim_start_matches('/'));
        found.map(|known| known.suggestion(slip))
    };
    if let Some(found) = exact(path_alone, slip).or_else(|| exact(&joined, PathSlip::Slash)) {
        return Some(found);
    }
    let lower = joined.to_ascii_lowercase();
    if let Some(names) = Names::all().iter().find(|names| names.path == lower) {
        return Some(names.known.suggestion(PathSlip::Case));
    }
    let (command, before) = segments.split_last()?;
    let command = command.to_ascii_lowercase();
    let service = before.last().map(|service| service.to_ascii_lowercase()).unwrap_or_default();
    let name = format!("{service}/{command}");
    if let Some(names) = Names::all().iter().find(|names| names.name == name) {
        return Some(names.known.suggestion(PathSlip::Prefix));
    }
    // The same command may be in several services, and in an older one.
    let rank =
        |names: &&Names| (names.known.is_older(), strsim::osa_distance(&squash(&names.name), &squash(&name)));
    let same_command = Names::all().iter().filter(|names| names.command() == Some(&command));
    if let Some(names) = same_command.min_by_key(rank) {
        return Some(names.known.suggestion(PathSlip::Service));
    }
    nearest_by_spelling(&service, &command).map(|known| known.suggestion(PathSlip::Spelling))
}

/// The nearest path in letters. One letter in four may be wrong, in the service and in the command each; a service that is not
/// there at all is not counted.
fn nearest_by_spelling(service: &str, command: &str) -> Option<Known> {
    let (service, command) = (squash(service), squash(command));
    let distance = |names: &Names| {
        let (its_service, its_command) = &names.squashed;
        let limit = its_command.len().max(command.len()) / 4;
        // Most lengths differ too much already.
        if its_command.len().abs_diff(command.len()) > limit {
            return None;
        }
        let in_command = strsim::osa_distance(its_command, &command);
        (in_command <= limit).then(|| (in_command, strsim::osa_distance(its_service, &service)))
    };
    let ranked = Names::all().iter().filter_map(|names| Some((distance(names)?, names.known)));
    // Only the first of equals is kept: portraitd's own commands come first.
    ranked.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

impl PathSuggestion {
    /// A sentence: the path that was meant, and what differs.
    pub fn explain(&self, language: Language) -> String {
        let Self { path, slip, .. } = self;
        let sentence = match language {
            Language::English => format!("no such path; did you mean {path}?{}", slip.in_english()),
            Language::Chinese => format!("没有该路径，您是否想写 {path}？{}", slip.in_chinese()),
        };
        match (self.command, OtherCommand::at_path(path)) {
            (None, Some(other)) => format!("{sentence} {}", other.explain(language)),
            _ => sentence,
        }
    }
}

impl PathSlip {
    fn in_english(self) -> &'static str {
        match self {
            Self::Case => " Paths are case-sensitive.",
            Self::Slash => " There is a / too many.",
            Self::Ampersand => {
                " The query starts with ? and not with &; only the parameters after the first have &."
            }
            Self::EncodedQuestionMark => {
                " The ? before the query was percent-encoded (%3F); encode each value alone."
            }
            Self::Surroundings => {
                " The path holds more than a path: white space, a host, a query or a fragment; was it percent-encoded as a whole?"
            }
            Self::Prefix => " It is /v4/<servicename>/<command>.",
            Self::Service => " The command belongs to that service.",
            Self::Spelling => "",
        }
    }

    fn in_chinese(self) -> &'static str {
        match self {
            Self::Case => "路径区分大小写。",
            Self::Slash => "多了一个 /。",
            Self::Ampersand => "查询参数应以 ? 开头，而不是 &；从第二个参数起才用 &。",
            Self::EncodedQuestionMark => "查询参数前的 ? 被做了百分号编码（%3F）；只应对每个参数值编码。",
            Self::Surroundings => "路径中含有空白、域名、查询参数或 #，是否对整个 URL 做了百分号编码？",
            Self::Prefix => "路径的格式为 /v4/<servicename>/<command>。",
            Self::Service => "该命令属于此 servicename。",
            Self::Spelling => "",
        }
    }
}

/// What a path is that portraitd does not have; behind 60009. Found once, since it takes longer than the rest of such a call,
/// and explained as often as it is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnknownPath {
    /// A command of the cloud's.
    Other(&'static OtherCommand),
    /// A slip.
    Near(PathSuggestion),
    /// Neither.
    Unlike,
}

impl UnknownPath {
    /// Returns what a path is.
    pub fn of(path: &str) -> Self {
        match (OtherCommand::at_path(path), suggest_path(path)) {
            (Some(other), _) => Self::Other(other),
            (None, Some(near)) => Self::Near(near),
            (None, None) => Self::Unlike,
        }
    }

    /// A sentence: what it is, and what was meant.
    pub fn explain(self, language: Language) -> String {
        match self {
            Self::Other(other) => other.explain(language),
            Self::Near(near) => near.explain(language),
            Self::Unlike => language
                .pick(
                    "no such path: it is /v4/<servicename>/<command>, such as /v4/profile/portrait_set; services here are \
                     profile and im_open_login_svc",
                    "没有该路径：格式为 /v4/<servicename>/<command>，例如 /v4/profile/portrait_set；此处的 servicename 为 \
                     profile 和 im_open_login_svc",
                )
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slips_lead_to_the_path_that_was_meant() {
        const SET: &str = "/v4/profile/portrait_set";
        for (written, meant, slip) in [
            ("/v4/profile/portrait_sett", SET, PathSlip::Spelling),
            ("/v4/profile/potrait_set", SET, PathSlip::Spelling),
            ("/v4/profile/portraitSet", SET, PathSlip::Spelling),
            ("/v4/profile/portrait-set", SET, PathSlip::Spelling),
            ("/v4/profil/portrait_ste", SET, PathSlip::Spelling),
            ("/v4/profile/Portrait_Set", SET, PathSlip::Case),
            ("/V4/PROFILE/PORTRAIT_SET", SET, PathSlip::Case),
            ("/v4/profile/portrait_set/", SET, PathSlip::Slash),
            (&format!("/v4/profile/portrait_set&usersig={}", "x".repeat(300)), SET, PathSlip::Ampersand),
            ("/v4/profile/portrait_set%3fsdkappid=1&usersig=x", SET, PathSlip::EncodedQuestionMark),
            ("/v4//profile/portrait_set", SET, PathSlip::Slash),
            ("/v4/profile//portrait_set//", SET, PathSlip::Slash),
            ("/v4/profile/portrait_set ", SET, PathSlip::Surroundings),
            ("/v4/profile/portrait_set?sdkappid=1", SET, PathSlip::Surroundings),
            ("https://console.tim.qq.com/v4/profile/portrait_set", SET, PathSlip::Surroundings),
            ("/profile/portrait_set", SET, PathSlip::Prefix),
            ("/v3/profile/portrait_set", SET, PathSlip::Prefix),
            ("/api/v4/profile/portrait_set", SET, PathSlip::Prefix),
            ("/api/V4/Profile/portrait_set/", SET, PathSlip::Prefix),
            ("/v4/openim/portrait_set", SET, PathSlip::Service),
            ("/portrait_set", SET, PathSlip::Service),
            ("/v4/portrait_set", SET, PathSlip::Service),
            ("/v4/profile/account_import", "/v4/im_open_login_svc/account_import", PathSlip::Service),
            (
                "/v4/im_open_login_svc/acount_import",
                "/v4/im_open_login_svc/account_import",
                PathSlip::Spelling,
            ),
            ("/v4/openim/send_msg", "/v4/openim/sendmsg", PathSlip::Spelling),
            ("/v4/sns/friend_ad", "/v4/sns/friend_add", PathSlip::Spelling),
            ("/v4/configsvc/getiplist", "/v4/ConfigSvc/GetIPList", PathSlip::Case),
            ("/v4/group_open_http_svc/im_push", "/v4/all_member_push/im_push", PathSlip::Service),
        ] {
            let near = suggest_path(written).unwrap_or_else(|| panic!("nothing is near {written}"));
            assert_eq!((near.path, near.slip), (meant, slip), "{written}");
            assert_eq!(near.command, Command::at_path(meant));
        }
        let nothing = [
            "",
            "/",
            "//",
            "/v4",
            "/v4/",
            "/v4/profile",
            "/favicon.ico",
            "/health",
            "/v4/profile/x",
            "/管理员",
        ];
        for path in nothing.into_iter().chain([SET, "//v4/openim/sendmsg", "/v4/openim/sendmsg"]) {
            assert_eq!(suggest_path(path), None, "{path}");
        }
        assert_eq!(suggest_path(&format!("/{}{SET}", "x/".repeat(100))), None);
    }

    #[test]
    fn every_path_is_found_with_a_letter_too_many_and_without_its_version() {
        for known in Known::all() {
            let near = suggest_path(&format!("{}s", known.path));
            assert!(near.is_some_and(|near| near.path == known.path), "{near:?} for {}s", known.path);
            let near = suggest_path(known.path.trim_start_matches("/v4"));
            assert!(near.is_some_and(|near| near.path == known.path), "{near:?} for {}", known.path);
        }
    }

    #[test]
    fn each_is_explained_in_both_languages() {
        let english = |path| UnknownPath::of(path).explain(Language::English);
        assert_eq!(
            english("/v4/profile/portrait_sett"),
            "no such path; did you mean /v4/profile/portrait_set?"
        );
        assert!(english("/v4/openim/sendmsg").starts_with("/v4/openim/sendmsg is a command of the cloud"));
        let near_other = english("/v4/openim/sendmsgs");
        assert!(
            near_other.contains("did you mean /v4/openim/sendmsg?") && near_other.contains("--others ok")
        );
        assert!(english("/nothing").contains("/v4/profile/portrait_set"));
        for path in [
            "/v4/profile/kick&a=b",
            "/v4/im_open_login_svc/kick&a=b",
            "/v4/im_open_login_svc/kick%3Fa=b",
            "/V4/profile/portrait_set",
            "/v4/profile/portrait_set/",
            "x://y/v4/profile/kick",
            "/kick",
            "/z",
            "/v4/a/kick",
        ] {
            assert!(english(path).is_ascii(), "{}", english(path));
            let chinese = UnknownPath::of(path).explain(Language::Chinese);
            assert!(!chinese.is_ascii() && chinese.contains("/v4/"), "{chinese}");
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "\\PC{0,210}", slashes in "[/v4profile_a-z:?#&. A-Z]{0,60}") {
            for path in [path, slashes] {
                prop_assert!(!UnknownPath::of(&path).explain(Language::Chinese).is_empty());
                if let Some(near) = suggest_path(&path) {
                    prop_assert_ne!(near.path, path);
                }
            }
        }
    }
}
