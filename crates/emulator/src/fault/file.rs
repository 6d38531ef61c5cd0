//! A `--faults` file: `[[fault]]` tables with the members of a rule in the control API. A file with an invalid rule is
//! refused whole.

use super::rule::{Effect, FaultRule};
use crate::command_name::Others;
use crate::line_number::line_number;
use crate::toml_problem;
use anyhow::Context;
use portraitd_model::{Bilingual, Language, SdkAppId, bilingual};
use serde::Deserialize;
use std::path::Path;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    fault: Vec<Spanned<FaultRule>>,
}

/// Reads and checks the rules of a file. An error names the line of the first invalid rule.
pub fn read(
    path: &Path,
    apps: &[SdkAppId],
    others: Others,
    language: Language,
) -> anyhow::Result<Vec<(FaultRule, Effect)>> {
    let shown = path.display();
    let unreadable = || bilingual!("can't read {shown}", "无法读取 {shown}").pick(language).to_owned();
    let text = std::fs::read_to_string(path).with_context(unreadable)?;
    parse(&text, apps, others)
        .map_err(|reason| anyhow::anyhow!(reason.of_member(&shown.to_string()).pick(language).to_owned()))
}

fn parse(text: &str, apps: &[SdkAppId], others: Others) -> Result<Vec<(FaultRule, Effect)>, Bilingual> {
    let file: File = toml::from_str(text).map_err(|error| toml_problem::explain(text, &error))?;
    let checked = file.fault.into_iter().map(|rule| {
        let line = line_number(text, rule.span().start);
        let rule = rule.into_inner();
        let effect = rule
            .check(apps, others)
            .map_err(|reason| reason.after(&format!("line {line}: "), &format!("第 {line} 行：")))?;
        Ok((rule, effect))
    });
    checked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_rule_is_refused_with_its_line() {
        let apps = [SdkAppId(1)];
        let good =
            "[[fault]]\ncommand = \"portrait_set\"\nnext = 1\nclose = \"after\"\n\n[[fault]]\ndelay_ms = 5\n";
        assert_eq!(parse(good, &apps, Others::Refuse).unwrap().len(), 2);
        assert!(parse("", &apps, Others::Refuse).unwrap().is_empty());
        let refused = |text: &str, part: &str| {
            let error = parse(text, &apps, Others::Refuse).unwrap_err();
            assert!(error.english().contains(part), "{error:?}");
        };
        refused("[[fault]]\ndelay_ms = 5\n\n[[fault]]\ncode = 1\n", "line 4: code: there is no code 1");
        refused("[[fault]]\ncoed = 40006\n", "unknown field `coed`");
        refused("[[faults]]\ncode = 40006\n", "unknown field `faults`");
        refused("[[fault]\n", "line 1");
    }
}
