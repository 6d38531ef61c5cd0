//! A fault rule: which calls it matches, how often it fires, and its effect. The control API, a `--faults` file and the
//! command line use the same members.

use crate::broken_response::ResponseFault;
use crate::command_name::{Others, check_command, is_other};
use crate::suggestion::shown;
use portraitd_api::envelope::ApiError;
use portraitd_model::{
    Bilingual, CLOUD_CODES, ERROR_CODES, ErrorCode, ErrorRow, SdkAppId, UserId, bilingual,
};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// A fault rule.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct FaultRule {
    /// Only calls of this command, for example portrait_set or `sns/friend_add`
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    /// Only calls to this host name, for example adminapisgp.im.qcloud.com
    #[arg(long, value_name = "HOST")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
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
    /// Answer this error code without executing the call; 60007 is an exceeded frequency limit. Calls of commands that
    /// portraitd does not have can be answered any code
    #[arg(long, value_name = "CODE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u32>,
    /// Close the connection without a response, before or after the call is executed
    #[arg(long, value_name = "WHEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) close: Option<CloseTime>,
    /// Execute the call, but send a malformed response; with --code, that code's response instead
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
    /// The JSON without the member that says OK or FAIL
    #[serde(rename = "no-action-status")]
    #[value(name = "no-action-status")]
    NoStatus,
    /// The JSON with ErrorCode as a string: "0"
    StringCode,
}

/// The effect of a rule on a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The call is answered with this code and not executed; the response can have a fault.
    Code(AnsweredCode, Option<ResponseFault>),
    /// The call is not executed, and the connection is closed.
    CloseBefore,
    /// The call is executed; the response has this fault.
    Respond(ResponseFault),
    /// The call is executed after the delay.
    DelayOnly,
}

/// The code that a rule answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnsweredCode {
    /// One of portraitd's.
    Own(ErrorCode),
    /// Another of the cloud's, to a command that portraitd does not have.
    Cloud(u32),
}

impl AnsweredCode {
    /// Returns the error that a call is answered with.
    pub(crate) fn error(self) -> ApiError {
        match self {
            Self::Own(code) => ApiError::new(code),
            Self::Cloud(number) => ApiError::of_cloud(number),
        }
    }
}

impl FaultRule {
    /// The longest delay: ten minutes.
    const DELAY_MS_MAX: u64 = 600_000;
    /// The longest pause before a byte: ten seconds.
    const DRIP_MS_MAX: u64 = 10_000;
    /// The largest `next`.
    const NEXT_MAX: u64 = 1_000_000;

    /// Checks the rule and returns its effect. An error names the invalid member. `apps` are the existing apps, and `others`
    /// is what the commands are answered that portraitd does not have.
    pub(crate) fn check(&self, apps: &[SdkAppId], others: Others) -> Result<Effect, Bilingual> {
        if let Some(command) = &self.command {
            check_command(command)?;
            if others == Others::Refuse && is_other(command) {
                return Err(bilingual!(
                    "command: portraitd does not have {command} itself and answers it 60009, before fault rules; start \
                     portraitd dev with --others ok",
                    "command：portraitd 不提供 {command}，在应用故障规则之前即返回 60009；请以 --others ok 启动 portraitd dev"
                ));
            }
        }
        if let Some(host) = &self.host {
            check_host(host)?;
        }
        if let Some(app) = self.app
            && !apps.contains(&SdkAppId(app))
        {
            let nearest = apps.iter().min_by_key(|known| known.0.abs_diff(app));
            return Err(match nearest {
                Some(nearest) => bilingual!(
                    "app: there is no app {app}; the nearest is {nearest}",
                    "app：没有应用 {app}；最接近的是 {nearest}"
                ),
                None => bilingual!("app: there is no app {app}", "app：没有应用 {app}"),
            });
        }
        if let Some(user) = &self.user {
            UserId::parse(user)
                .map_err(|error| Bilingual::of(|language| error.explain(language)).of_member("user"))?;
        }
        self.check_numbers()?;
        let malformed = self.malformed.map(Malformation::fault);
        if let Some(number) = self.code
            && (self.close, self.drip_ms) == (None, None)
        {
            return Ok(Effect::Code(self.parse_code(number)?, malformed));
        }
        let effects = [
            self.code.map(|number| self.parse_code(number)).transpose()?.map(|code| Effect::Code(code, None)),
            self.close.map(|when| match when {
                CloseTime::Before => Effect::CloseBefore,
                CloseTime::After => Effect::Respond(ResponseFault::Close),
            }),
            malformed.map(Effect::Respond),
            self.drip_ms.map(|ms| Effect::Respond(ResponseFault::Drip(Duration::from_millis(ms)))),
        ];
        let mut effects = effects.into_iter().flatten();
        match (effects.next(), effects.next()) {
            (Some(effect), None) => Ok(effect),
            (None, _) if self.delay_ms.is_some() => Ok(Effect::DelayOnly),
            (None, _) => Err(bilingual!(
                "say what happens: set code, close, malformed, drip_ms or delay_ms",
                "请指明故障：设置 code、close、malformed、drip_ms 或 delay_ms"
            )),
            (Some(_), Some(_)) => Err(bilingual!(
                "say one of code, close, malformed and drip_ms only (malformed can be combined with code, and \
                 delay_ms with each)",
                "code、close、malformed、drip_ms 只能设置一项（malformed 可与 code 同用，delay_ms 可与任一项同用）"
            )),
        }
    }

    fn parse_code(&self, number: u32) -> Result<AnsweredCode, Bilingual> {
        let nearest = ERROR_CODES.iter().min_by_key(|row| row.number.abs_diff(number));
        if let Some(row) = nearest.filter(|row| row.number == number) {
            return Ok(AnsweredCode::Own(row.code));
        }
        if number == 0 {
            return Err(bilingual!(
                "code: there is no code 0: it stands for success",
                "code：没有错误码 0：0 表示成功"
            ));
        }
        if self.command.as_deref().is_some_and(is_other) {
            return Ok(AnsweredCode::Cloud(number));
        }
        let remedy = "any code can be answered to a command that portraitd does not have: set command, for example \
                      friend_add";
        let chinese_remedy = "portraitd 不提供的接口可返回任意错误码：请设置 command，例如 friend_add";
        if CLOUD_CODES.iter().any(|row| row.number == number) {
            return Err(bilingual!(
                "code: {number} is a code of the cloud that portraitd never answers; see portraitd explain {number}; {remedy}",
                "code：{number} 是云端的错误码，portraitd 不会返回；见 portraitd explain {number}；{chinese_remedy}"
            ));
        }
        let [english, chinese] = nearest.map_or_else(Default::default, |row| {
            let ErrorRow { number, info, .. } = row;
            [
                format!("; the nearest of portraitd's is {number} ({info})"),
                format!("；portraitd 中最接近的是 {number}（{info}）"),
            ]
        });
        Err(bilingual!(
            "code: there is no code {number}{english}; {remedy}",
            "code：没有错误码 {number}{chinese}；{chinese_remedy}"
        ))
    }

    fn check_numbers(&self) -> Result<(), Bilingual> {
        let at_most = |name: &str, value: Option<u64>, least: u64, most: u64| match value {
            Some(value) if !(least..=most).contains(&value) => Err(bilingual!(
                "{name}: {value} is not from {least} to {most}",
                "{name}：{value} 不在 {least} 到 {most} 之间"
            )),
            _ => Ok(()),
        };
        at_most("next", self.next, 1, Self::NEXT_MAX)?;
        at_most("delay_ms", self.delay_ms, 0, Self::DELAY_MS_MAX)?;
        at_most("drip_ms", self.drip_ms, 1, Self::DRIP_MS_MAX)?;
        match (self.probability, self.next, self.seed) {
            (Some(p), ..) if !(p > 0.0 && p <= 1.0) => Err(bilingual!(
                "probability: {p} is not above 0 and at most 1",
                "probability：{p} 应大于 0 且不超过 1"
            )),
            (Some(_), Some(_), _) => {
                Err(bilingual!("set next or probability, not both", "next 与 probability 只能设置一项"))
            }
            (None, _, Some(_)) => {
                Err(bilingual!("seed: it needs probability as well", "seed：须同时设置 probability"))
            }
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
            Self::NoStatus => ResponseFault::NoStatus,
            Self::StringCode => ResponseFault::StringCode,
        }
    }
}

impl Effect {
    /// Returns a short description, for lists.
    pub(crate) fn label(self) -> String {
        match self {
            Self::Code(code, fault) => {
                let fault =
                    fault.map_or_else(String::new, |fault| format!(", {}", Self::Respond(fault).label()));
                format!("code {}{fault}", code.error().number())
            }
            Self::CloseBefore => "closed before".into(),
            Self::Respond(ResponseFault::Close) => "closed after, answer lost".into(),
            Self::Respond(ResponseFault::CloseMidway) => "cut-body".into(),
            Self::Respond(ResponseFault::TruncatedJson) => "cut-json".into(),
            Self::Respond(ResponseFault::Empty) => "empty".into(),
            Self::Respond(ResponseFault::Html) => "html".into(),
            Self::Respond(ResponseFault::NoStatus) => "no-action-status".into(),
            Self::Respond(ResponseFault::StringCode) => "string-code".into(),
            Self::Respond(ResponseFault::Drip(pause)) => format!("a byte every {} ms", pause.as_millis()),
            Self::DelayOnly => "late".into(),
        }
    }
}

/// Checks that a text can be the host of a call: a name or an IP address.
fn check_host(host: &str) -> Result<(), Bilingual> {
    /// The longest name in DNS.
    const BYTES_MAX: usize = 253;
    let shown = shown(host);
    let is_name = (1..=BYTES_MAX).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if is_name || host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    Err(bilingual!(
        "host: `{shown}` is not a host name: write it without scheme, port and path, for example adminapisgp.im.qcloud.com",
        "host：`{shown}` 不是主机名：请勿包含协议、端口与路径，例如 adminapisgp.im.qcloud.com"
    ))
}

/// Whether a rule's host is the one that was called.
pub(crate) fn is_host(host: &str, called: &str) -> bool {
    host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case(called)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::Language;

    const FREQUENCY: AnsweredCode = AnsweredCode::Own(ErrorCode::ApiFrequency);

    fn check(json: &str) -> Result<Effect, String> {
        let rule: FaultRule = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let checked = rule.check(&[SdkAppId(1_400_000_000), SdkAppId(7)], Others::Ok);
        checked.map_err(|sentence| {
            let chinese = sentence.pick(Language::Chinese);
            assert!(chinese.contains(['：', '，', '能']), "{chinese}");
            sentence.english().to_owned()
        })
    }

    #[test]
    fn a_rule_has_one_effect() {
        assert_eq!(check(r#"{"code":60007}"#), Ok(Effect::Code(FREQUENCY, None)));
        let both = Effect::Code(FREQUENCY, Some(ResponseFault::StringCode));
        assert_eq!(check(r#"{"code":60007,"malformed":"string-code"}"#), Ok(both));
        assert_eq!(both.label(), "code 60007, string-code");
        assert_eq!(check(r#"{"close":"before"}"#), Ok(Effect::CloseBefore));
        let all = r#"{"command":"portrait_set","app":7,"user":"a","next":1,"close":"after","delay_ms":5}"#;
        assert_eq!(check(all), Ok(Effect::Respond(ResponseFault::Close)));
        assert_eq!(check(r#"{"delay_ms":5,"probability":0.5,"seed":1}"#), Ok(Effect::DelayOnly));
        let drip = Effect::Respond(ResponseFault::Drip(Duration::from_millis(3)));
        assert_eq!(check(r#"{"drip_ms":3}"#), Ok(drip));
    }

    #[test]
    fn other_commands_are_answered_any_code() {
        for (json, code) in [
            (r#"{"command":"friend_add","code":30010}"#, AnsweredCode::Cloud(30010)),
            (r#"{"command":"sns/friend_add","code":60005}"#, AnsweredCode::Cloud(60005)),
            (r#"{"command":"create_group","code":60007}"#, FREQUENCY),
        ] {
            assert_eq!(check(json), Ok(Effect::Code(code, None)), "{json}");
        }
        let rule =
            FaultRule { command: Some("friend_add".into()), code: Some(30010), ..FaultRule::default() };
        assert!(
            rule.check(&[], Others::Refuse)
                .unwrap_err()
                .english()
                .contains("start portraitd dev with --others ok")
        );
    }

    #[test]
    fn a_host_is_no_longer_than_a_name_can_be() {
        let of_bytes = |bytes: usize| check_host(&"x".repeat(bytes));
        assert_eq!(of_bytes(253), Ok(()));
        assert!(of_bytes(254).is_err());
        assert!(of_bytes(500_000).unwrap_err().english().len() < 500, "it is not repeated");
    }

    #[test]
    fn errors_name_the_member() {
        let cases = [
            ("{}", "say what happens"),
            (r#"{"code":60007,"close":"after"}"#, "say one of"),
            (r#"{"code":60007,"malformed":"html","drip_ms":1}"#, "say one of"),
            (r#"{"code":40010}"#, "nearest of portraitd's is 40009 (Err_Profile_Invalid_Tag); any code"),
            (r#"{"command":"kick","code":30010}"#, "no code 30010"),
            (r#"{"command":"friend_add","code":0}"#, "stands for success"),
            (r#"{"host":"","code":40006}"#, "host: `` is not a host name"),
            (r#"{"host":"https://console.tim.qq.com","code":40006}"#, "without scheme, port and path"),
            (r#"{"host":"console.tim.qq.com:443","code":40006}"#, "without scheme, port and path"),
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
            (
                r#"{"malformed":"xml"}"#,
                "expected one of `cut-json`, `cut-body`, `empty`, `html`, `no-action-status`, `string-code`",
            ),
            (r#"{"comand":"portrait_set"}"#, "unknown field `comand`"),
            (r#"{"next":"1"}"#, "invalid type: string"),
        ];
        for (json, part) in cases {
            let error = check(json).unwrap_err();
            assert!(error.contains(part), "{json}: {error}");
        }
    }
}
