//! `portraitd usersig`: makes and inspects UserSigs.

use crate::cli::output::say;
use crate::cli::sdk_app_id::sdk_app_id;
use crate::cli::secret_argument::secret;
use anyhow::Context;
use clap::Subcommand;
use portraitd_api::clock::SystemClock;
use portraitd_model::{AppKey, Clock, SdkAppId, SignRequest, UnixSeconds, UserId, UserSig, sign};

/// Make and inspect UserSigs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a UserSig, and nothing else
    Gen {
        /// The app
        #[arg(long, value_name = "N", value_parser = sdk_app_id)]
        sdkappid: u32,
        /// The app's secret key; @FILE reads it from a file, - from standard input
        #[arg(long, env = "PORTRAITD_KEY", hide_env_values = true, value_parser = secret)]
        key: String,
        /// The UserID that it is for
        #[arg(long, value_name = "ID", value_parser = UserId::parse)]
        identifier: UserId,
        /// How many seconds it is valid
        #[arg(long, value_name = "SECONDS", default_value_t = 15_552_000)]
        expire: u64,
        /// When it is issued, in Unix seconds; now by default
        #[arg(long, value_name = "SECONDS")]
        time: Option<u64>,
        /// A user buffer
        #[arg(long, value_name = "TEXT")]
        userbuf: Option<String>,
    },
    /// Show a UserSig's fields, whether it verifies, and when it expires
    Inspect {
        /// The UserSig
        sig: String,
        /// The key that it should be signed with
        #[arg(long, env = "PORTRAITD_KEY", hide_env_values = true, value_parser = secret)]
        key: Option<String>,
    },
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        Action::Gen { sdkappid, key, identifier, expire, time, userbuf } => {
            let key = parse_key(&key)?;
            let time = time.map_or_else(|| SystemClock.now().seconds(), UnixSeconds);
            let (app, userbuf) = (SdkAppId(sdkappid), userbuf.as_deref().map(str::as_bytes));
            say(sign(&key, SignRequest { app, identifier, time, expire, userbuf }));
            Ok(())
        }
        Action::Inspect { sig, key } => inspect(&sig, key.as_deref()),
    }
}

fn parse_key(key: &str) -> anyhow::Result<AppKey> {
    AppKey::parse(key).context("--key: a key is 1 to 256 printable bytes")
}

fn inspect(sig: &str, key: Option<&str>) -> anyhow::Result<()> {
    let key = key.map(parse_key).transpose()?;
    let sig = UserSig::decode(sig).context("the UserSig can't be decoded (70003)")?;
    let now = SystemClock.now().seconds().0;
    let expires = sig.expires_at().0;
    say(format_args!("SDKAppID    {}", sig.sdk_app_id()));
    say(format_args!("Identifier  {}", sig.identifier()));
    say(format_args!("Issued      {} (Unix seconds)", sig.issued_at().0));
    say(format_args!(
        "Expires     {expires} ({})",
        if now > expires {
            format!("expired {} s ago", now - expires)
        } else {
            format!("in {} s", expires - now)
        }
    ));
    if let Some(userbuf) = sig.userbuf() {
        say(format_args!("Userbuf     {userbuf} (base64)"));
    }
    match key {
        None => say("Signature   not checked; give --key to check it"),
        Some(key) if sig.is_signed_with(&key) => say("Signature   verifies with this key"),
        Some(_) => anyhow::bail!("the signature does not verify with this key (70009)"),
    }
    Ok(())
}
