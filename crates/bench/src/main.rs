//! `portraitd-bench`: a load generator for portraitd, cheap enough to share two cores with what it measures.
//!
//! One thread and non-blocking sockets; requests are signed with the real algorithm and every answer is checked. Closed loop: each
//! connection sends the next call when it has the answer. Open loop: calls start at fixed times, and latency counts from the time
//! a call was due, so that a stall delays all calls that were due during it.

mod connection;
mod fixed_server;
mod generator;
mod options;
mod random;
mod report;
mod workload;

use anyhow::Context;
use clap::{Parser, Subcommand};
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use workload::{App, Distribution, Workload, WorkloadKind};

/// Measure a running portraitd: calls a second and latencies of portrait_set and portrait_get
///
///   portraitd-bench accounts --users 100000 > accounts.jsonl
///   portraitd import 1400000000 accounts.jsonl --data DIR
///   portraitd-bench run 127.0.0.1:8080 --app 1400000000:KEY --users 100000 --workload set
#[derive(Debug, Parser)]
#[command(name = "portraitd-bench", version, verbatim_doc_comment, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send calls and measure the answers
    Run(Run),
    /// Measure the generator itself, against a thread that answers the same bytes to everything
    Ceiling(Load),
    /// Write accounts user0, user1, … with a profile each, as `portraitd import` reads them
    Accounts {
        /// How many
        #[arg(long, default_value_t = 100_000)]
        users: u64,
        /// About how many bytes of values each profile holds
        #[arg(long, default_value_t = 300)]
        bytes: usize,
    },
}

#[derive(Debug, clap::Args)]
struct Run {
    /// Where the server listens
    address: SocketAddr,
    /// An app with a key of it, SDKAPPID:KEY (repeatable: calls go to all of them in turn)
    #[arg(long = "app", required = true, value_name = "SDKAPPID:KEY")]
    apps: Vec<App>,
    /// The App admin that signs the calls
    #[arg(long, default_value = "administrator")]
    admin: String,
    /// Accounts of each app: user0 to user(N-1)
    #[arg(long, default_value_t = 100_000)]
    users: u64,
    /// How often each user is asked for: `uniform`, or `zipf` (a few very often)
    #[arg(long, default_value = "uniform")]
    distribution: Distribution,
    /// What is called: `set` (one field), `get` (1 account, 3 tags), `get100` (100 accounts, 3 tags), `mix:N` (N % gets, the
    /// rest sets), `fixed` (sets, to a server that answers the same to everything), `webdis-set` and `webdis-get` (a field, and three, of a hash in Redis through webdis)
    #[arg(long, default_value = "set")]
    workload: WorkloadKind,
    /// Connections that make one call and then stay idle
    #[arg(long, default_value_t = 0)]
    idle: usize,
    /// Also answer the server's webhooks, on this port of 127.0.0.1, at once and with ErrorCode 0
    #[arg(long, value_name = "PORT")]
    receiver: Option<u16>,
    #[command(flatten)]
    load: Load,
}

#[derive(Clone, Debug, clap::Args)]
struct Load {
    /// Connections
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Measured seconds
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds before the measured ones
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Open loop: start this many calls a second, without waiting for answers
    #[arg(long)]
    rate: Option<f64>,
    /// Print one line of JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Print latencies of every second, as CSV, to standard error instead of progress
    #[arg(long)]
    timeline: bool,
}

impl Load {
    fn options(&self, receiver: Option<u16>) -> anyhow::Result<options::RunOptions> {
        let seconds = |seconds: f64| {
            Duration::try_from_secs_f64(seconds).context("--seconds and --warm-up must be 0 or more seconds")
        };
        anyhow::ensure!((1..=60_000).contains(&self.connections), "--connections must be from 1 to 60000");
        anyhow::ensure!(self.rate.is_none_or(|rate| rate > 0.0), "--rate must be more than 0");
        Ok(options::RunOptions {
            connections: self.connections,
            measured: seconds(self.seconds)?,
            warm_up: seconds(self.warm_up)?,
            rate: self.rate,
            timeline: self.timeline,
            receiver,
        })
    }
}

fn run(args: &Run) -> anyhow::Result<()> {
    let mut workload =
        Workload::new(args.address, &args.apps, &args.admin, args.users, args.distribution, args.workload)?;
    let idle = generator::open_idle(args.address, args.idle, &mut workload)?;
    let summary = generator::run(args.address, &args.load.options(args.receiver)?, workload)?;
    drop(idle);
    report::print(&summary, args.load.json)
}

fn ceiling(load: &Load) -> anyhow::Result<()> {
    let address = fixed_server::start()?;
    let app = App { id: 1_400_000_000, key: "0".repeat(64) };
    let workload =
        Workload::new(address, &[app], "administrator", 100_000, Distribution::Uniform, WorkloadKind::Fixed)?;
    report::print(&generator::run(address, &load.options(None)?, workload)?, load.json)
}

fn accounts(users: u64, bytes: usize) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    // The other fields have 112 bytes.
    let filler = bytes.saturating_sub(112);
    for user in 0..users {
        write!(
            out,
            r#"{{"UserID":"user{user}","ProfileItem":[{{"Tag":"Tag_Profile_IM_Nick","Value":"Nickname {user:09}"}},{{"Tag":"Tag_Profile_IM_Gender","Value":"Gender_Type_Female"}},{{"Tag":"Tag_Profile_IM_SelfSignature","Value":"{:x<filler$}"}},{{"Tag":"Tag_Profile_IM_Image","Value":"https://images.example.com/avatars/large/{user:09}.png"}}]}}"#,
            "I sign "
        )?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => run(&args),
        Command::Ceiling(load) => ceiling(&load),
        Command::Accounts { users, bytes } => accounts(users, bytes),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
