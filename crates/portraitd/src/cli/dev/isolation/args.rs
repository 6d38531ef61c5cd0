//! The options of isolation.

/// How much isolation a command gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(in crate::cli::dev) enum Isolate {
    /// The best method that works here; refuses when none does
    #[default]
    Auto,
    /// Hosts file and DNS both, or the command is not started
    Require,
    /// Nothing but this machine's loopback can be reached (needs pasta, package passt)
    Offline,
    /// No isolation: proxy variables alone, which many programs ignore
    Proxy,
}

/// Whose hosts file may be edited.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(in crate::cli::dev) enum EditHosts {
    /// Put the names into /etc/hosts while the command runs, on a machine that is no container as well
    Edit,
}

/// The options of isolation.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Isolation")]
#[group(skip)]
pub(in crate::cli::dev) struct Args {
    /// How the cloud's names are led to the emulator, for the command alone
    #[arg(long, value_enum, default_value_t, value_name = "HOW", env = "PORTRAITD_ISOLATE")]
    pub(in crate::cli::dev) isolate: Isolate,
    /// Use `sudo -n` where this user may do too little; CI=true switches it on as well
    #[arg(long)]
    pub(in crate::cli::dev) sudo: bool,
    /// What may be edited where nothing else works
    #[arg(long, value_enum, value_name = "edit")]
    pub(in crate::cli::dev) isolate_hosts: Option<EditHosts>,
    /// Fail with exit code 125 when the command succeeds and no call has reached the emulator
    #[arg(long)]
    pub(in crate::cli::dev) require_calls: bool,
}
