//! `portraitd openapi`: the descriptions of both APIs, for code generators and other tools.

use crate::cli::output::print_json;
use clap::ValueEnum;
use portraitd_admin::routes;
use portraitd_api::openapi;

/// Print an API's OpenAPI 3.1 document
///
/// A running server has the same at /openapi.json of each listener.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Which API
    #[arg(value_enum)]
    api: Api,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Api {
    /// /v4, as the cloud has it
    Public,
    /// /admin/v1, for operators
    Admin,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    print_json(&match args.api {
        Api::Public => openapi::public::document(),
        Api::Admin => routes::document(),
    })
}
