//! `portraitd explain CODE`: the page of an error code, in the terminal.

use crate::cli::language::chosen::{language, localized};
use crate::cli::output::say;
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
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let number = find(&args.code)?;
    let page = error_page(number, language());
    let page =
        page.ok_or_else(|| anyhow::anyhow!(localized!("{number} has no page", "{number} 没有说明页面")))?;
    say(page.trim_end());
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
        Some(row) => {
            localized!("; did you mean {} {}?", "；您是否想查 {} {}？", row.number, row.info)
        }
        None => ranges(text),
    };
    anyhow::bail!(localized!(
        "there is no error code `{text}`{suggestion} (docs/ERRORS.md lists every code)",
        "没有错误码 `{text}`{suggestion}（全部错误码见 docs/ERRORS.md）"
    ))
}

/// Returns where the codes are, for a text that is like none of them.
fn ranges(text: &str) -> String {
    if text.parse() == Ok(0) {
        return localized!("; 0 is success", "；0 表示成功");
    }
    let numbers = ERROR_CODES.iter().map(|row| row.number).chain(CLOUD_CODES.iter().map(|row| row.number));
    let mut ranges: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for number in numbers {
        let range = ranges.entry(number / 10_000).or_insert((number, number));
        *range = (range.0.min(number), range.1.max(number));
    }
    let ranges: Vec<String> = ranges
        .values()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                localized!("{first} to {last}", "{first}～{last}")
            }
        })
        .collect();
    localized!(
        "; the codes of this API are {}; other APIs of the cloud have others",
        "；此 API 的错误码为 {}；云端其他 API 另有其错误码",
        ranges.join(language().pick(", ", "、"))
    )
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
