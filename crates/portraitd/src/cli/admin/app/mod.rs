//! `portraitd app`: apps, their keys, admins, limits and switches.

mod apply;
mod delete;
mod key;
mod show;

use crate::cli::admin::client::{Operator, Target, segment, with_new_store, with_operator};
use crate::cli::admin::switch::Switch;
use crate::cli::language::chosen::localized;
use crate::cli::new_secret::say_secret;
use crate::cli::output::say;
use crate::cli::sdk_app_id::sdk_app_id;
use crate::cli::secret_argument;
use clap::{Subcommand, ValueEnum};
use hyper::Method;
use key::KeyAction;
use portraitd_admin::types::{AppPatch, AppView, NewApp};
use portraitd_model::rfc3339;
use std::path::PathBuf;

/// Create apps and change their settings
///
/// Works on a running server and on the data directory of a stopped one. A change takes effect with
/// the next request.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create an app, and the data directory if there is none; the app's key is shown once
    Create {
        /// The SDKAppID, a number from 1
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// The secret key, at least 16 bytes; random by default; @FILE reads it from a file, - from standard input
        #[arg(long, env = "PORTRAITD_KEY", hide_env_values = true, allow_hyphen_values = true, value_parser = secret_argument::key)]
        key: Option<String>,
        /// A display name
        #[arg(long)]
        name: Option<String>,
    },
    /// List the apps
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show an app's settings, with the last four characters of its keys
    Show {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Accept an app's calls again
    Enable {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
    },
    /// Refuse an app's calls with error 60016
    Disable {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
    },
    /// Delete an app with its accounts, keys and everything else of it; it can't be undone
    Delete {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// The SDKAppID again, for scripts; on a terminal it is asked for
        #[arg(long, value_name = "SDKAPPID")]
        confirm: Option<u32>,
    },
    /// Change an app's other settings
    Set(SetArgs),
    /// List, add and revoke keys; several can be active at once
    #[command(subcommand)]
    Key(KeyAction),
    /// Add and remove App admins
    #[command(subcommand)]
    Admin(AdminAction),
    /// Bring apps to the settings of a file, which has the format of `dev --export-on-exit FILE.toml`
    ///
    /// Prints each difference, then makes it, unless the server would refuse one of them: then nothing is
    /// changed. An app that there is not is created, and what the file does not name gets its default;
    /// apps that are not in the file, accounts, and keys that are not in it stay as they are.
    #[command(verbatim_doc_comment)]
    Apply {
        /// The file (.toml)
        file: PathBuf,
        /// Print the differences, and whether the server would accept them; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Show or set the limits in calls a second, for example `portrait_set=500 total=0`; 0 = no limit
    Limits {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// COMMAND=RATE
        #[arg(value_parser = rate_limit)]
        limits: Vec<(String, u32)>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    #[arg(value_parser = sdk_app_id)]
    sdkappid: u32,
    /// A display name
    #[arg(long)]
    name: Option<String>,
    /// Let users set their own profile with their own UserSig
    #[arg(long, value_name = "on|off")]
    self_service: Option<Switch>,
    /// Explain errors in ErrorDisplay
    #[arg(long, value_name = "on|off|default")]
    error_detail: Option<ErrorDetail>,
    /// The limit of `Tag_Profile_IM_Location` in bytes, 1 to 500
    #[arg(long, value_name = "BYTES")]
    location_bytes_max: Option<usize>,
    /// The most custom fields that may be in use
    #[arg(long, value_name = "COUNT")]
    custom_fields_max: Option<usize>,
    /// Accept calls only from this address or network (repeatable; replaces the list)
    #[arg(long, value_name = "CIDR")]
    allow_ip: Vec<String>,
    /// Accept calls from every address
    #[arg(long, conflicts_with = "allow_ip")]
    allow_any_ip: bool,
    /// Screen this field for sensitive words (repeatable; replaces the list)
    #[arg(long, value_name = "TAG")]
    screen: Vec<String>,
    /// The error code for a sensitive word; the cloud's newer pages say 80001
    #[arg(long, value_name = "40005|80001")]
    sensitive_code: Option<u32>,
    /// Name an unknown account in `portrait_get` by its id instead of `@TLS#NOT_FOUND`
    #[arg(long, value_name = "on|off")]
    echo_unknown: Option<Switch>,
    /// Refuse `account_delete` with 71000, as cloud apps can; `account delete` still works
    #[arg(long, value_name = "on|off")]
    deletion_forbidden: Option<Switch>,
    /// Refuse to import a deleted account again for this time (70399); most cloud apps do so for 90d. `import`
    /// and `account create` still work
    #[arg(long, value_name = "90d|12h|off", value_parser = seconds_or_off)]
    reimport_after: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ErrorDetail {
    On,
    Off,
    Default,
}

#[derive(Debug, Subcommand)]
enum AdminAction {
    /// Make a user an App admin
    Add {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        user: String,
    },
    /// Remove a user from the App admins
    Remove {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        user: String,
    },
}

fn rate_limit(text: &str) -> Result<(String, u32), String> {
    let (command, rate) = text.split_once('=').ok_or_else(|| {
        localized!(
            "write COMMAND=RATE, for example portrait_set=500",
            "请写作 命令=频率，例如 portrait_set=500"
        )
    })?;
    let rate = rate
        .parse()
        .map_err(|_| localized!("`{rate}` is not a number of calls a second", "`{rate}` 不是每秒请求数"))?;
    Ok((command.to_owned(), rate))
}

/// Whole seconds; 0 for `off`.
fn seconds_or_off(text: &str) -> Result<u32, String> {
    if text == "off" {
        return Ok(0);
    }
    let whole = rfc3339::span_ms(text).filter(|ms| ms.is_multiple_of(1000)).map(|ms| ms / 1000);
    let seconds = whole.and_then(|seconds| u32::try_from(seconds).ok());
    seconds.ok_or_else(|| {
        localized!(
            "`{text}`: write off, or whole seconds up to 49710d, for example 90d, 12h, 30s",
            "`{text}`：请写 off，或不超过 49710d 的整秒时长，例如 90d、12h、30s"
        )
    })
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let is_create = matches!(args.action, Action::Create { .. });
    let run_on = async |operator: &Operator| execute(operator, args.action).await;
    // The first app may come before the first start of a server.
    if is_create { with_new_store(&args.target, run_on) } else { with_operator(&args.target, run_on) }
}

async fn execute(operator: &Operator, action: Action) -> anyhow::Result<()> {
    match action {
        Action::Create { sdkappid, key, name } => {
            let app: AppView = operator.json(Method::POST, "/apps", &NewApp { sdkappid, name, key }).await?;
            let created = localized!("the key of the new app {sdkappid}", "新应用 {sdkappid} 的密钥");
            say_secret(created, app.key.unwrap_or_default());
        }
        Action::List { json } => show::list(&operator.get::<Vec<AppView>>("/apps").await?, json)?,
        Action::Show { sdkappid, json } => {
            let app = operator.get(&format!("/apps/{sdkappid}")).await?;
            let usage = operator.get(&format!("/apps/{sdkappid}/usage")).await?;
            show::show(&app, Some(&usage), json)?;
        }
        Action::Enable { sdkappid } => enable(operator, sdkappid, true).await?,
        Action::Disable { sdkappid } => enable(operator, sdkappid, false).await?,
        Action::Delete { sdkappid, confirm } => delete::delete(operator, sdkappid, confirm).await?,
        Action::Set(set) => {
            let path = format!("/apps/{}", set.sdkappid);
            show::show(&operator.json(Method::PATCH, &path, &patch(set)).await?, None, false)?;
        }
        Action::Key(action) => key::execute(operator, action).await?,
        Action::Apply { file, dry_run } => apply::apply(operator, &file, dry_run).await?,
        Action::Admin(AdminAction::Add { sdkappid, user }) => {
            operator
                .bytes(Method::PUT, &format!("/apps/{sdkappid}/admins/{}", segment(&user)), Vec::new())
                .await?;
            say(localized!(
                "{user} is an admin of app {sdkappid}",
                "{user} 已是应用 {sdkappid} 的 App 管理员"
            ));
        }
        Action::Admin(AdminAction::Remove { sdkappid, user }) => {
            let path = format!("/apps/{sdkappid}/admins/{}", segment(&user));
            operator.bytes(Method::DELETE, &path, Vec::new()).await?;
            say(localized!(
                "{user} is no longer an admin of app {sdkappid}",
                "{user} 已不是应用 {sdkappid} 的 App 管理员"
            ));
        }
        Action::Limits { sdkappid, limits, json } => {
            let path = format!("/apps/{sdkappid}");
            // Reading is no change, which the audit log would have.
            let app: AppView = if limits.is_empty() {
                operator.get(&path).await?
            } else {
                let limits = Some(limits.into_iter().collect());
                operator.json(Method::PATCH, &path, &AppPatch { limits, ..AppPatch::default() }).await?
            };
            show::show_limits(&app.limits, json)?;
        }
    }
    Ok(())
}

async fn enable(operator: &Operator, sdkappid: u32, enabled: bool) -> anyhow::Result<()> {
    let patch = AppPatch { enabled: Some(enabled), ..AppPatch::default() };
    let _: AppView = operator.json(Method::PATCH, &format!("/apps/{sdkappid}"), &patch).await?;
    say(if enabled {
        localized!("app {sdkappid} is enabled", "应用 {sdkappid} 已启用")
    } else {
        localized!("app {sdkappid} is disabled", "应用 {sdkappid} 已停用")
    });
    Ok(())
}

fn patch(set: SetArgs) -> AppPatch {
    let allow_ips =
        if set.allow_any_ip { Some(Vec::new()) } else { Some(set.allow_ip).filter(|list| !list.is_empty()) };
    AppPatch {
        name: set.name,
        enabled: None,
        self_service: set.self_service.map(Switch::is_on),
        error_detail: set.error_detail.map(|detail| match detail {
            ErrorDetail::On => Some(true),
            ErrorDetail::Off => Some(false),
            ErrorDetail::Default => None,
        }),
        allow_ips,
        location_bytes_max: set.location_bytes_max,
        custom_fields_max: set.custom_fields_max,
        limits: None,
        screened_tags: Some(set.screen).filter(|list| !list.is_empty()),
        sensitive_code: set.sensitive_code,
        echo_unknown: set.echo_unknown.map(Switch::is_on),
        deletion_forbidden: set.deletion_forbidden.map(Switch::is_on),
        reimport_after: set.reimport_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_whole_seconds_or_off() {
        for (text, seconds) in [("off", 0), ("30s", 30), ("12h", 43_200), ("90d", 7_776_000), ("3000ms", 3)] {
            assert_eq!(seconds_or_off(text), Ok(seconds), "{text}");
        }
        for text in ["", "90", "1500ms", "on", "-1d", "50000d", "99999999999999999999d"] {
            assert!(seconds_or_off(text).is_err(), "{text}");
        }
    }
}
