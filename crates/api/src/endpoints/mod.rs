//! The commands of `/v4`, one file each, with a handler `run` and a description for the OpenAPI document.

mod account_check;
mod account_delete;
mod account_import;
mod kick;
mod multiaccount_import;
pub(crate) mod others;
mod portrait_get;
mod portrait_set;
mod profiles_answer;
mod user_list;

use crate::call_context::CallContext;
use crate::envelope::{Answer, ApiError};
use crate::openapi::operation::Describe;
use portraitd_model::Command;

/// Runs the command of an authenticated call.
pub async fn execute(command: Command, context: CallContext<'_>, body: &[u8]) -> Result<Answer, ApiError> {
    match command {
        Command::PortraitSet => portrait_set::run(context, body).await,
        Command::PortraitGet => portrait_get::run(context, body).await,
        Command::AccountImport => account_import::run(context, body).await,
        Command::MultiaccountImport => multiaccount_import::run(context, body).await,
        Command::AccountCheck => account_check::run(context, body).await,
        Command::AccountDelete => account_delete::run(context, body).await,
        Command::Kick => kick::run(context, body).await,
    }
}

/// Returns the function that describes a command in the OpenAPI document.
pub(crate) fn describe(command: Command) -> Describe {
    match command {
        Command::PortraitSet => portrait_set::describe,
        Command::PortraitGet => portrait_get::describe,
        Command::AccountImport => account_import::describe,
        Command::MultiaccountImport => multiaccount_import::describe,
        Command::AccountCheck => account_check::describe,
        Command::AccountDelete => account_delete::describe,
        Command::Kick => kick::describe,
    }
}
