//! What an emulator starts with, from a file, and what it leaves behind, in a file of the same form: `.jsonl` holds the
//! accounts of one app, as `portraitd export` writes them; `.toml` holds apps with all that belongs to them.
//!
//! A file is read and checked whole before anything of it is used.

pub mod app;
mod document;
mod lines;
pub(crate) mod position;

use crate::seed::app::SeedApp;
use anyhow::Context;
use portraitd_model::{AppSettings, SdkAppId};
use portraitd_store::Image;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The two forms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// JSON Lines: the accounts of one app.
    Lines,
    /// TOML: apps with all that belongs to them.
    Document,
}

impl Form {
    /// By the name's ending.
    pub fn of(path: &Path) -> anyhow::Result<Self> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("jsonl" | "ndjson") => Ok(Self::Lines),
            Some("toml") => Ok(Self::Document),
            _ => anyhow::bail!(
                "{}: name it .jsonl (accounts of one app, as portraitd export writes them) or .toml (apps with all \
                 that belongs to them)",
                path.display()
            ),
        }
    }
}

/// Reads and checks a file. Lines are accounts of `app`; an error names the line and the reason.
pub fn read(path: &Path, app: &AppSettings) -> anyhow::Result<Vec<SeedApp>> {
    let form = Form::of(path)?;
    let text = fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let read = match form {
        Form::Lines => {
            lines::read(text, app).map(|accounts| vec![SeedApp { settings: app.clone(), accounts }])
        }
        Form::Document => document::read(text),
    };
    read.map_err(|why| anyhow::anyhow!("{}: {why}; nothing was loaded", path.display()))
}

/// Writes what there is to a file: complete, or not at all. It holds keys, so only its owner may read it.
pub fn write(path: &Path, image: &Image, app: SdkAppId) -> anyhow::Result<()> {
    let text = match Form::of(path)? {
        Form::Lines => lines::write(image, app)?,
        Form::Document => document::write(image)?,
    };
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(partial);
    let written = options.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.with_context(|| format!("can't write {}", partial.display()))?;
    fs::rename(partial, path).with_context(|| format!("can't write {}", path.display()))
}
