//! The time of handshakes and records, on one core: each row is measured for all subjects in turn.

use std::collections::BTreeMap;
use std::sync::Arc;

use tls12_bench::bare::{Authentication, aws_lc, ring};
use tls12_bench::certificates::Issued;
use tls12_bench::harness::{Effort, Measured, Rows, is_smoke, keep_in, measure, pin};
use tls12_bench::report::{Bound, path, publish, setting, table};
use tls12_bench::{Backend, Handshake, ours, plot, records, theirs};
use zenbench::BenchGroup;

/// The lengths that a bound is set for.
const LENGTHS: [usize; 3] = [64, 1024, 16384];

/// All lengths, for the plot.
const ALL_LENGTHS: [usize; 11] = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

/// What seals in tls12.
const SEALING: [&str; 3] = ["seal_in_place", "write", "write_vec"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    keep_in(env!("CARGO_TARGET_TMPDIR"));
    pin();
    let effort = Effort::of_arguments();
    let measured = measure(|rows| {
        let (ecdsa, rsa) = (Arc::new(Issued::ecdsa()), Arc::new(Issued::rsa()));
        for handshake in Handshake::ALL {
            let issued = if handshake == Handshake::Rsa { &rsa } else { &ecdsa };
            handshakes(rows, effort, handshake, issued);
        }
        for length in ALL_LENGTHS {
            // A point of the plot needs less than a bound.
            let effort = if LENGTHS.contains(&length) { effort } else { effort.less() };
            record(rows, effort, length, &ecdsa);
        }
    });
    let results = Results(measured);
    let bounds = results.bounds();
    let met = bounds.iter().filter(|bound| bound.is_met()).count();
    let rows: Vec<_> = bounds.iter().map(|bound| bound.cells().to_vec()).collect();
    let text = format!(
        "{}\n### What must hold\n\n{met} of {} bounds are met.\n\n{}\n### Handshakes\n\n{}\n### Records\n\n{}\n{}",
        setting(),
        bounds.len(),
        table(&["", "measured", "at most", ""], &rows),
        results.handshakes(),
        results.sealing(),
        results.opening(),
    );
    publish("time", !is_smoke(), &text)?;
    if let Some(panels) = results.panels() {
        let folder = if is_smoke() { env!("CARGO_TARGET_TMPDIR").into() } else { path("docs") };
        let legend = ["bare AEAD", "tls12: seal_in_place, read", "tls12: write", "rustls"];
        plot::throughput(&folder.join("throughput.svg"), &legend, &panels)?;
    }
    Ok(())
}

fn on(subject: &str, backend: Backend) -> String {
    format!("{subject}, {}", backend.name())
}

fn handshakes(rows: &mut Rows<'_>, effort: Effort, handshake: Handshake, issued: &Issued) {
    rows.row(handshake.name(), 1, effort, |group| {
        for backend in Backend::ALL {
            bare(group, backend, handshake, issued);
            let configs = ours::Configs::new(backend, handshake, issued);
            let mut buffer = vec![0; 20_000];
            configs.prepare(&mut buffer);
            group.bench(on("tls12", backend), move |bencher| bencher.iter(|| configs.run(&mut buffer)));

            let configs = theirs::Configs::new(backend, handshake, issued);
            let mut buffer = Vec::with_capacity(20_000);
            configs.prepare(&mut buffer);
            group.bench(on("rustls", backend), move |bencher| bencher.iter(|| configs.run(&mut buffer)));

            let configs = theirs::Configs::new(backend, handshake, issued);
            let mut wires = [vec![0; 20_000], vec![0; 20_000]];
            configs.prepare(&mut Vec::new());
            group.bench(on("rustls unbuffered", backend), move |bencher| {
                bencher.iter(|| configs.run_unbuffered(&mut wires));
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
    let resumed = handshake.is_resumed();
    match backend {
        Backend::Ring => {
            let calls = ring::Calls::new(authentication, lengths);
            group.bench(on("bare", backend), move |bencher| {
                bencher.iter(|| if resumed { calls.resumed() } else { calls.full() });
            });
        }
        Backend::AwsLc => {
            let calls = aws_lc::Calls::new(authentication, lengths);
            group.bench(on("bare", backend), move |bencher| {
                bencher.iter(|| if resumed { calls.resumed() } else { calls.full() });
            });
        }
    }
}

fn record(rows: &mut Rows<'_>, effort: Effort, length: usize, issued: &Arc<Issued>) {
    rows.row(&format!("seal {length}"), 1, effort, |group| {
        records::seal(group, &on("bare", Backend::Ring), length, move || records::bare_ring(length));
        records::seal(group, &on("bare", Backend::AwsLc), length, move || records::bare_aws_lc(length));
        for backend in Backend::ALL {
            let of = issued.clone();
            records::seal(group, &on("seal_in_place", backend), length, move || {
                records::ours_in_place(backend, &of, length)
            });
            let of = issued.clone();
            records::seal(group, &on("write", backend), length, move || records::ours_write(backend, &of));
            let of = issued.clone();
            records::seal(group, &on("write_vec", backend), length, move || records::ours_write_vec(backend, &of));
            let of = issued.clone();
            records::seal(group, &on("rustls", backend), length, move || records::theirs(backend, &of));
            let of = issued.clone();
            records::seal(group, &on("rustls unbuffered", backend), length, move || {
                records::theirs_unbuffered(backend, &of)
            });
        }
    });
    rows.row(&format!("open {length}"), records::batch(length), effort, |group| {
        records::open(group, &on("bare", Backend::Ring), length, move || records::bare_ring(length));
        records::open(group, &on("bare", Backend::AwsLc), length, move || records::bare_aws_lc(length));
        for backend in Backend::ALL {
            let of = issued.clone();
            records::open(group, &on("read", backend), length, move || records::ours_write(backend, &of));
            let of = issued.clone();
            records::open(group, &on("rustls", backend), length, move || records::theirs(backend, &of));
            let of = issued.clone();
            records::open(group, &on("rustls unbuffered", backend), length, move || {
                records::theirs_unbuffered(backend, &of)
            });
        }
    });
}

/// All rows, by name.
struct Results(BTreeMap<String, Measured>);

/// One row, on one backend.
struct Row<'a> {
    measured: &'a Measured,
    backend: Backend,
    /// The faster of rustls' two interfaces.
    rustls: String,
}

impl Row<'_> {
    fn median(&self, subject: &str) -> Option<f64> {
        self.measured.median(&on(subject, self.backend))
    }

    /// As a multiple of the bare cryptography.
    fn to_bare(&self, subject: &str) -> Option<f64> {
        self.measured.ratio(&on(subject, self.backend), &on("bare", self.backend))
    }

    /// As a multiple of rustls.
    fn to_rustls(&self, subject: &str) -> Option<f64> {
        self.measured.ratio(&on(subject, self.backend), &self.rustls)
    }

    /// Beside the bare cryptography, in nanoseconds.
    fn above_bare(&self, subject: &str) -> Option<f64> {
        self.measured.difference(&on(subject, self.backend), &on("bare", self.backend))
    }
}

impl Results {
    fn row(&self, name: &str, backend: Backend) -> Option<Row<'_>> {
        let measured = self.0.get(name)?;
        let faster = ["rustls", "rustls unbuffered"].map(|subject| on(subject, backend));
        let rustls = faster.into_iter().min_by(|one, other| {
            let median = |subject: &str| measured.median(subject).unwrap_or(f64::INFINITY);
            median(one).total_cmp(&median(other))
        })?;
        Some(Row { measured, backend, rustls })
    }

    /// What was measured, for each backend.
    fn rows(&self, name: &str) -> Vec<Row<'_>> {
        Backend::ALL.iter().filter_map(|backend| self.row(name, *backend)).collect()
    }

    fn bounds(&self) -> Vec<Bound> {
        let mut bounds = Vec::new();
        let mut bound = |what: String, figure: Option<f64>, most: f64, unit: &'static str| {
            bounds.push(Bound { what, figure, most, unit });
        };
        for handshake in Handshake::ALL {
            for row in self.rows(handshake.name()) {
                let what = format!("{}, {}", handshake.name(), row.backend.name());
                let (bare, rustls) = (row.to_bare("tls12"), row.to_rustls("tls12"));
                if handshake.is_resumed() {
                    // The larger of 0.55 × rustls and 1.25 × bare: whichever is nearer to being kept.
                    let by_rustls = rustls.zip(bare).is_some_and(|(rustls, bare)| rustls / 0.55 < bare / 1.25);
                    if by_rustls {
                        bound(format!("{what}: tls12 ÷ rustls"), rustls, 0.55, "");
                    } else {
                        bound(format!("{what}: tls12 ÷ bare"), bare, 1.25, "");
                    }
                } else {
                    bound(format!("{what}: tls12 ÷ bare"), bare, 1.05, "");
                    if row.backend == Backend::AwsLc {
                        bound(format!("{what}: tls12 ÷ rustls"), rustls, 0.95, "");
                    }
                }
            }
        }
        for row in self.rows("seal 16384") {
            for subject in SEALING {
                let part = if subject != "seal_in_place" && row.backend == Backend::Ring { 0.90 } else { 0.97 };
                let what = format!("16 KiB, {}: {subject} ÷", row.backend.name());
                bound(format!("{what} bare"), row.to_bare(subject), 1.0 / part, "");
                bound(format!("{what} rustls"), row.to_rustls(subject), 1.0, "");
            }
        }
        for row in self.rows("open 16384") {
            let what = format!("16 KiB, {}: read ÷", row.backend.name());
            bound(format!("{what} bare"), row.to_bare("read"), 1.0 / 0.97, "");
            bound(format!("{what} rustls"), row.to_rustls("read"), 1.0, "");
        }
        for (length, most) in [(1024, 45.0), (64, 35.0)] {
            for row in self.rows(&format!("seal {length}")) {
                for subject in SEALING {
                    let what = format!("{length} B, {}: {subject} − bare", row.backend.name());
                    bound(what, row.above_bare(subject), most, "ns");
                }
            }
            for row in self.rows(&format!("open {length}")) {
                let what = format!("{length} B, {}: read − bare", row.backend.name());
                bound(what, row.above_bare("read"), most, "ns");
            }
        }
        bounds
    }

    fn handshakes(&self) -> String {
        let mut rows = Vec::new();
        for handshake in Handshake::ALL {
            for row in self.rows(handshake.name()) {
                let time = |median: Option<f64>| median.map_or_else(String::new, |ns| format!("{:.1}", ns / 1e3));
                let ratio = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.3}"));
                rows.push(vec![
                    handshake.name().to_owned(),
                    row.backend.name().to_owned(),
                    time(row.median("bare")),
                    time(row.median("tls12")),
                    time(row.measured.median(&row.rustls)),
                    ratio(row.to_bare("tls12")),
                    ratio(row.to_rustls("tls12")),
                ]);
            }
        }
        let head = ["µs, client and server", "backend", "bare", "tls12", "rustls", "tls12 ÷ bare", "tls12 ÷ rustls"];
        table(&head, &rows)
    }

    fn sealing(&self) -> String {
        self.records("seal", &SEALING)
    }

    fn opening(&self) -> String {
        self.records("open", &["read"])
    }

    /// One line for each length and backend: ns (MB/s).
    fn records(&self, direction: &str, subjects: &[&str]) -> String {
        let mut rows = Vec::new();
        for length in LENGTHS {
            for row in self.rows(&format!("{direction} {length}")) {
                let cell = |median: Option<f64>| {
                    median.map_or_else(String::new, |ns| format!("{ns:.0} ({:.0})", length as f64 * 1e3 / ns))
                };
                let medians = ["bare"].iter().chain(subjects).map(|subject| row.median(subject));
                let medians = medians.chain([row.measured.median(&row.rustls)]);
                let names = [format!("{direction} {length} B"), row.backend.name().to_owned()];
                rows.push(names.into_iter().chain(medians.map(cell)).collect());
            }
        }
        let head: Vec<&str> =
            ["ns (MB/s)", "backend", "bare"].iter().chain(subjects).chain(&["rustls"]).copied().collect();
        table(&head, &rows)
    }

    /// The plot, if all of it was measured.
    fn panels(&self) -> Option<Vec<plot::Panel>> {
        let mut panels = Vec::new();
        for (direction, subjects) in [
            ("seal", ["bare", "seal_in_place", "write", "rustls"].as_slice()),
            ("open", &["bare", "read", "", "rustls"]),
        ] {
            for backend in Backend::ALL {
                let mut lines = Vec::new();
                for (kind, subject) in subjects.iter().enumerate().filter(|(_, subject)| !subject.is_empty()) {
                    let mut points = Vec::new();
                    for length in ALL_LENGTHS {
                        let row = self.row(&format!("{direction} {length}"), backend)?;
                        let name = if *subject == "rustls" { row.rustls.clone() } else { on(subject, backend) };
                        points.push((length as f64, length as f64 / row.measured.median(&name)?));
                    }
                    lines.push(plot::Line { kind, points });
                }
                panels.push(plot::Panel { title: format!("{direction}, {}, AES-128-GCM", backend.name()), lines });
            }
        }
        Some(panels)
    }
}
