//! The suite: `cargo test -p interop -- --nocapture`.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use interop::cell::Cell;
use interop::extras::{self, Checked};
use interop::matrix;
use interop::peers::{self, Lab, Peer};
use interop::table::{self, Outcome, Part, Sums};
use tls12::Backend;

/// Peers that are busy at the same time.
const WORKERS: usize = 3;

type Work<'a> = Box<dyn FnOnce() -> Part + Send + 'a>;

#[test]
fn every_peer_talks_to_us_in_both_roles_over_the_whole_product() {
    let start = Instant::now();
    let lab = |backend| {
        Lab::set_up(Path::new(env!("CARGO_TARGET_TMPDIR")), backend).unwrap_or_else(|error| panic!("{error}"))
    };
    let labs = [Backend::Ring, Backend::AwsLc].map(lab);
    let in_lab = |lab| peers::all(lab).into_iter().flat_map(move |peer| split(lab, peer));
    let work: Vec<(usize, Work<'_>)> = labs.iter().flat_map(in_lab).enumerate().collect();
    // The last ones start virtual machines and compilers: they go first.
    let queue = Mutex::new(work);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    let Some((position, work)) = next else { return };
                    let part = work();
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((position, part));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(position, _)| *position);
    let parts: Vec<Part> = done.into_iter().map(|(_, part)| part).collect();

    println!("{}", table::render(&parts));
    for part in &parts {
        println!("{part} {:>6.1} s", part.time.as_secs_f32());
    }
    let sums = Sums::of(&parts);
    println!(
        "\n{} cells passed, {} failed; {} other checks passed, {} failed; {:.1} s",
        sums.passed,
        sums.failed,
        sums.extras_passed,
        sums.extras_failed,
        start.elapsed().as_secs_f32(),
    );
    let failures = table::failures(&parts);
    assert!(failures.is_empty(), "\n{failures}");
    assert!(sums.passed >= 100, "only {} cells", sums.passed);
}

/// A peer's roles, each for itself.
fn split(lab: &Lab, peer: Peer) -> Vec<Work<'_>> {
    let mut work: Vec<Work<'_>> = Vec::new();
    let Peer { name, server, client } = peer;
    if let Some(start) = server {
        let name = name.clone();
        work.push(Box::new(move || part(name, "server", lab, start(lab), matrix::as_client, extras::as_client)));
    }
    if let Some(start) = client {
        work.push(Box::new(move || part(name, "client", lab, start(lab), matrix::as_server, extras::as_server)));
    }
    work
}

fn part<P: ?Sized>(
    peer: String,
    role: &'static str,
    lab: &Lab,
    started: Result<Box<P>, String>,
    run: fn(&mut P, &Lab, &Cell) -> Result<(), String>,
    extras: fn(&mut P, &Lab) -> Vec<Checked>,
) -> Part {
    let start = Instant::now();
    let (cells, extras) = match started {
        Err(error) => (Vec::new(), vec![("start", Err(error))]),
        Ok(mut peer) => {
            let cells = Cell::all().into_iter().map(|cell| {
                let start = Instant::now();
                match run(&mut *peer, lab, &cell) {
                    Ok(()) => (cell, Outcome::Passed(start.elapsed())),
                    Err(error) => (cell, Outcome::Failed(error)),
                }
            });
            (cells.collect(), extras(&mut *peer, lab))
        }
    };
    Part { backend: lab.backend, peer, role, cells, extras, time: start.elapsed() }
}
