//! `portraitd usersig`: makes and inspects UserSigs.

mod inspect;

use crate::cli::app_key::app_key;
use crate::cli::output::say;
use crate::cli::sdk_app_id::sdk_app_id;
use crate::cli::secret_argument;
use clap::Subcommand;
use portraitd_api::clock::SystemClock;
use portraitd_model::{Clock, SdkAppId, SignRequest, UnixSeconds, UserId, sign};

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
        #[arg(long, env = "PORTRAITD_KEY", hide_env_values = true, allow_hyphen_values = true, value_parser = secret_argument::key)]
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
    Inspect(inspect::Args),
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        Action::Gen { sdkappid, key, identifier, expire, time, userbuf } => {
            let key = app_key(&key)?;
            let time = time.map_or_else(|| SystemClock.now().seconds(), UnixSeconds);
            let (app, userbuf) = (SdkAppId(sdkappid), userbuf.as_deref().map(str::as_bytes));
            say(sign(&key, SignRequest { app, identifier, time, expire, userbuf }));
            Ok(())
        }
        Action::Inspect(args) => inspect::run(&args),
    }
}
