//! `portraitd usersig inspect`: what a UserSig holds, whether it is good, and if not, why.

use crate::cli::app_key::app_key;
use crate::cli::language::chosen::language;
use crate::cli::output::{foreign, say_member};
use crate::cli::sdk_app_id::sdk_app_id;
use crate::cli::secret_argument;
use portraitd_api::clock::SystemClock;
use portraitd_api::given_usersig::GivenUserSig;
use portraitd_model::{
    AppKey, Clock, Diagnosis, Language, SdkAppId, SigCause, UnixMillis, UnixSeconds, UserSig, diagnose,
    rfc3339, sig_warnings,
};

/// Show a UserSig's fields, whether it verifies, when it expires, and what is wrong with it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The UserSig, also percent-encoded, or a URL with it
    sig: String,
    /// The key that it should be signed with; @FILE reads it from a file, - from standard input
    #[arg(long, env = "PORTRAITD_KEY", hide_env_values = true, allow_hyphen_values = true, value_parser = secret_argument::key)]
    key: Option<String>,
    /// The UserID that it should be for [default: the URL's]
    #[arg(long, value_name = "ID")]
    identifier: Option<String>,
    /// The app that it should be for [default: the URL's]
    #[arg(long, value_name = "N", value_parser = sdk_app_id)]
    sdkappid: Option<u32>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let language = language();
    let key = args.key.as_deref().map(app_key).transpose()?;
    let given = GivenUserSig::read(&args.sig);
    let now = SystemClock.now().seconds();
    let sig = match UserSig::decode(&given.usersig) {
        Ok(sig) => sig,
        Err(why) => {
            let keys: Vec<_> = key.into_iter().map(|key| (SdkAppId(0), key)).collect();
            let found = diagnose(&given.usersig, SdkAppId(0), &keys, "", now);
            let why = found.map_or_else(|| why.to_string(), |found| found.explain(language));
            anyhow::bail!(
                "{}{why}",
                language.pick("the UserSig can't be decoded (70003): ", "UserSig 无法解码（70003）：")
            )
        }
    };
    show(&sig, now, language);
    let signature = match &key {
        None => language.pick("not checked; give --key to check it", "未校验；使用 --key 校验"),
        Some(key) if sig.is_signed_with(key) => language.pick("verifies with this key", "与此密钥相符"),
        Some(_) => language.pick("does not verify with this key", "与此密钥不符"),
    };
    line("Signature", "签名", signature, language);
    for warning in sig_warnings(&sig, now) {
        line("Warning", "注意", &warning.explain(language), language);
    }
    let wanted = Wanted {
        app: args.sdkappid.or(given.sdkappid),
        identifier: args.identifier.as_deref().or(given.identifier.as_deref()),
    };
    match problem(&given.usersig, &sig, key, &wanted) {
        Some(Diagnosis { cause, .. }) => {
            anyhow::bail!("{} ({})", cause.explain(language), cause.code())
        }
        None => Ok(()),
    }
}

/// What the UserSig should be for.
struct Wanted<'a> {
    app: Option<u32>,
    identifier: Option<&'a str>,
}

/// Says what is wrong apart from its expiry, which is shown with its times.
fn problem(text: &str, sig: &UserSig, key: Option<AppKey>, wanted: &Wanted<'_>) -> Option<Diagnosis> {
    let own = u32::try_from(sig.sdk_app_id()).unwrap_or_default();
    let app = SdkAppId(wanted.app.unwrap_or(own));
    let identifier = wanted.identifier.unwrap_or(sig.identifier());
    let has_key = key.is_some();
    let keys: Vec<_> = key.into_iter().map(|key| (app, key)).collect();
    let found = diagnose(text, app, &keys, identifier, UnixSeconds(0))?;
    // Without a key nothing is known of the signature.
    (has_key || !matches!(found.cause, SigCause::UnknownKey)).then_some(found)
}

fn show(sig: &UserSig, now: UnixSeconds, language: Language) {
    let (issued, expires) = (sig.issued_at(), sig.expires_at());
    line("SDKAppID", "SDKAppID", &sig.sdk_app_id().to_string(), language);
    line("Identifier", "用户名", sig.identifier(), language);
    line("Issued", "签发时间", &format!("{} ({})", date(issued), issued.0), language);
    let when = match (now > expires, language) {
        (true, Language::English) => format!("expired {} ago", span(now.0 - expires.0, language)),
        (true, Language::Chinese) => format!("已过期 {}", span(now.0 - expires.0, language)),
        (false, Language::English) => format!("in {}", span(expires.0 - now.0, language)),
        (false, Language::Chinese) => format!("{}后", span(expires.0 - now.0, language)),
    };
    line("Expires", "过期时间", &format!("{} ({}), {when}", date(expires), expires.0), language);
    if let Some(userbuf) = sig.userbuf() {
        line("Userbuf", "Userbuf", &format!("{userbuf} (base64)"), language);
    }
}

/// Prints a name and its value.
fn line(english: &str, chinese: &str, value: &str, language: Language) {
    const WIDTH: usize = 12;
    say_member(WIDTH, language.pick(english, chinese), foreign(value));
}

fn date(at: UnixSeconds) -> String {
    rfc3339::write_plainly(UnixMillis(at.0.saturating_mul(1000)))
}

/// A span of time in its largest unit.
fn span(seconds: u64, language: Language) -> String {
    let (count, english, chinese) = match seconds {
        0..120 => (seconds, "s", "秒"),
        120..7_200 => (seconds / 60, "min", "分钟"),
        7_200..172_800 => (seconds / 3_600, "h", "小时"),
        _ => (seconds / 86_400, "days", "天"),
    };
    format!("{count} {}", language.pick(english, chinese))
}
