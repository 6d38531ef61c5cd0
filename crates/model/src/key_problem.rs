//! What is wrong with a text that is to be a key: white space, quotes, several lines, another kind of key.
//!
//! [`AppKey::parse`] takes what a store may hold; this is for where people give a key: a command line, a file, an
//! environment variable, a configuration. No sentence shows the key.

use crate::{AppKey, Language};

/// Why a text is no key that people mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyProblem {
    /// No characters at all.
    Empty,
    /// The private or public key of version 1 (ECDSA), in PEM.
    Pem,
    /// More than one line.
    SeveralLines,
    /// White space at the start or the end.
    SpaceAround,
    /// White space inside.
    SpaceInside,
    /// Quotation marks at both ends.
    Quoted,
    /// A character that can't be seen: a control character, a byte order mark, a zero-width space.
    Invisible,
    /// Longer than [`AppKey::BYTES_MAX`]: so many bytes.
    TooLong(usize),
    /// Shorter than [`AppKey::STRONG_BYTES_MIN`]: so many bytes.
    Guessable(usize),
}

impl AppKey {
    /// Why a text is no key for a service that others reach: with one UserSig anyone can try short keys at home until one
    /// fits. For new keys; one that is in use is not asked.
    pub fn weakness(text: &str) -> Option<KeyProblem> {
        let bytes = text.len();
        (bytes < Self::STRONG_BYTES_MIN).then_some(KeyProblem::Guessable(bytes))
    }

    /// What is wrong with a text that a person gives as a key; `None` when [`AppKey::parse`] takes it and nothing is odd about
    /// it. The cloud's keys are 64 hexadecimal digits, but any text without white space will do.
    ///
    /// ```
    /// use portraitd_model::{AppKey, KeyProblem};
    /// assert_eq!(AppKey::problem("5bd2850fff3ecb11"), None);
    /// assert_eq!(AppKey::problem("5bd2850fff3ecb11\n"), Some(KeyProblem::SpaceAround));
    /// ```
    pub fn problem(text: &str) -> Option<KeyProblem> {
        let trimmed = text.trim();
        let quoted = |mark: char| trimmed.len() > 1 && trimmed.starts_with(mark) && trimmed.ends_with(mark);
        if trimmed.is_empty() {
            Some(KeyProblem::Empty)
        } else if trimmed.contains("-----BEGIN") || trimmed.contains("-----END") {
            Some(KeyProblem::Pem)
        } else if trimmed.contains(['\n', '\r']) {
            Some(KeyProblem::SeveralLines)
        } else if text.len() != trimmed.len() {
            Some(KeyProblem::SpaceAround)
        } else if text.len() > Self::BYTES_MAX {
            Some(KeyProblem::TooLong(text.len()))
        } else if quoted('"') || quoted('\'') || quoted('`') || (text.starts_with('“') && text.ends_with('”'))
        {
            Some(KeyProblem::Quoted)
        } else if text.chars().any(is_invisible) {
            Some(KeyProblem::Invisible)
        } else if text.contains(char::is_whitespace) {
            Some(KeyProblem::SpaceInside)
        } else {
            None
        }
    }
}

/// Control characters, soft hyphens, zero-width characters and byte order marks: they come along when a key is copied.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
}

impl KeyProblem {
    /// A sentence: what is wrong, and the remedy.
    pub fn explain(self, language: Language) -> String {
        let (max, least) = (AppKey::BYTES_MAX, AppKey::STRONG_BYTES_MIN);
        match language {
            Language::English => match self {
                Self::Empty => "the key is empty: copy the app's secret key, 64 hexadecimal digits".to_owned(),
                Self::Pem => "this is a PEM key of UserSig version 1 (ECDSA); version 2.0 wants the app's secret key, 64 \
                              hexadecimal digits in one line"
                    .to_owned(),
                Self::SeveralLines => "the key has more than one line: give one key, in one line".to_owned(),
                Self::SpaceAround => {
                    "the key has white space or a line end before or after it: take it away, it would count as part of the key"
                        .to_owned()
                }
                Self::SpaceInside => "the key has white space inside: a key is one word; was it copied with something else?".to_owned(),
                Self::Quoted => "the key is in quotation marks, which would count as part of it: take them away".to_owned(),
                Self::Invisible => {
                    "the key holds a character that can't be seen, such as a byte order mark or a zero-width space: type or copy it again"
                        .to_owned()
                }
                Self::TooLong(bytes) => format!("the key is {bytes} bytes long; at most {max} are taken"),
                Self::Guessable(bytes) => format!(
                    "the key is {bytes} bytes long, so whoever has one UserSig finds it by trying: give at least {least}, or none, and \
                     a random one of 64 hexadecimal digits is made"
                ),
            },
            Language::Chinese => match self {
                Self::Empty => "密钥为空：请填写应用的密钥（64 位十六进制字符）".to_owned(),
                Self::Pem => "这是 UserSig 1.0（ECDSA）的 PEM 密钥；2.0 版本需要应用的密钥，即一行 64 位十六进制字符".to_owned(),
                Self::SeveralLines => "密钥多于一行：请只填写一个密钥，且不要换行".to_owned(),
                Self::SpaceAround => "密钥前后有空白或换行，会被当作密钥的一部分，请去掉".to_owned(),
                Self::SpaceInside => "密钥中间有空白：密钥应是连续的字符，是否多复制了内容？".to_owned(),
                Self::Quoted => "密钥带有引号，会被当作密钥的一部分，请去掉".to_owned(),
                Self::Invisible => "密钥中含有不可见字符（如 BOM、零宽空格），请重新复制或输入".to_owned(),
                Self::TooLong(bytes) => format!("密钥长 {bytes} 字节，最多 {max} 字节"),
                Self::Guessable(bytes) => format!(
                    "密钥仅 {bytes} 字节，任何人得到一个 UserSig 即可通过穷举得出密钥：请使用至少 {least} 字节的密钥，或不指定密钥，\
                     由系统随机生成 64 位十六进制字符"
                ),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

    #[test]
    fn what_people_paste_is_named() {
        let check = |text: &str, expected| assert_eq!(AppKey::problem(text), expected, "{text:?}");
        for fits in [KEY, "k", "密钥", "a\"b", "'", "a'", &"k".repeat(AppKey::BYTES_MAX)] {
            check(fits, None);
        }
        check("", Some(KeyProblem::Empty));
        check(" \n", Some(KeyProblem::Empty));
        for text in [
            format!("{KEY}\n"),
            format!("{KEY}\r\n"),
            format!(" {KEY}"),
            format!("{KEY}\u{a0}"),
            format!("\t{KEY}"),
        ] {
            check(&text, Some(KeyProblem::SpaceAround));
        }
        check(&format!("{KEY}\n{KEY}\n"), Some(KeyProblem::SeveralLines));
        check(&KEY.replace("ff", "ff\r\n"), Some(KeyProblem::SeveralLines));
        check(&KEY.replace("ff", "f f"), Some(KeyProblem::SpaceInside));
        check(&format!("secret {KEY}"), Some(KeyProblem::SpaceInside));
        for quote in [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”')] {
            check(&format!("{}{KEY}{}", quote.0, quote.1), Some(KeyProblem::Quoted));
        }
        for letter in ['\u{feff}', '\u{200b}', '\0', '\u{7f}'] {
            check(&format!("{letter}{KEY}"), Some(KeyProblem::Invisible));
            check(&format!("{KEY}{letter}"), Some(KeyProblem::Invisible));
        }
        check("-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n", Some(KeyProblem::Pem));
        check("-----BEGIN PRIVATE KEY-----MIGH", Some(KeyProblem::Pem));
        check(&"k".repeat(257), Some(KeyProblem::TooLong(257)));
    }

    #[test]
    fn each_problem_has_a_sentence_in_both_languages() {
        use KeyProblem::{
            Empty, Guessable, Invisible, Pem, Quoted, SeveralLines, SpaceAround, SpaceInside, TooLong,
        };
        for problem in [
            Empty,
            Pem,
            SeveralLines,
            SpaceAround,
            SpaceInside,
            Quoted,
            Invisible,
            TooLong(300),
            Guessable(3),
        ] {
            let (english, chinese) = (problem.explain(Language::English), problem.explain(Language::Chinese));
            assert!(english.is_ascii() && english.contains("key"), "{english}");
            assert!(chinese.contains("密钥"), "{chinese}");
        }
        assert!(TooLong(300).explain(Language::English).contains("300 bytes"));
        assert!(Guessable(3).explain(Language::English).contains("give at least 16"));
    }

    #[test]
    fn short_keys_are_weak() {
        for (text, expected) in [
            ("k", Some(KeyProblem::Guessable(1))),
            ("0123456789abcde", Some(KeyProblem::Guessable(15))),
            ("0123456789abcdef", None),
            (KEY, None),
        ] {
            assert_eq!(AppKey::weakness(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_has_no_problem_is_a_key(text in ".{0,300}", word in "\\PC{0,80}") {
            for text in [text, word] {
                let problem = AppKey::problem(&text);
                prop_assert!(problem.is_some() || AppKey::parse(&text).is_some());
                if let Some(problem) = problem {
                    prop_assert!(text.is_empty() || text.len() < 9 || !problem.explain(Language::English).contains(&text));
                }
            }
        }
    }
}
