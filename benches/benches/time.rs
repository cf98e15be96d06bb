//! The time of handshakes and records, on one core: each row is measured for all subjects in turn.

use std::sync::Arc;

use tls12_bench::bare::{Authentication, aws_lc, ring};
use tls12_bench::certificates::Issued;
use tls12_bench::harness::{Effort, Rows, measure, prepare};
use tls12_bench::{Backend, Handshake, ours, records, theirs};
use zenbench::BenchGroup;

fn main() {
    prepare(env!("CARGO_TARGET_TMPDIR"));
    let measured = measure(Effort::of_arguments(), |rows| {
        let (ecdsa, rsa) = (Arc::new(Issued::ecdsa()), Arc::new(Issued::rsa()));
        for handshake in Handshake::ALL {
            let issued = if handshake == Handshake::Rsa { &rsa } else { &ecdsa };
            handshakes(rows, handshake, issued);
        }
        for length in [64, 1024, 16384] {
            record(rows, length, &ecdsa);
        }
    });
    for (name, row) in &measured {
        println!("{name}");
        for subject in row.subjects() {
            let backend = subject.split(", ").last().unwrap_or_default();
            println!(
                "  {subject:32} {:10.1} ns  {:6.3} x bare, {:+8.1} ns  {:6.3} x rustls",
                row.median(subject).unwrap_or(f64::NAN),
                row.ratio(subject, &format!("bare, {backend}")).unwrap_or(f64::NAN),
                row.difference(subject, &format!("bare, {backend}")).unwrap_or(f64::NAN),
                row.ratio(subject, &format!("rustls, {backend}")).unwrap_or(f64::NAN),
            );
        }
    }
}

fn handshakes(rows: &mut Rows<'_>, handshake: Handshake, issued: &Issued) {
    rows.row(handshake.name(), 1, |group| {
        for backend in Backend::ALL {
            bare(group, backend, handshake, issued);
            if let Some(configs) = ours::Configs::new(backend, handshake, issued) {
                let mut buffer = vec![0; 20_000];
                configs.prepare(&mut buffer);
                group.bench(format!("tls12, {}", backend.name()), move |bencher| {
                    bencher.iter(|| configs.run(&mut buffer));
                });
            }
            let configs = theirs::Configs::new(backend, handshake, issued);
            let mut buffer = Vec::with_capacity(20_000);
            configs.prepare(&mut buffer);
            group.bench(format!("rustls, {}", backend.name()), move |bencher| {
                bencher.iter(|| configs.run(&mut buffer));
            });
        }
    });
}

fn bare(group: &mut BenchGroup, backend: Backend, handshake: Handshake, issued: &Issued) {
    let authentication = match handshake {
        Handshake::Rsa => Authentication::Rsa(issued),
        Handshake::Mutual => Authentication::Mutual(issued),
        Handshake::Ecdsa | Handshake::Ticket | Handshake::SessionId => Authentication::Ecdsa(issued),
    };
    let lengths = ours::lengths(handshake, issued);
    let name = format!("bare, {}", backend.name());
    let resumed = handshake.is_resumed();
    match backend {
        Backend::Ring => {
            let calls = ring::Calls::new(authentication, lengths);
            group.bench(name, move |bencher| {
                bencher.iter(|| if resumed { calls.resumed() } else { calls.full() });
            });
        }
        Backend::AwsLc => {
            let calls = aws_lc::Calls::new(authentication, lengths);
            group.bench(name, move |bencher| {
                bencher.iter(|| if resumed { calls.resumed() } else { calls.full() });
            });
        }
    }
}

fn record(rows: &mut Rows<'_>, length: usize, issued: &Arc<Issued>) {
    rows.row(&format!("seal {length}"), 1, |group| {
        records::seal(group, "bare, ring", length, move || records::bare_ring(length));
        records::seal(group, "bare, aws-lc-rs", length, move || records::bare_aws_lc(length));
        for backend in Backend::ALL {
            let name = backend.name();
            if ours::backend(backend).is_some() {
                let of = issued.clone();
                records::seal(group, &format!("write, {name}"), length, move || records::ours_write(backend, &of));
                let of = issued.clone();
                records::seal(group, &format!("write_vec, {name}"), length, move || {
                    records::ours_write_vec(backend, &of)
                });
            }
            let of = issued.clone();
            records::seal(group, &format!("rustls, {name}"), length, move || records::theirs(backend, &of));
        }
    });
    rows.row(&format!("open {length}"), records::batch(length), |group| {
        records::open(group, "bare, ring", length, move || records::bare_ring(length));
        records::open(group, "bare, aws-lc-rs", length, move || records::bare_aws_lc(length));
        for backend in Backend::ALL {
            let name = backend.name();
            if ours::backend(backend).is_some() {
                let of = issued.clone();
                records::open(group, &format!("read, {name}"), length, move || records::ours_write(backend, &of));
            }
            let of = issued.clone();
            records::open(group, &format!("rustls, {name}"), length, move || records::theirs(backend, &of));
        }
    });
}
