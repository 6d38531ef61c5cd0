//! The ways to isolate a command, in the order in which they are tried.

use std::fmt;

/// A way that works on this machine, for this user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// The system's hosts file has the names at a loopback address already, as `docker run --add-host` puts them there.
    KnownHosts,
    /// A mount namespace.
    Mounts,
    /// A user namespace and a mount namespace in it.
    UserMounts {
        /// Whether the parent maps every id, as root can; else this user's alone is known inside.
        all_ids: bool,
    },
    /// A mount namespace by `sudo`, left for this user again.
    Sudo,
    /// Lines in the system's hosts file, while the command runs.
    EditedHosts,
    /// A network namespace that `pasta` connects with the host's loopback and, unless offline, with its network.
    Pasta {
        /// Whether nothing but the host's loopback can be reached.
        offline: bool,
    },
    /// No isolation: the ports 443 and 80 are forbidden, and proxy variables lead to the emulator.
    Landlock,
}

impl Method {
    /// Returns whether the names are led to an address by lookups, so that programs need no proxy.
    pub const fn leads_names(self) -> bool {
        !matches!(self, Self::Landlock)
    }

    /// Returns whether the command has private files.
    pub(crate) const fn mounts_files(self) -> bool {
        matches!(self, Self::Mounts | Self::UserMounts { .. } | Self::Sudo | Self::Pasta { .. })
    }

    /// Returns whether the parent has a part in the child's namespaces, or is to learn which process the command is: the
    /// one that it starts is `sudo`.
    pub(crate) const fn needs_parent(self) -> bool {
        matches!(self, Self::UserMounts { all_ids: true } | Self::Sudo | Self::Pasta { .. })
    }

    /// Returns whether the low ports are bound in this process's network.
    pub(crate) const fn binds_outside(self) -> bool {
        !matches!(self, Self::Pasta { .. } | Self::Landlock)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KnownHosts => "/etc/hosts as it is",
            Self::Mounts => "mount namespace",
            Self::UserMounts { .. } => "user and mount namespace",
            Self::Sudo => "mount namespace by sudo",
            Self::EditedHosts => "lines in /etc/hosts",
            Self::Pasta { offline: false } => "network namespace by pasta",
            Self::Pasta { offline: true } => "network namespace by pasta, offline",
            Self::Landlock => "Landlock",
        })
    }
}
