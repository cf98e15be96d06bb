//! A million established connections in one process: how much memory each takes, by the allocator's count and by the resident
//! size of the process.
//!
//! ```text
//! cargo run --release --example million -- 1000000
//! ```
//!
//! N clients and N servers are connected in memory, one by a full handshake and the next ones by resuming its session. Then data
//! moves over a random thousand of them, both ways, which must not take or free a byte. The exit code is 0 if every
//! figure is within its budget:
//!
//! - awake, each end, struct and heap, without the peer's certificates: 1,600 bytes;
//! - the resident size: those figures, and what the allocator may waste in addition.
//!
//! - `ends`: clients and servers, and how much of the heap each takes.
//! - `traffic`: data over some of them.
//! - `resident`: the size of the process.

mod ends;
mod resident;
mod traffic;

use std::error::Error;
use std::io::IsTerminal;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tls12::{Backend, ClientConnection, PeerCertificatesPolicy, ServerConnection};

use ends::{Configs, Held, Pair};

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

/// The most bytes of an end that is awake, without the peer's certificates.
const AWAKE: usize = 1600;

/// What the allocator may take beyond what it is asked for, in percent: its header for each piece, and the rounding.
const OVERHEAD: usize = 12;

/// What the process may grow by apart from the ends: threads, their stacks and arenas, buffers, code that is read in.
const APART: usize = 16 << 20;

fn main() -> Result<ExitCode, Problem> {
    let options = Options::parse();
    let configs = Configs::new(options.backend.into(), &options.certificates.into())?;
    let mut report = Report { good: true };

    let before = resident::size();
    let start = now();
    let mut lists = establish(&options, &configs)?;
    let took = start.elapsed();
    let after = resident::size();

    let mut held = Held::default();
    lists.iter().for_each(|list| held.add(&list.held));
    report.connections(&options, &held, lists.len(), took);
    // With the certificates each client has some hundred bytes more, for which there is no budget.
    let budget = (!matches!(options.certificates, Certificates::Kept)).then_some(AWAKE);
    println!("\n  bytes of an end, awake         struct    heap     all");
    report.end("client, full handshake", size_of::<ClientConnection>(), held.full.client, budget);
    report.end("client, resumed", size_of::<ClientConnection>(), held.resumed.client, budget);
    report.end("server, full handshake", size_of::<ServerConnection>(), held.full.server, budget);
    report.end("server, resumed", size_of::<ServerConnection>(), held.resumed.server, budget);
    let counted = held.bytes() + options.connections * size_of::<Pair>();
    report.resident(before.zip(after), counted, 2 * options.connections);

    let mut pairs: Vec<&mut Pair> = lists.iter_mut().flat_map(|list| &mut list.pairs).collect();
    let traffic = traffic::over_some(&mut pairs, options.talking, Backend::from(options.backend))?;
    report.traffic(&traffic);

    let start = now();
    thread::scope(|scope| lists.into_iter().for_each(|list| _ = scope.spawn(move || drop(list))));
    println!("\n  all closed in {:.1} s", start.elapsed().as_secs_f64());
    Ok(if report.good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What one thread has established.
struct List {
    pairs: Vec<Pair>,
    held: Held,
}

/// All connections, each thread its part.
fn establish(options: &Options, configs: &Arc<Configs>) -> Result<Vec<List>, Problem> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(options.connections.max(1));
    let bar = progress_bar(options.connections);
    let part = |thread| options.connections / threads + usize::from(thread < options.connections % threads);
    let lists = thread::scope(|scope| {
        let work = |thread| {
            let (bar, configs, full) = (bar.clone(), Arc::clone(configs), options.full);
            scope.spawn(move || list(part(thread), full, &configs, &bar))
        };
        let threads: Vec<_> = (0..threads).map(work).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).collect()
    });
    bar.finish_and_clear();
    lists
}

fn list(count: usize, full: NonZero<usize>, configs: &Configs, bar: &ProgressBar) -> Result<List, Problem> {
    // It never grows: a vector that doubles would take up to thrice its size in between.
    let mut pairs = Vec::with_capacity(count);
    let (mut held, mut wire) = (Held::default(), vec![0; 20_000]);
    for index in 0..count {
        let (pair, bytes) = configs.connect(index % full != 0, &mut wire)?;
        held.count(&bytes, pair.server.resumed());
        pairs.push(pair);
        if index % 1000 == 999 {
            bar.inc(1000);
        }
    }
    Ok(List { pairs, held })
}

/// Not drawn where nobody looks.
fn progress_bar(length: usize) -> ProgressBar {
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("  {bar:40} {human_pos} of {human_len}, {per_sec}, {eta} left");
    let bar = ProgressBar::with_draw_target(u64::try_from(length).ok(), target);
    style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
}

/// Prints figures, and remembers whether all of them are within their budgets.
struct Report {
    good: bool,
}

impl Report {
    fn check(&mut self, good: bool) -> &'static str {
        self.good &= good;
        if good { "" } else { "   TOO MUCH" }
    }

    fn connections(&self, options: &Options, held: &Held, threads: usize, took: Duration) {
        let Options { connections, backend, .. } = options;
        println!("{connections} clients and {connections} servers on {:?}, {threads} threads", Backend::from(*backend));
        println!("  full handshakes        {:>9}", held.full.pairs);
        println!("  resumed                {:>9}", held.resumed.pairs);
        let rate = held.pairs() as f64 / took.as_secs_f64();
        println!("  established in         {:>9.1} s, {rate:.0} a second", took.as_secs_f64());
    }

    /// `heap` is the most that any of them has.
    fn end(&mut self, what: &str, size: usize, heap: usize, budget: Option<usize>) {
        let mark = self.check(heap == 0 || budget.is_none_or(|budget| size + heap <= budget));
        println!("  {what:<28}  {size:>7} {heap:>7} {:>7}{mark}", size + heap);
    }

    fn resident(&mut self, sizes: Option<(usize, usize)>, counted: usize, ends: usize) {
        let ends = ends.max(1);
        println!("\n  mean of an end, counted      {:>9} bytes", counted / ends);
        let Some((before, after)) = sizes else {
            println!("  the resident size is not known on this system");
            return;
        };
        let grown = after.saturating_sub(before);
        let allowed = counted + counted / 100 * OVERHEAD + APART;
        let mark = self.check(grown <= allowed);
        println!("  by the resident size         {:>9} bytes{mark}", grown / ends);
        println!("  resident size                {:>9} MiB, at most {} allowed", grown >> 20, allowed >> 20);
    }

    fn traffic(&mut self, traffic: &traffic::Traffic) {
        let mark = self.check(traffic.allocations == 0 && traffic.bytes == 0);
        println!(
            "\n  data over {} of them, {} KiB both ways: {} allocations, {} bytes more than before{mark}",
            traffic.connections,
            traffic.moved >> 10,
            traffic.allocations,
            traffic.bytes
        );
    }
}

/// The library itself asks its configuration's clock; a program may look at its own.
#[allow(clippy::disallowed_methods, reason = "the time that it takes is for people to read")]
fn now() -> Instant {
    Instant::now()
}
