//! What people give to be inspected: a UserSig, a percent-encoded one, or the whole URL of a call.

use percent_encoding::percent_decode_str;

/// A UserSig, and what the URL around it says.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct GivenUserSig {
    /// The UserSig, decoded.
    pub usersig: String,
    /// `sdkappid` of the URL around it.
    pub sdkappid: Option<u32>,
    /// `identifier` of the URL around it.
    pub identifier: Option<String>,
}

impl GivenUserSig {
    /// Takes `usersig`, `sdkappid` and `identifier` out of a URL, a query or a line of a log. Any other text is the UserSig.
    pub fn read(text: &str) -> Self {
        let text = text.trim().trim_matches(['"', '\'']);
        // A query may have been percent-encoded as a whole, in a redirect or a log.
        let whole = if text.contains("usersig%3D") { decoded(text) } else { text.to_owned() };
        let Some(usersig) = parameter(&whole, "usersig") else {
            return Self { usersig: decoded(text), ..Self::default() };
        };
        let sdkappid = parameter(&whole, "sdkappid").and_then(|number| number.parse().ok());
        Self { usersig, sdkappid, identifier: parameter(&whole, "identifier") }
    }
}

/// The decoded value of a parameter, wherever it stands in a text.
fn parameter(text: &str, name: &str) -> Option<String> {
    let ends = |letter: char| matches!(letter, '&' | '?' | '#' | '"' | '\'') || letter.is_whitespace();
    let mut pairs = text.split(ends).filter_map(|pair| pair.split_once('='));
    pairs.find(|(its_name, _)| *its_name == name).map(|(_, value)| decoded(value))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usersig_is_found_in_whatever_holds_it() {
        let check = |text: &str, usersig: &str, sdkappid, identifier: Option<&str>| {
            let expected =
                GivenUserSig { usersig: usersig.into(), sdkappid, identifier: identifier.map(str::to_owned) };
            assert_eq!(GivenUserSig::read(text), expected, "{text}");
        };
        check("eJw*a-b_", "eJw*a-b_", None, None);
        check(" eJw%2Aa-b_\n", "eJw*a-b_", None, None);
        check("\"eJwa\"", "eJwa", None, None);
        let url = "https://console.tim.qq.com/v4/profile/portrait_set?sdkappid=14&identifier=a%20b&usersig=eJw%2Aa&random=1";
        check(url, "eJw*a", Some(14), Some("a b"));
        check("usersig=eJwa", "eJwa", None, None);
        check("POST /v4/x?usersig=eJwa HTTP/1.1", "eJwa", None, None);
        check("curl 'http://h/v4/x?usersig=eJwa'", "eJwa", None, None);
        check("sdkappid%3D14%26usersig%3DeJwa%26x%3D1", "eJwa", Some(14), None);
        check("", "", None, None);
        check("%ff", "%ff", None, None);
    }
}
