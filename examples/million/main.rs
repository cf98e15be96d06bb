//! A million established connections in one process: how much memory each takes, by the allocator's count and by the resident
//! size of the process.
//!
//! ```text
//! cargo run --release --example million -- 1000000
//! ```
//!
//! N clients and N servers are connected in memory, one by a full handshake and the next ones by resuming its session. Then data
//! moves over a random thousand of them, both ways, which must not take or free a byte. All of it happens in two processes, one
//! after the other, since an allocator seldom gives pages back: in the first one the connections stay awake, in the second one
//! they are put to rest as soon as they are there (`export`), and those that are to talk are woken. The exit code is 0 if every
//! figure is within its budget:
//!
//! - awake, each end, struct and heap, without the peer's certificates: 1,600 bytes, on `aws-lc-rs` 144 more, since its keys are larger; and
//!   after a full handshake the names, and on a client the session that it made;
//! - dormant: 256 bytes beside the names (the server's, digests) and where the session is stored;
//! - the resident size: those figures, and what the allocator takes beyond them.
//!
//! The modules:
//!
//! - `ends`: clients and servers, awake and dormant, and how much of the heap each takes.
//! - `lists`: many of them, made by all processors.
//! - `traffic`: data over some of them.
//! - `report`: the figures and their budgets.
//! - `resident`: the size of the process.

mod ends;
mod lists;
mod report;
mod resident;
mod traffic;

use std::env;
use std::error::Error;
use std::num::NonZero;
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::{Parser, ValueEnum};
use tls12::{Backend, PeerCertificatesPolicy};

use ends::{Asleep, Ends, Pair};
use lists::Lists;
use report::Report;

/// Errors that can come out of a thread.
type Problem = Box<dyn Error + Send + Sync>;

/// Establishes connections in memory, and says how much of it each takes.
#[derive(Parser)]
struct Options {
    /// How many connections: so many clients, and so many servers.
    #[arg(default_value_t = 10_000)]
    connections: usize,
    /// The crate for the cryptography.
    #[arg(long, value_enum, default_value_t)]
    backend: Crate,
    /// What becomes of the peer's certificates.
    #[arg(long, value_enum, default_value_t)]
    certificates: Certificates,
    /// Every so manieth handshake is a full one.
    #[arg(long, value_name = "K", default_value = "16")]
    full: NonZero<usize>,
    /// In one form alone, in this process.
    #[arg(long, value_enum)]
    form: Option<Form>,
    /// Over how many connections data moves.
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    talking: usize,
}

/// How connections are held.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Awake,
    Dormant,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Crate {
    #[cfg(feature = "ring")]
    #[default]
    Ring,
    #[cfg(feature = "aws-lc-rs")]
    #[cfg_attr(not(feature = "ring"), default)]
    AwsLcRs,
}

impl From<Crate> for Backend {
    fn from(name: Crate) -> Self {
        match name {
            #[cfg(feature = "ring")]
            Crate::Ring => Backend::Ring,
            #[cfg(feature = "aws-lc-rs")]
            Crate::AwsLcRs => Backend::AwsLc,
        }
    }
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Certificates {
    /// Each client has those of its server.
    Kept,
    /// All clients have them, once.
    #[default]
    Shared,
    /// Only sessions have them.
    Dropped,
}

impl From<Certificates> for PeerCertificatesPolicy {
    fn from(name: Certificates) -> Self {
        match name {
            Certificates::Kept => PeerCertificatesPolicy::Kept,
            Certificates::Shared => PeerCertificatesPolicy::shared(100),
            Certificates::Dropped => PeerCertificatesPolicy::Dropped,
        }
    }
}

fn main() -> Result<ExitCode, Problem> {
    let options = Options::parse();
    let start = now();
    let good = match options.form {
        Some(Form::Awake) => hold::<Pair>(&options)?,
        Some(Form::Dormant) => hold::<Asleep>(&options)?,
        None => {
            println!("{0} clients and {0} servers on {1:?}", options.connections, Backend::from(options.backend));
            let good = [in_a_process_of_its_own(Form::Awake)?, in_a_process_of_its_own(Form::Dormant)?] == [true; 2];
            println!("\nin all {:.1} s", start.elapsed().as_secs_f64());
            good
        }
    };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says whether all figures are within their budgets.
fn in_a_process_of_its_own(form: Form) -> Result<bool, Problem> {
    let form = form.to_possible_value().ok_or("no such form")?;
    println!("\n{}", form.get_name());
    let mut command = Command::new(env::current_exe()?);
    Ok(command.args(env::args_os().skip(1)).args(["--form", form.get_name()]).status()?.success())
}

/// Establishes all connections, holds them in this form, moves data over some of them, and closes them. Says whether all figures
/// are within their budgets.
fn hold<E: Ends>(options: &Options) -> Result<bool, Problem> {
    let mut report = Report::new(options, resident::size());
    let start = now();
    let mut lists = Lists::<E>::establish(options, &options.certificates.into())?;
    report.established(&lists.held, start.elapsed());
    report.each::<E>(&lists.held);
    report.resident(resident::size(), lists.bytes(), 2 * options.connections);
    report.traffic(&traffic::over_some(&mut lists.all(), options.talking, options.backend.into())?);
    lists.close();
    Ok(report.good())
}

/// The library itself asks its configuration's clock; a program may look at its own.
#[allow(clippy::disallowed_methods, reason = "the time that it takes is for people to read")]
fn now() -> Instant {
    Instant::now()
}
