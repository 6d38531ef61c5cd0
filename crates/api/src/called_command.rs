//! The command that a path names: portraitd's own, or another of the cloud's that the emulator answers.

use portraitd_model::{Command, OtherCommand, Service};

/// A command that is called.
#[derive(Clone, Copy)]
pub(crate) enum CalledCommand {
    /// One of portraitd's.
    Own(Command),
    /// Another of the cloud's. Only in `dev`.
    Other(&'static OtherCommand),
}

impl CalledCommand {
    pub(crate) fn own(self) -> Option<Command> {
        match self {
            Self::Own(command) => Some(command),
            Self::Other(_) => None,
        }
    }

    pub(crate) fn service(self) -> Option<Service> {
        self.own().map(Command::service)
    }

    /// Its whole path, as the tables have it.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Own(command) => command.row().path,
            Self::Other(command) => command.path(),
        }
    }
}
