//! Seed files: the initial data of an emulator, and the data that it exports on exit. A `.jsonl` file has the accounts of
//! one app, as `portraitd export` writes them; a `.toml` file has apps with their settings and accounts.
//!
//! A file is checked completely before any of its data is used.

pub mod app;
mod document;
mod lines;

use crate::seed::app::SeedApp;
use anyhow::Context;
use portraitd_model::{AppSettings, Bilingual, SdkAppId};
use portraitd_store::Image;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The format of a seed file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SeedFormat {
    /// JSON Lines: the accounts of one app.
    Lines,
    /// TOML: apps with their settings and accounts.
    Document,
}

/// Why a seed can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The name has no extension of a seed.
    #[error(
        "{}: a seed's name ends in .jsonl (accounts of one app, as portraitd export writes them) or .toml (apps with \
         their settings and accounts)",
        path.display()
    )]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// The file can't be read.
    #[error("can't read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// Something in the file is invalid.
    #[error("{}: {}; nothing was loaded", path.display(), reason.english())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, and what is wrong there.
        reason: Bilingual,
    },
}

impl SeedFormat {
    /// Returns the format for a file name's extension.
    pub fn from_path(path: &Path) -> Result<Self, SeedError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl" | "ndjson") => Ok(Self::Lines),
            Some("toml") => Ok(Self::Document),
            _ => Err(SeedError::Extension { path: path.to_owned() }),
        }
    }
}

/// Reads and checks a seed. The accounts of a `.jsonl` file belong to `app`. An error names the line and the reason.
pub fn read(path: &Path, app: &AppSettings) -> Result<Vec<SeedApp>, SeedError> {
    let format = SeedFormat::from_path(path)?;
    let text =
        fs::read_to_string(path).map_err(|source| SeedError::Unreadable { path: path.to_owned(), source })?;
    parse(&text, format, app).map_err(|reason| SeedError::Invalid { path: path.to_owned(), reason })
}

/// Checks the text of a seed, as [`read`] does that of a file.
pub fn parse(text: &str, format: SeedFormat, app: &AppSettings) -> Result<Vec<SeedApp>, Bilingual> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        SeedFormat::Lines => lines::read(text, app)
            .map(|accounts| vec![SeedApp { settings: app.clone(), has_own_keys: true, accounts }]),
        SeedFormat::Document => document::read::read(text),
    }
}

/// Writes a seed: the complete file, or none. It contains keys, so only its owner may read it.
pub fn write(path: &Path, image: &Image, app: SdkAppId) -> anyhow::Result<()> {
    let text = match SeedFormat::from_path(path)? {
        SeedFormat::Lines => lines::write(image, app)?,
        SeedFormat::Document => document::write::write(image)?,
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
