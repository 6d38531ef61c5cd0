//! Stands in for the product's file of this name: how its errors are made. The models open no directory.

use std::io;
use std::path::Path;

/// Why a store can't be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    Io(io::Error),
    Engine(rusqlite::Error),
}

impl OpenError {
    pub(crate) fn io(_: &Path) -> impl Fn(io::Error) -> Self {
        Self::Io
    }

    pub(crate) fn engine(_: &Path) -> impl Fn(rusqlite::Error) -> Self {
        Self::Engine
    }
}
