//! An app's webhook: the receiver of its profile changes, and the token that signs them.

use crate::Language;
use http::Uri;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The receiver of an app's events, and how they are signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// The receiver.
    pub url: WebhookUrl,
    /// Signs the events; `None` = unsigned.
    pub token: Option<WebhookToken>,
}

/// The receiver's address: `http://` or `https://`, a host, and no user name or password.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Uri);

/// Why a text is no [`WebhookUrl`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WebhookUrlError {
    /// It does not parse.
    #[error("the URL can't be read; write it as https://host/path, a Chinese host name in its xn-- form")]
    Unreadable,
    /// Another scheme, or none.
    #[error("the URL must start with http:// or https://")]
    Scheme,
    /// `user:password@`, which would end up in logs.
    #[error("the URL must not hold a user name or password; use a token instead")]
    Userinfo,
    /// Longer than [`WebhookUrl::BYTES_MAX`].
    #[error("the URL is longer than {} bytes", WebhookUrl::BYTES_MAX)]
    TooLong,
}

impl WebhookUrlError {
    /// Returns its sentence.
    pub fn explain(self, language: Language) -> String {
        match (language, self) {
            (Language::English, error) => error.to_string(),
            (_, Self::Unreadable) => {
                "无法解析 URL；请写作 https://主机/路径，中文域名请写作 xn-- 形式".to_owned()
            }
            (_, Self::Scheme) => "URL 必须以 http:// 或 https:// 开头".to_owned(),
            (_, Self::Userinfo) => "URL 不能包含用户名或密码；请改用令牌".to_owned(),
            (_, Self::TooLong) => format!("URL 超过 {} 字节", WebhookUrl::BYTES_MAX),
        }
    }
}

impl WebhookUrl {
    /// The longest URL, in bytes.
    pub const BYTES_MAX: usize = 2048;

    /// Checks a URL.
    ///
    /// ```
    /// use portraitd_model::WebhookUrl;
    /// assert!(WebhookUrl::parse("https://example.com/hook?from=im").is_ok());
    /// assert!(WebhookUrl::parse("example.com/hook").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, WebhookUrlError> {
        if text.len() > Self::BYTES_MAX {
            return Err(WebhookUrlError::TooLong);
        }
        // A fragment is never sent to a server, so it is a mistake here.
        if text.contains(['#', ' ']) {
            return Err(WebhookUrlError::Unreadable);
        }
        let uri: Uri = text.parse().map_err(|_| WebhookUrlError::Unreadable)?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(WebhookUrlError::Scheme);
        }
        let authority = uri.authority().ok_or(WebhookUrlError::Unreadable)?;
        if authority.as_str().contains('@') {
            return Err(WebhookUrlError::Userinfo);
        }
        // A port out of range reads as none.
        let port_written = authority.as_str().len() > authority.host().len();
        let port_fits = !port_written || authority.port_u16().is_some_and(|port| port > 0);
        if authority.host().is_empty() || !port_fits {
            return Err(WebhookUrlError::Unreadable);
        }
        Ok(Self(uri))
    }

    /// The URL, parsed. Callers use this instead of parsing the text again, which could find another host.
    pub fn uri(&self) -> &Uri {
        &self.0
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Without the query, which may hold a secret of the receiver: this is what logs show.
impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0.authority().map_or("", http::uri::Authority::as_str);
        write!(f, "{}://{authority}{}", self.0.scheme_str().unwrap_or_default(), self.0.path())
    }
}

/// The secret shared with the receiver. Wiped from memory when dropped; never shown.
#[derive(Clone, Eq)]
pub struct WebhookToken(Zeroizing<String>);

/// Compares in constant time: the time does not depend on where two tokens of one length differ.
impl PartialEq for WebhookToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl WebhookToken {
    /// The longest token, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// Checks a token: 1 to 128 visible ASCII characters; `None` for anything else. A space in a token is
    /// nearly always a mistake in copying.
    pub fn parse(text: &str) -> Option<Self> {
        let fits =
            (1..=Self::BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The secret itself: for signing and for the store.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_receiver_and_nothing_else() {
        let check = |text: &str, expected: Result<&str, WebhookUrlError>| {
            let found = WebhookUrl::parse(text).map(|url| url.to_string());
            assert_eq!(found, expected.map(str::to_owned), "{text:?}");
        };
        check("http://127.0.0.1:9000/hook", Ok("http://127.0.0.1:9000/hook"));
        check("https://[::1]:9000/", Ok("https://[::1]:9000/"));
        check("https://example.com", Ok("https://example.com/"));
        check("https://example.com/a?b=c", Ok("https://example.com/a?b=c"));
        check("", Err(WebhookUrlError::Unreadable));
        check("example.com/hook", Err(WebhookUrlError::Unreadable));
        check("/hook", Err(WebhookUrlError::Scheme));
        check("ftp://example.com/", Err(WebhookUrlError::Scheme));
        check("file:///etc/passwd", Err(WebhookUrlError::Unreadable));
        check("http://", Err(WebhookUrlError::Unreadable));
        check("http://user:word@example.com/", Err(WebhookUrlError::Userinfo));
        check("http://example.com:99999/", Err(WebhookUrlError::Unreadable));
        check("http://example.com:0/", Err(WebhookUrlError::Unreadable));
        check("http://exa mple.com/", Err(WebhookUrlError::Unreadable));
        check("http://example.com/#top", Err(WebhookUrlError::Unreadable));
        check("http://例子.com/", Err(WebhookUrlError::Unreadable));
        let longest = format!("http://a/{}", "x".repeat(2039));
        check(&longest, Ok(&longest));
        check(&format!("{longest}x"), Err(WebhookUrlError::TooLong));
        check(&format!("http://a/{}", "x".repeat(2048)), Err(WebhookUrlError::TooLong));
        assert_eq!(WebhookUrl::parse("http://example.com:81/").unwrap().uri().port_u16(), Some(81));
    }

    #[test]
    fn what_logs_show_holds_no_query_and_no_token() {
        let url = WebhookUrl::parse("https://example.com/hook?key=secret").unwrap();
        let webhook = Webhook { url, token: WebhookToken::parse("hunter2") };
        assert_eq!(format!("{:?}", webhook.token), "Some(WebhookToken(…))");
        let shown = format!("{webhook:?}");
        assert!(
            shown.contains("https://example.com/hook")
                && !shown.contains("secret")
                && !shown.contains("hunter2")
        );
    }

    #[test]
    fn tokens_are_visible_ascii() {
        for bad in ["", "two words", " lead", "trail ", "中文", "tab\t", &"x".repeat(129)] {
            assert!(WebhookToken::parse(bad).is_none(), "{bad:?}");
        }
        assert_eq!(WebhookToken::parse("xxxxyyyy").unwrap().expose(), "xxxxyyyy");
        assert_eq!(WebhookToken::parse("token"), WebhookToken::parse("token"));
        for other in ["tokem", "Token", "toke", "tokens"] {
            assert_ne!(WebhookToken::parse("token"), WebhookToken::parse(other), "{other}");
        }
    }
}
