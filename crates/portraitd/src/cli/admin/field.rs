//! `portraitd field`: custom fields.

use super::client::{Operator, Target, segment, with_operator};
use crate::cli::language::chosen::{language, localized};
use crate::cli::output::{print_json, say, say_row};
use crate::cli::sdk_app_id::sdk_app_id;
use clap::Subcommand;
use hyper::Method;
use portraitd_admin::types::{AppView, FieldDefinition};

/// Define and retire an app's custom fields (`Tag_Profile_Custom_…`)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Define a field, change who may read and write it, or restore a retired one
    ///
    /// Its type can change only while no account has a value in it. `app` stands for users, as in the
    /// cloud's console.
    #[command(verbatim_doc_comment)]
    Define {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// 1 to 8 letters: it becomes `Tag_Profile_Custom_KEYWORD`
        keyword: String,
        /// The type of its values
        #[arg(long = "type", value_name = "TYPE", value_parser = ["string", "bytes", "uint64"])]
        value_type: String,
        /// Who may read it
        #[arg(long, value_delimiter = ',', default_value = "app,admin")]
        read: Vec<String>,
        /// Who may write it
        #[arg(long, value_delimiter = ',', default_value = "app,admin")]
        write: Vec<String>,
    },
    /// List the fields
    List {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Retire a field: calls that name it are answered with 40009; its values stay, and `define` restores it
    Remove {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        keyword: String,
    },
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    with_operator(&args.target, async |operator| execute(operator, args.action).await)
}

async fn execute(operator: &Operator, action: Action) -> anyhow::Result<()> {
    match action {
        Action::Define { sdkappid, keyword, value_type, read, write } => {
            let path = format!("/apps/{sdkappid}/fields/{}", segment(&keyword));
            let definition = FieldDefinition { value_type, read, write };
            let _: AppView = operator.json(Method::PUT, &path, &definition).await?;
            say(localized!(
                "Tag_Profile_Custom_{keyword} is defined in app {sdkappid}",
                "已在应用 {sdkappid} 中定义 Tag_Profile_Custom_{keyword}"
            ));
        }
        Action::List { sdkappid, json } => {
            let app: AppView = operator.get(&format!("/apps/{sdkappid}")).await?;
            if json {
                return print_json(&app.fields);
            }
            let pick = |english, chinese| language().pick(english, chinese);
            let titles = [
                ("TAG", 28),
                (pick("TYPE", "类型"), 8),
                (pick("READ", "可读"), 10),
                (pick("WRITE", "可写"), 10),
            ];
            say_row(titles, pick("STATE", "状态"));
            for field in app.fields {
                let tag = format!("Tag_Profile_Custom_{}", field.keyword);
                let (read, write) = (field.read.join(","), field.write.join(","));
                let state =
                    if field.retired { pick("retired", "已停用") } else { pick("in use", "使用中") };
                say_row([(&tag, 28), (&field.value_type, 8), (&read, 10), (&write, 10)], state);
            }
        }
        Action::Remove { sdkappid, keyword } => {
            operator
                .bytes(Method::DELETE, &format!("/apps/{sdkappid}/fields/{}", segment(&keyword)), Vec::new())
                .await?;
            say(localized!(
                "Tag_Profile_Custom_{keyword} is retired in app {sdkappid}; its values stay",
                "应用 {sdkappid} 的 Tag_Profile_Custom_{keyword} 已停用；其值仍保留"
            ));
        }
    }
    Ok(())
}
