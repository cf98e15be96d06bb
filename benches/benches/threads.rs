//! Two threads on two cores: what they share (configuration, store of sessions, keys of tickets, cache of the client) against the
//! same work with one of each for either thread. Nothing is pinned: the system has two cores to give.

use std::sync::{Arc, Mutex};

use tls12_bench::certificates::Issued;
use tls12_bench::harness::{Effort, Measured, Rows, is_smoke, keep_in, measure};
use tls12_bench::ours::Configs;
use tls12_bench::records::{self, Open, Ours, OursWrite, Seal};
use tls12_bench::report::{Bound, publish, setting, table};
use tls12_bench::{Backend, Handshake};
use zenbench::{BenchGroup, Bencher, black_box};

const THREADS: usize = 2;

/// What is shared costs at most this much.
const MOST: f64 = 1.05;

const LENGTHS: [usize; 2] = [64, 16384];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    keep_in(env!("CARGO_TARGET_TMPDIR"));
    let cores = std::thread::available_parallelism()?.get();
    if cores < THREADS {
        println!("ONLY {cores} core: these figures say nothing");
    }
    let effort = if is_smoke() { Effort::SMOKE } else { Effort::TWO_CORES };
    let measured = measure(|rows| {
        let (ecdsa, rsa) = (Arc::new(Issued::ecdsa()), Arc::new(Issued::rsa()));
        for handshake in Handshake::ALL {
            let issued = if handshake == Handshake::Rsa { &rsa } else { &ecdsa };
            handshakes(rows, effort, handshake, issued);
        }
        LENGTHS.into_iter().for_each(|length| records(rows, effort, length, &ecdsa));
    });
    let names =
        Handshake::ALL.map(|handshake| handshake.name().to_owned()).into_iter().chain(LENGTHS.map(row_of_records));
    let mut rows = Vec::new();
    for name in names {
        let Some(row) = measured.get(&name) else { continue };
        Backend::ALL.iter().for_each(|backend| rows.push(line(&name, *backend, row)));
    }
    let head = ["two threads, ns of each", "backend", "separate", "shared", "shared ÷ separate", "at most", ""];
    publish("threads", !is_smoke(), &format!("{}\n{}", setting(), table(&head, &rows)))?;
    Ok(())
}

fn line(name: &str, backend: Backend, row: &Measured) -> Vec<String> {
    let [separate, shared] = ["separate", "shared"].map(|what| format!("{what}, {}", backend.name()));
    let median = |subject: &str| row.median(subject).map_or_else(String::new, |ns| format!("{ns:.0}"));
    let bound = Bound { what: String::new(), figure: row.ratio(&shared, &separate), most: MOST, unit: "" };
    let [_, ratio, most, met] = bound.cells();
    vec![name.to_owned(), backend.name().to_owned(), median(&separate), median(&shared), ratio, most, met]
}

fn row_of_records(length: usize) -> String {
    format!("seal and open {length} B")
}

/// Runs the work of each thread on what is its own.
fn on_threads<T: Send + 'static>(
    group: &mut BenchGroup,
    name: &str,
    backend: Backend,
    states: [T; THREADS],
    work: impl Fn(&mut Bencher, &mut T) + Copy + Send + Sync + 'static,
) {
    // In boxes, so that no line of the cache holds something of both.
    let states = Arc::new(states.map(|state| Box::new(Mutex::new(state))));
    group.bench_parallel(format!("{name}, {}", backend.name()), THREADS, move |bencher, thread| {
        work(bencher, &mut states[thread].lock().expect("one thread's own"));
    });
}

/// Once for all threads, or once for each.
fn each_way(configs: impl Fn() -> Configs) -> [(&'static str, [Configs; THREADS]); 2] {
    let shared = configs();
    [("separate", [configs(), configs()]), ("shared", [shared.clone(), shared])]
}

fn handshakes(rows: &mut Rows<'_>, effort: Effort, handshake: Handshake, issued: &Issued) {
    rows.row(handshake.name(), 1, effort, |group| {
        for backend in Backend::ALL {
            for (name, configs) in each_way(|| Configs::new(backend, handshake, issued)) {
                let states = configs.map(|configs| {
                    let mut buffer = vec![0; 20_000];
                    configs.prepare(&mut buffer);
                    (configs, buffer)
                });
                on_threads(group, name, backend, states, |bencher, (configs, buffer)| {
                    bencher.iter(|| configs.run(buffer));
                });
            }
        }
    });
}

fn records(rows: &mut Rows<'_>, effort: Effort, length: usize, issued: &Issued) {
    rows.row(&row_of_records(length), 1, effort, |group| {
        for backend in Backend::ALL {
            for (name, configs) in each_way(|| Configs::new(backend, Handshake::Ecdsa, issued)) {
                let states = configs.map(|configs| Records::new(configs, length));
                on_threads(group, name, backend, states, Records::run);
            }
        }
    });
}

/// Connections of one thread.
struct Records {
    configs: Configs,
    sealer: OursWrite,
    opener: Ours,
    plaintext: Vec<u8>,
    wire: Vec<u8>,
}

impl Records {
    fn new(configs: Configs, length: usize) -> Records {
        let (sealer, opener) = records::ours_of(&configs);
        Records { configs, sealer, opener, plaintext: vec![7; length], wire: Vec::with_capacity(20_000) }
    }

    fn run(bencher: &mut Bencher, records: &mut Records) {
        // New keys for each sample: they are for a limited number of records.
        let Records { configs, sealer, opener, plaintext, wire } = records;
        (*sealer, *opener) = records::ours_of(configs);
        bencher.iter(|| {
            wire.clear();
            wire.extend_from_slice(sealer.seal(black_box(plaintext)));
            black_box(opener.open(wire, plaintext.len()))
        });
    }
}
