//! `portraitd explain CODE`: the page of an error code, in the terminal.

use crate::cli::output::say;
use crate::config::server::LanguageName;
use portraitd_admin::error_pages::error_page;
use portraitd_model::{CLOUD_CODES, ERROR_CODES, ErrorRow};
use std::collections::BTreeMap;

/// Explain an error code: its cause, an example, the remedy
///
/// The same pages are in docs/errors/. The code may be given as a number or as its ErrorInfo:
///
///   `portraitd explain 40009`
///   `portraitd explain Err_Profile_Invalid_Tag --language zh`
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// ErrorCode, or ErrorInfo
    code: String,
    /// The language of the page
    #[arg(long, value_enum, default_value_t, env = "PORTRAITD_SERVER_LANGUAGE")]
    language: LanguageName,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let number = find(&args.code)?;
    let page = error_page(number, args.language.language());
    say(page.ok_or_else(|| anyhow::anyhow!("{number} has no page"))?.trim_end());
    Ok(())
}

/// The number of the code that `text` names: a code of portraitd or one that only the cloud answers.
fn find(text: &str) -> anyhow::Result<u32> {
    const LIKENESS_MIN: f64 = 0.8;
    let text = text.trim();
    let of_cloud = CLOUD_CODES.iter().map(|row| row.number).find(|number| text.parse() == Ok(*number));
    if let Some(number) = of_cloud {
        return Ok(number);
    }
    let by_name = |row: &&ErrorRow| row.info.eq_ignore_ascii_case(text);
    let by_number = |row: &&ErrorRow| text.parse() == Ok(row.number);
    if let Some(row) = ERROR_CODES.iter().find(|row| by_number(row) || by_name(row)) {
        return Ok(row.number);
    }
    let nearest = ERROR_CODES.iter().max_by(|a, b| likeness(text, a).total_cmp(&likeness(text, b)));
    let nearest = nearest.filter(|row| likeness(text, row) > LIKENESS_MIN);
    let suggestion = match nearest {
        Some(row) => format!("; did you mean {} {}?", row.number, row.info),
        None => ranges(text),
    };
    anyhow::bail!("there is no error code `{text}`{suggestion} (docs/ERRORS.md lists every code)")
}

/// Returns where the codes are, for a text that is like none of them.
fn ranges(text: &str) -> String {
    if text.parse() == Ok(0) {
        return "; 0 is success".to_owned();
    }
    let numbers = ERROR_CODES.iter().map(|row| row.number).chain(CLOUD_CODES.iter().map(|row| row.number));
    let mut ranges: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for number in numbers {
        let range = ranges.entry(number / 10_000).or_insert((number, number));
        *range = (range.0.min(number), range.1.max(number));
    }
    let ranges: Vec<String> = ranges
        .values()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first} to {last}") })
        .collect();
    format!("; the codes of this API are {}; other APIs of the cloud have others", ranges.join(", "))
}

fn likeness(text: &str, row: &ErrorRow) -> f64 {
    strsim::jaro_winkler(text, &row.number.to_string()).max(strsim::jaro_winkler(text, row.info))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_by_number_and_by_name() {
        for text in ["40009", " 40009 ", "Err_Profile_Invalid_Tag", "err_profile_invalid_tag"] {
            assert_eq!(find(text).unwrap(), 40009);
        }
        for row in CLOUD_CODES {
            assert_eq!(find(&row.number.to_string()).unwrap(), row.number);
        }
        for (text, nearest) in [("4009", "40009 "), ("Err_Profile_InvalidTag", "40009 ")] {
            let error = find(text).unwrap_err().to_string();
            assert!(error.contains(&format!("did you mean {nearest}")), "{error}");
        }
        let unknown = find("99999").unwrap_err().to_string();
        assert!(unknown.contains("the codes of this API are 40001 to 40610, 60002 to 60028, 7"), "{unknown}");
        assert!(find("0").unwrap_err().to_string().contains("0 is success"));
        for text in ["", "99999", "nothing like it"] {
            let error = find(text).unwrap_err().to_string();
            assert!(error.contains(&format!("no error code `{text}`")) && !error.contains("mean"), "{error}");
        }
    }
}
