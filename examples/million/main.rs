//! A million established connections in one process: how much memory each takes, by the allocator's count and by the resident
//! size of the process.
//!
//! ```text
//! cargo run --release --example million -- 1000000
//! ```
//!
//! N clients and N servers are connected in memory, one by a full handshake and the next ones by resuming its session. Then data
//! moves over a random thousand of them, both ways, which must not take or free a byte. All of it happens twice: with connections
//! that are put to rest as soon as they are there (`export`), of which a random thousand are woken for the data, and with
//! connections that stay awake. The exit code is 0 if every figure is within its budget:
//!
//! - awake, each end, struct and heap, without the peer's certificates: 1,600 bytes;
//! - dormant: 256 bytes, and what has a length of its own: the server's name, digests, and where the session is kept;
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

use std::error::Error;
use std::num::NonZero;
use std::process::ExitCode;
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
    /// Over how many connections data moves.
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    talking: usize,
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
    println!("{0} clients and {0} servers on {1:?}", options.connections, Backend::from(options.backend));
    let mut report = Report::new(&options, resident::size());
    let start = now();
    // The small ones first: an allocator seldom gives pages back, and what the others take is theirs then.
    phase::<Asleep>("dormant", &options, &mut report)?;
    phase::<Pair>("awake", &options, &mut report)?;
    println!("\nin all {:.1} s", start.elapsed().as_secs_f64());
    Ok(if report.good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Establishes all connections, holds them in this form, moves data over some of them, and closes them.
fn phase<E: Ends>(form: &str, options: &Options, report: &mut Report) -> Result<(), Problem> {
    println!("\n{form}");
    let start = now();
    let mut lists = Lists::<E>::establish(options, &options.certificates.into())?;
    report.established(&lists.held, start.elapsed());
    report.each::<E>(&lists.held);
    report.resident(resident::size(), lists.bytes(), 2 * options.connections);
    report.traffic(&traffic::over_some(&mut lists.all(), options.talking, options.backend.into())?);
    lists.close();
    Ok(())
}

/// The library itself asks its configuration's clock; a program may look at its own.
#[allow(clippy::disallowed_methods, reason = "the time that it takes is for people to read")]
fn now() -> Instant {
    Instant::now()
}
