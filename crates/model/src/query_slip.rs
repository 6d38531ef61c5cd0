//! What a URL's query has in place of a parameter that is missing or wrong: another name, or another separator than `&`.

use crate::Language;

/// The parameters of a call.
const NAMES: [&str; 5] = ["sdkappid", "identifier", "usersig", "contenttype", "random"];

/// What people call parameters: the client SDKs have `userID`, other APIs `appid`.
const OTHER_NAMES: [(&str, &str); 3] = [("appid", "sdkappid"), ("userid", "identifier"), ("sig", "usersig")];

/// What stands before a parameter in place of `&`.
const SEPARATORS: [&str; 5] = ["&amp;", "%26", ",", ";", "?"];

/// A slip in a query. It holds names only, no value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QuerySlip {
    /// The parameter under another name.
    Name {
        /// As the client wrote it.
        found: String,
        /// The parameter's name.
        wanted: &'static str,
    },
    /// This between two parameters.
    Separator(&'static str),
}

impl QuerySlip {
    /// Finds the slip because of which a parameter is missing or wrong.
    ///
    /// ```
    /// use portraitd_model::QuerySlip;
    /// let slip = QuerySlip::find("sdkappid=1&identifier=a&userSig=s", "usersig");
    /// assert_eq!(slip, Some(QuerySlip::Name { found: "userSig".into(), wanted: "usersig" }));
    /// ```
    pub fn find(query: &str, wanted: &'static str) -> Option<Self> {
        separator(query).map(Self::Separator).or_else(|| {
            let mut names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
            let found = names.find(|name| !NAMES.contains(name) && is_near(name, wanted))?;
            Some(Self::Name { found: found.to_owned(), wanted })
        })
    }

    /// Part of a sentence: what was found, and the remedy.
    pub fn explain(&self, language: Language) -> String {
        match self {
            Self::Name { found, wanted } => {
                let is_case = found.eq_ignore_ascii_case(wanted);
                let case = language.pick("; names are case-sensitive", "，参数名区分大小写");
                let case = if is_case { case } else { "" };
                match language {
                    Language::English => format!("found `{found}`, but the parameter is `{wanted}`{case}"),
                    Language::Chinese => format!("URL 中是 `{found}`，参数名应为 `{wanted}`{case}"),
                }
            }
            Self::Separator("&amp;") => language
                .pick(
                    "the URL was escaped for HTML; write & in place of &amp; between parameters",
                    "URL 被做了 HTML 转义，参数之间应为 & 而不是 &amp;",
                )
                .to_owned(),
            Self::Separator("%26") => language
                .pick(
                    "%26 stands between parameters in place of &; percent-encode each value, not the whole query",
                    "参数之间是 %26 而不是 &，只应对每个参数值做百分号编码",
                )
                .to_owned(),
            Self::Separator(other) => match language {
                Language::English => format!("`{other}` stands between parameters; write & in its place"),
                Language::Chinese => format!("参数之间是 `{other}`，应为 &"),
            },
        }
    }
}

/// Returns what stands before a known name in place of `&`.
fn separator(query: &str) -> Option<&'static str> {
    let lower = query.to_ascii_lowercase();
    NAMES.iter().find_map(|name| {
        lower.match_indices(&format!("{name}=")).find_map(|(at, _)| {
            let before = lower.get(..at)?;
            // A query that starts with a second `?` has none before it.
            SEPARATORS.into_iter().find(|separator| before.len() > 1 && before.ends_with(separator))
        })
    })
}

/// Whether a name is the wanted one but for its case and signs, one of its other names, or has one letter in four wrong.
fn is_near(name: &str, wanted: &str) -> bool {
    const NAME_BYTES_MAX: usize = 40;
    if name.len() > NAME_BYTES_MAX {
        return false;
    }
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    OTHER_NAMES.contains(&(&name, wanted)) || strsim::osa_distance(&name, wanted) <= wanted.len() / 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_separators_are_found() {
        for (query, wanted, found) in [
            ("sdkAppId=1&identifier=a", "sdkappid", "sdkAppId"),
            ("sdk_app_id=1", "sdkappid", "sdk_app_id"),
            ("appid=1", "sdkappid", "appid"),
            ("?sdkappid=1", "sdkappid", "?sdkappid"),
            ("sdkappid=1&Identifier=a", "identifier", "Identifier"),
            ("sdkappid=1&indentifier=a", "identifier", "indentifier"),
            ("sdkappid=1&userID=a", "identifier", "userID"),
            ("sdkappid=1&identifier=a&usrsig=s", "usersig", "usrsig"),
            ("sdkappid=1&identifier=a&user_sig", "usersig", "user_sig"),
        ] {
            let found = found.to_owned();
            assert_eq!(QuerySlip::find(query, wanted), Some(QuerySlip::Name { found, wanted }), "{query}");
        }
        for (query, separator) in [
            ("sdkappid=1&amp;identifier=a&amp;usersig=s", "&amp;"),
            ("sdkappid=1&AMP;usersig=s", "&amp;"),
            ("sdkappid=1%26identifier=a", "%26"),
            ("sdkappid=1,identifier=a", ","),
            ("sdkappid=1;identifier=a", ";"),
            ("identifier=a&sdkappid=1?userSig=s", "?"),
        ] {
            assert_eq!(QuerySlip::find(query, "usersig"), Some(QuerySlip::Separator(separator)), "{query}");
        }
        for query in ["", "sdkappid=1", "userid=a", "random=1&apn=1&contenttype=json", "identifier=a,b;c?d"] {
            assert_eq!(QuerySlip::find(query, "usersig"), None, "{query}");
        }
        assert_eq!(QuerySlip::find(&format!("{}=1", "usersig".repeat(9)), "usersig"), None);
    }

    #[test]
    fn each_is_explained_in_both_languages() {
        let name = |found: &str| QuerySlip::Name { found: found.into(), wanted: "usersig" };
        let english = |slip: QuerySlip| slip.explain(Language::English);
        assert_eq!(
            english(name("userSig")),
            "found `userSig`, but the parameter is `usersig`; names are case-sensitive"
        );
        assert_eq!(english(name("usrsig")), "found `usrsig`, but the parameter is `usersig`");
        for slip in SEPARATORS.map(QuerySlip::Separator) {
            assert!(english(slip.clone()).contains('&'));
            assert!(!slip.explain(Language::Chinese).is_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "\\PC{0,80}", pairs in "([a-z%;?,=&]{0,5}(usersig|sdkappid)=?){0,6}") {
            let found = QuerySlip::find(&query, "usersig").or_else(|| QuerySlip::find(&pairs, "sdkappid"));
            prop_assert!(found.is_none_or(|slip| !slip.explain(Language::Chinese).is_empty()));
        }
    }
}
