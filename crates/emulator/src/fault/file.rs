//! A `--faults` file: `[[fault]]` tables with the members of the control API.

use super::rule::{Effect, FaultRule};
use crate::seed::position::line_of;
use anyhow::Context;
use portraitd_model::SdkAppId;
use serde::Deserialize;
use std::path::Path;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    fault: Vec<Spanned<FaultRule>>,
}

/// Reads and checks a file: all its rules, or what is wrong with the first that can't be used and where it stands.
pub fn read(path: &Path, apps: &[SdkAppId]) -> anyhow::Result<Vec<(FaultRule, Effect)>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    parse(&text, apps).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))
}

fn parse(text: &str, apps: &[SdkAppId]) -> Result<Vec<(FaultRule, Effect)>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let checked = file.fault.into_iter().map(|rule| {
        let line = line_of(text, rule.span().start);
        let rule = rule.into_inner();
        let effect = rule.check(apps).map_err(|why| format!("line {line}: {why}"))?;
        Ok((rule, effect))
    });
    checked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_whole_or_refused_with_a_line() {
        let apps = [SdkAppId(1)];
        let good =
            "[[fault]]\ncommand = \"portrait_set\"\nnext = 1\nclose = \"after\"\n\n[[fault]]\ndelay_ms = 5\n";
        assert_eq!(parse(good, &apps).unwrap().len(), 2);
        assert!(parse("", &apps).unwrap().is_empty());
        let refused = |text: &str, part: &str| {
            let why = parse(text, &apps).unwrap_err();
            assert!(why.contains(part), "{why}");
        };
        refused("[[fault]]\ndelay_ms = 5\n\n[[fault]]\ncode = 1\n", "line 4: code: there is no code 1");
        refused("[[fault]]\ncoed = 40006\n", "unknown field `coed`");
        refused("[[faults]]\ncode = 40006\n", "unknown field `faults`");
        refused("[[fault]\n", "line 1");
    }
}
