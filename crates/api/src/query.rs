//! The URL parameters of a call, parsed strictly; names and values are case-sensitive (contract, sections 1 and 2).

use crate::envelope::ApiError;
use memchr::{memchr, memchr2};
use portraitd_model::{ErrorCode, Language, QuerySlip, SdkAppId};
use std::borrow::Cow;

/// The parameters of every call.
pub struct Query<'a> {
    /// `sdkappid`; `None` when the number is larger than any app's.
    pub sdk_app_id: Option<SdkAppId>,
    /// `identifier`: the calling account.
    pub identifier: Cow<'a, str>,
    /// `usersig`: the account's UserSig.
    pub usersig: Cow<'a, str>,
}

/// Without the UserSig, which must not be logged.
impl std::fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Query({:?}, {})", self.sdk_app_id, self.identifier)
    }
}

impl<'a> Query<'a> {
    /// Parses a query string. Unknown parameters are ignored (old clients send `apn=1`), so is `random`, and of a parameter
    /// given twice the first one counts.
    pub fn parse(query: &'a str) -> Result<Self, ApiError> {
        let [mut sdk_app_id, mut identifier, mut usersig, mut content_type] = [const { None }; 4];
        let mut rest = Some(query);
        while let Some(text) = rest {
            let (pair, remainder) = split_at_byte(text, b'&');
            rest = remainder;
            let (name, value) = split_at_byte(pair, b'=');
            // Nearly every name is written as it is. A search for escapes costs more than this look at a few bytes.
            let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase());
            let name = if is_plain { Cow::Borrowed(name) } else { percent_decode(name)? };
            let slot = match name.as_ref() {
                "sdkappid" => &mut sdk_app_id,
                "identifier" => &mut identifier,
                "usersig" => &mut usersig,
                "contenttype" => &mut content_type,
                _ => continue,
            };
            let value = percent_decode(value.unwrap_or_default())?;
            slot.get_or_insert(value);
        }
        let refused = |code, name, english, chinese| refused(code, query, name, english, chinese);
        let bad = |name, english, chinese| refused(ErrorCode::UrlParameter, name, english, chinese);
        let missing = || refused(ErrorCode::SdkAppIdMissing, "sdkappid", "is missing", "缺失");
        let sdk_app_id = sdk_app_id.ok_or_else(missing)?;
        if sdk_app_id.is_empty() || !sdk_app_id.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad("sdkappid", "is not a number", "不是数字"));
        }
        let required = |value: Option<Cow<'a, str>>, name| {
            value
                .filter(|text| !text.is_empty())
                .ok_or_else(|| bad(name, "is missing or empty", "缺失或为空"))
        };
        let identifier = required(identifier, "identifier")?;
        let usersig = required(usersig, "usersig")?;
        if content_type.is_some_and(|content_type| content_type != "json") {
            return Err(bad(
                "contenttype",
                "is not json; write contenttype=json or omit it",
                "不是 json，请写 contenttype=json 或去掉该参数",
            ));
        }
        Ok(Self { sdk_app_id: sdk_app_id.parse().ok().map(SdkAppId), identifier, usersig })
    }
}

/// Returns an error with the parameter's name, and the slip that the query has.
fn refused(code: ErrorCode, query: &str, name: &'static str, english: &str, chinese: &str) -> ApiError {
    let slip = QuerySlip::find(query, name);
    let [in_english, in_chinese] = Language::BOTH.map(|language| {
        let slip = slip.as_ref().map(|slip| slip.explain(language));
        slip.map_or_else(String::new, |slip| format!("{}{slip}", language.pick(": ", "：")))
    });
    ApiError::with_detail(
        code,
        format!("the URL's parameter {name} {english}{in_english}"),
        format!("URL 参数 {name} {chinese}{in_chinese}"),
    )
}

/// Returns the text before the first such ASCII byte, and the text after it.
fn split_at_byte(text: &str, separator: u8) -> (&str, Option<&str>) {
    match memchr(separator, text.as_bytes()) {
        Some(index) => (text.get(..index).unwrap_or_default(), text.get(index + 1..)),
        None => (text, None),
    }
}

/// Decodes percent-encoding. A `+` is a space, as form encoders write it; 60002 for an invalid escape and for bytes that
/// are not UTF-8. Written in one pass: the library's four passes were the most expensive step of a small call.
fn percent_decode(text: &str) -> Result<Cow<'_, str>, ApiError> {
    let invalid = || ApiError::new(ErrorCode::HttpParse);
    let mut rest = text.as_bytes();
    let Some(mut index) = memchr2(b'%', b'+', rest) else { return Ok(Cow::Borrowed(text)) };
    let mut decoded = Vec::with_capacity(rest.len());
    loop {
        let (plain, encoded) = rest.split_at_checked(index).ok_or_else(invalid)?;
        decoded.extend_from_slice(plain);
        rest = match encoded {
            [] => break,
            [b'%', high, low, after @ ..] => {
                let byte = hex_digit(*high).zip(hex_digit(*low)).map(|(high, low)| high << 4 | low);
                decoded.push(byte.ok_or_else(invalid)?);
                after
            }
            [b'%', ..] => return Err(invalid()),
            [_plus, after @ ..] => {
                decoded.push(b' ');
                after
            }
        };
        index = memchr2(b'%', b'+', rest).unwrap_or(rest.len());
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| invalid())
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| digit.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    fn check(query: &str, expected: Result<(Option<u32>, &str, &str), u32>) {
        let found = Query::parse(query);
        let found = match &found {
            Ok(query) => {
                Ok((query.sdk_app_id.map(|app| app.0), query.identifier.as_ref(), query.usersig.as_ref()))
            }
            Err(error) => Err(error.code().number()),
        };
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn parameters_are_parsed_in_any_order_and_encoding() {
        let read = Ok((Some(1), "管理员", "a*b-c_"));
        check(
            "sdkappid=1&identifier=%e7%ae%a1%E7%90%86%E5%91%98&usersig=a*b-c_&random=x&contenttype=json",
            read,
        );
        check("usersig=a%2Ab%2dc%5F&apn=1&identifier=管理员&sdkappid=001", read);
        check("sdkappid=1&sdkappid=2&identifier=a+b&usersig=s", Ok((Some(1), "a b", "s")));
        check("sdkappid=4294967296&identifier=a&usersig=s", Ok((None, "a", "s")));
    }

    #[test]
    fn each_error_has_its_code_and_the_first_one_wins() {
        check("", Err(60012));
        check("SdkAppId=1&identifier=a&usersig=s", Err(60012));
        check("sdkappid=&identifier=a&usersig=s", Err(60025));
        check("sdkappid=1x", Err(60025));
        check("sdkappid=-1", Err(60025));
        check("sdkappid=+1", Err(60025));
        check("sdkappid=1", Err(60025));
        check("sdkappid=1&identifier=&usersig=s", Err(60025));
        check("sdkappid=1&identifier=a", Err(60025));
        check("sdkappid=1&identifier=a&usersig=s&contenttype=xml", Err(60025));
        check("identifier=a&usersig=s&contenttype=xml", Err(60012));
        check("sdkappid=1&identifier=a&usersig=s&contenttype=", Err(60025));
        check("sdkappid=1&identifier=%zz&usersig=s", Err(60002));
        check("sdkappid=1&identifier=%ff&usersig=s", Err(60002));
        check("sdkappid=1&identifier=%4", Err(60002));
        check("sdkappid=1&identifier=%4&usersig=s", Err(60002));
        check("sdkappid=1&identifier=%&usersig=s", Err(60002));
        check("sdkappid=1&identifier=%+1&usersig=s", Err(60002));
    }

    /// Of two wrong parameters the first one in the contract's table is named, and no value is repeated.
    #[test]
    fn the_error_names_the_wrong_parameter() {
        for (query, named) in [
            ("sdkappid=x", "sdkappid is not a number"),
            ("sdkappid=1&contenttype=xml", "identifier is missing or empty"),
            ("sdkappid=1&identifier=a&contenttype=xml", "usersig is missing or empty"),
            ("sdkappid=1&identifier=a&usersig=secret&contenttype=xml", "contenttype is not json"),
            ("sdkappid=1;usersig=secret", "sdkappid is not a number: `;` stands between parameters"),
            ("sdkappid=1&identifier=a&usrsig=secret", "usersig is missing or empty: found `usrsig`"),
        ] {
            let explanation = Query::parse(query).err().unwrap().explain(Language::English);
            assert!(explanation.contains(named), "{explanation}");
            assert!(!explanation.contains("secret") && !explanation.contains("xml"), "{explanation}");
        }
    }

    proptest! {
        #[test]
        fn encoded_text_is_decoded_to_itself(text in "\\PC{1,40}", plus in any::<bool>()) {
            let encoded = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
            let query = if plus { encoded.replace("%20", "+") } else { encoded };
            prop_assert_eq!(percent_decode(&query).unwrap(), &*text);
            let plain = text.replace(['%', '+'], "");
            prop_assert_eq!(percent_decode(&plain).unwrap(), &*plain);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}", pairs in "([a-z%+0-9]{0,9}=?[a-z%+0-9]{0,9}&?){0,6}") {
            let _ = Query::parse(&text);
            let _ = Query::parse(&pairs);
        }
    }
}
