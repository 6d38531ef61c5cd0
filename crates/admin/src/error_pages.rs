//! The pages of the error codes, for `portraitd explain` and the console.

use portraitd_model::Language;

/// Every code's page in English and in Chinese. A test holds the list against `ERROR_CODES` and `CLOUD_CODES`.
macro_rules! pages {
    ($($code:literal)*) => {
        const PAGES: &[(u32, &str, &str)] = &[$((
            $code,
            include_str!(concat!("../../../docs/errors/", $code, ".md")),
            include_str!(concat!("../../../docs/errors/", $code, ".zh-CN.md")),
        ),)*];
    };
}

pages! {
    40001 40002 40003 40004 40005 40006 40007 40008 40009 40601 40605 40610
    60002 60003 60004 60005 60006 60007 60008 60009 60010 60011 60012 60013 60014 60015 60016 60017 60018 60019
    60020 60021 60025 60026 60027 60028
    70001 70002 70003 70005 70009 70013 70014 70016 70020 70050 70051 70052 70107 70169 70202 70398 70399 70402
    70403 70404 70500 71000 80001
}

/// Returns the page of a code, in Markdown; `None` when there is no such code.
pub fn error_page(number: u32, language: Language) -> Option<&'static str> {
    let (_, english, chinese) = PAGES.iter().find(|(known, ..)| *known == number)?;
    Some(language.pick(english, chinese))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::{CLOUD_CODES, ERROR_CODES};

    #[test]
    fn every_code_has_its_pages() {
        let answered = ERROR_CODES.iter().map(|row| row.number);
        let mut codes: Vec<u32> = answered.chain(CLOUD_CODES.iter().map(|row| row.number)).collect();
        codes.sort_unstable();
        assert_eq!(PAGES.iter().map(|(number, ..)| *number).collect::<Vec<_>>(), codes);
    }
}
