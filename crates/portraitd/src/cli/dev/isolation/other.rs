//! Systems other than Linux have no isolation: proxy variables lead to the emulator there.

use super::args::{Args, Isolate};
use super::remedy;
use crate::cli::output::note;
use portraitd_model::Language;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::Command;

/// There is none here.
pub(crate) enum Isolated {}

/// Says that proxy variables are all that there is.
///
/// # Errors
/// When more is required.
pub(crate) fn choose(args: &Args, _: u64, language: Language) -> anyhow::Result<Option<Isolated>> {
    anyhow::ensure!(
        matches!(args.isolate, Isolate::Auto | Isolate::Proxy),
        "{}",
        remedy::not_supported(language)
    );
    if args.isolate == Isolate::Auto {
        note(format_args!("portraitd: {}", remedy::not_supported(language)));
    }
    Ok(None)
}

impl Isolated {
    pub(crate) fn leads_names(&self) -> bool {
        match *self {}
    }

    pub(crate) fn command(&self, _: &[OsString], _: &[(&'static str, String)]) -> anyhow::Result<Command> {
        match *self {}
    }

    pub(crate) fn attach(
        &mut self,
        _: u32,
        _: &mut dyn FnMut() -> anyhow::Result<bool>,
        _: (SocketAddr, SocketAddr),
    ) -> anyhow::Result<u32> {
        match *self {}
    }

    pub(crate) async fn lost(&self, _: u32) {
        match *self {}
    }
}
