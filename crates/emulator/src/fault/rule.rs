//! A fault rule: which calls it matches, how often it fires, and its effect. The control API, a `--faults` file and the
//! command line use the same members.

use crate::broken_response::ResponseFault;
use crate::command_name::check_command;
use portraitd_model::{CLOUD_CODES, ERROR_CODES, ErrorCode, SdkAppId, UserId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A fault rule.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct FaultRule {
    /// Only calls of this command, for example portrait_set or `sns/friend_add`
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    /// Only calls of this app
    #[arg(long, value_name = "SDKAPPID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<u32>,
    /// Only calls that name this account in their body
    #[arg(long, value_name = "USERID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// Only the next N of these calls
    #[arg(long, value_name = "N", conflicts_with = "probability")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<u64>,
    /// Each of these calls with this probability, from 0 to 1
    #[arg(long, value_name = "P")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
    /// The seed of the probability, to repeat an earlier run
    #[arg(long, value_name = "NUMBER", requires = "probability")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// Answer this error code without executing the call; 60007 is an exceeded frequency limit
    #[arg(long, value_name = "CODE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u32>,
    /// Close the connection without a response, before or after the call is executed
    #[arg(long, value_name = "WHEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) close: Option<CloseTime>,
    /// Execute the call, but send a malformed response
    #[arg(long, value_name = "HOW")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) malformed: Option<Malformation>,
    /// Execute the call, but send the response byte by byte with this pause before each, in milliseconds
    #[arg(long, value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drip_ms: Option<u64>,
    /// Wait this many milliseconds first; alone or together with any other effect
    #[arg(long, value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
}

/// When the connection is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CloseTime {
    /// Before the call is executed
    Before,
    /// After the call is executed; the response is lost, as a client's retry must expect
    After,
}

/// How a response is malformed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Malformation {
    /// Half of the JSON, sent as the whole body
    CutJson,
    /// Half of the announced bytes; then the connection is closed
    CutBody,
    /// No body
    Empty,
    /// A gateway's HTML page, with HTTP status 502
    Html,
}

/// The effect of a rule on a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The call is answered with this code and not executed.
    Code(ErrorCode),
    /// The call is not executed, and the connection is closed.
    CloseBefore,
    /// The call is executed; the response has this fault.
    Respond(ResponseFault),
    /// The call is executed after the delay.
    DelayOnly,
}

impl FaultRule {
    /// The longest delay: ten minutes.
    const DELAY_MS_MAX: u64 = 600_000;
    /// The longest pause before a byte: ten seconds.
    const DRIP_MS_MAX: u64 = 10_000;
    /// The largest `next`.
    const NEXT_MAX: u64 = 1_000_000;

    /// Checks the rule and returns its effect. An error names the invalid member. `apps` are the existing apps.
    pub(crate) fn check(&self, apps: &[SdkAppId]) -> Result<Effect, String> {
        if let Some(command) = &self.command {
            check_command(command)?;
        }
        if let Some(app) = self.app
            && !apps.contains(&SdkAppId(app))
        {
            let nearest = apps.iter().min_by_key(|known| known.0.abs_diff(app));
            let hint = nearest.map_or_else(String::new, |nearest| format!("; the nearest is {nearest}"));
            return Err(format!("app: there is no app {app}{hint}"));
        }
        if let Some(user) = &self.user {
            UserId::parse(user).map_err(|error| format!("user: {error}"))?;
        }
        self.check_numbers()?;
        let effects = [
            self.code.map(parse_code).transpose()?.map(Effect::Code),
            self.close.map(|when| match when {
                CloseTime::Before => Effect::CloseBefore,
                CloseTime::After => Effect::Respond(ResponseFault::Close),
            }),
            self.malformed.map(|malformation| Effect::Respond(malformation.fault())),
            self.drip_ms.map(|ms| Effect::Respond(ResponseFault::Drip(Duration::from_millis(ms)))),
        ];
        let mut effects = effects.into_iter().flatten();
        match (effects.next(), effects.next()) {
            (Some(effect), None) => Ok(effect),
            (None, _) if self.delay_ms.is_some() => Ok(Effect::DelayOnly),
            (None, _) => Err("say what happens: set code, close, malformed, drip_ms or delay_ms".into()),
            (Some(_), Some(_)) => {
                Err("say one of code, close, malformed and drip_ms only (delay_ms can be combined with each)"
                    .into())
            }
        }
    }

    fn check_numbers(&self) -> Result<(), String> {
        let at_most = |name: &str, value: Option<u64>, least: u64, most: u64| match value {
            Some(value) if !(least..=most).contains(&value) => {
                Err(format!("{name}: {value} is not from {least} to {most}"))
            }
            _ => Ok(()),
        };
        at_most("next", self.next, 1, Self::NEXT_MAX)?;
        at_most("delay_ms", self.delay_ms, 0, Self::DELAY_MS_MAX)?;
        at_most("drip_ms", self.drip_ms, 1, Self::DRIP_MS_MAX)?;
        match (self.probability, self.next, self.seed) {
            (Some(p), ..) if !(p > 0.0 && p <= 1.0) => {
                Err(format!("probability: {p} is not above 0 and at most 1"))
            }
            (Some(_), Some(_), _) => Err("set next or probability, not both".into()),
            (None, _, Some(_)) => Err("seed: it needs probability as well".into()),
            _ => Ok(()),
        }
    }
}

impl Malformation {
    fn fault(self) -> ResponseFault {
        match self {
            Self::CutJson => ResponseFault::TruncatedJson,
            Self::CutBody => ResponseFault::CloseMidway,
            Self::Empty => ResponseFault::Empty,
            Self::Html => ResponseFault::Html,
        }
    }
}

impl Effect {
    /// Returns a short description, for lists.
    pub(crate) fn label(self) -> String {
        match self {
            Self::Code(code) => format!("code {}", code.number()),
            Self::CloseBefore => "closed before".into(),
            Self::Respond(ResponseFault::Close) => "closed after, answer lost".into(),
            Self::Respond(ResponseFault::CloseMidway) => "cut-body".into(),
            Self::Respond(ResponseFault::TruncatedJson) => "cut-json".into(),
            Self::Respond(ResponseFault::Empty) => "empty".into(),
            Self::Respond(ResponseFault::Html) => "html".into(),
            Self::Respond(ResponseFault::Drip(pause)) => format!("a byte every {} ms", pause.as_millis()),
            Self::DelayOnly => "late".into(),
        }
    }
}

fn parse_code(number: u32) -> Result<ErrorCode, String> {
    if CLOUD_CODES.iter().any(|row| row.number == number) {
        return Err(format!(
            "code: {number} is a code of the cloud that portraitd never answers; see portraitd explain {number}"
        ));
    }
    let row = ERROR_CODES.iter().min_by_key(|row| row.number.abs_diff(number));
    match row {
        Some(row) if row.number == number => Ok(row.code),
        Some(row) => {
            Err(format!("code: there is no code {number}; the nearest is {} ({})", row.number, row.info))
        }
        None => Err(format!("code: there is no code {number}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<Effect, String> {
        let rule: FaultRule = serde_json::from_str(json).map_err(|error| error.to_string())?;
        rule.check(&[SdkAppId(1_400_000_000), SdkAppId(7)])
    }

    #[test]
    fn a_rule_has_one_effect() {
        assert_eq!(check(r#"{"code":60007}"#), Ok(Effect::Code(ErrorCode::ApiFrequency)));
        assert_eq!(check(r#"{"close":"before"}"#), Ok(Effect::CloseBefore));
        let all = r#"{"command":"portrait_set","app":7,"user":"a","next":1,"close":"after","delay_ms":5}"#;
        assert_eq!(check(all), Ok(Effect::Respond(ResponseFault::Close)));
        assert_eq!(check(r#"{"delay_ms":5,"probability":0.5,"seed":1}"#), Ok(Effect::DelayOnly));
        let drip = Effect::Respond(ResponseFault::Drip(Duration::from_millis(3)));
        assert_eq!(check(r#"{"drip_ms":3}"#), Ok(drip));
    }

    #[test]
    fn errors_name_the_member() {
        let cases = [
            ("{}", "say what happens"),
            (r#"{"code":60007,"close":"after"}"#, "say one of"),
            (r#"{"code":40010}"#, "nearest is 40009 (Err_Profile_Invalid_Tag)"),
            (r#"{"code":0}"#, "no code 0"),
            (r#"{"code":-1}"#, "-1"),
            (r#"{"command":"portrait_sett","code":40006}"#, "did you mean portrait_set?"),
            (r#"{"command":"xyz","code":40006}"#, "there are portrait_set, portrait_get"),
            (r#"{"app":1400000001,"code":40006}"#, "no app 1400000001; the nearest is 1400000000"),
            (r#"{"user":"","code":40006}"#, "user: the UserID is empty"),
            (r#"{"code":60005}"#, "see portraitd explain 60005"),
            (r#"{"next":0,"code":40006}"#, "next: 0 is not from 1"),
            (r#"{"probability":1.5,"code":40006}"#, "probability: 1.5"),
            (r#"{"probability":0,"code":40006}"#, "probability: 0"),
            (r#"{"probability":0.5,"next":1,"code":40006}"#, "not both"),
            (r#"{"seed":1,"code":40006}"#, "seed"),
            (r#"{"delay_ms":600001}"#, "delay_ms: 600001"),
            (r#"{"drip_ms":0}"#, "drip_ms: 0"),
            (r#"{"close":"later"}"#, "unknown variant `later`, expected `before` or `after`"),
            (r#"{"malformed":"xml"}"#, "expected one of `cut-json`, `cut-body`, `empty`, `html`"),
            (r#"{"comand":"portrait_set"}"#, "unknown field `comand`"),
            (r#"{"next":"1"}"#, "invalid type: string"),
        ];
        for (json, part) in cases {
            let error = check(json).unwrap_err();
            assert!(error.contains(part), "{json}: {error}");
        }
    }
}
