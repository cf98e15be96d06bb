//! Rounds of zenbench, and what is read out of them.
//!
//! All subjects of a row stand in one group: each round runs each of them once, in a shuffled order. What is compared is
//! compared within a round, and the median of all rounds is what counts: a machine that slows down slows all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use zenbench::platform::CpuPolicy;
use zenbench::{BenchGroup, ComparisonResult, GateConfig, Suite, Summary};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds of each row.
    pub rounds: usize,
    /// What one subject runs in one round.
    pub sample: Duration,
    /// What each subject runs before the first round.
    pub warmup: Duration,
}

impl Effort {
    /// Enough for ratios to within a percent on a quiet machine.
    pub const FULL: Effort =
        Effort { rounds: 101, sample: Duration::from_millis(10), warmup: Duration::from_millis(50) };

    /// Likewise, where threads are started for each sample.
    pub const TWO_CORES: Effort =
        Effort { rounds: 101, sample: Duration::from_millis(20), warmup: Duration::from_millis(100) };

    /// Whether everything runs, and nothing else.
    pub const SMOKE: Effort = Effort { rounds: 2, sample: Duration::from_micros(1), warmup: Duration::ZERO };

    /// A quarter of it.
    #[must_use]
    pub fn less(self) -> Effort {
        Effort { rounds: (self.rounds / 4).max(2), ..self }
    }

    /// `--smoke` of the command line, or the full effort.
    #[must_use]
    pub fn of_arguments() -> Effort {
        if is_smoke() { Effort::SMOKE } else { Effort::FULL }
    }
}

/// Whether the program was called with `--smoke`: it measures next to nothing, and writes no results.
#[must_use]
pub fn is_smoke() -> bool {
    std::env::args().any(|argument| argument == "--smoke")
}

/// Only what has this in its name (`--only TEXT`).
#[must_use]
pub fn only() -> Option<String> {
    std::env::args().skip_while(|argument| argument != "--only").nth(1)
}

/// Goes to the folder for what zenbench keeps of each run (`CARGO_TARGET_TMPDIR`).
pub fn keep_in(folder: &str) {
    std::env::set_current_dir(folder).expect("a folder");
}

/// Binds this thread to the last core that it may run on, and says so.
pub fn pin() {
    let core = core_affinity::get_core_ids().and_then(|cores| cores.last().copied());
    match core {
        Some(core) if core_affinity::set_for_current(core) => println!("on core {}", core.id),
        _ => println!("NOT PINNED to one core: this system does not say which there are; expect more noise"),
    }
}

/// What was measured in one row.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Nanoseconds of one piece of work, in each round, by subject.
    rounds: BTreeMap<String, Vec<f64>>,
}

impl Measured {
    /// The median of a subject, in nanoseconds of one piece of work.
    #[must_use]
    pub fn median(&self, subject: &str) -> Option<f64> {
        Some(Summary::from_slice(self.rounds.get(subject)?).median)
    }

    /// How long `subject` takes as a multiple of `other`: the median of the rounds.
    #[must_use]
    pub fn ratio(&self, subject: &str, other: &str) -> Option<f64> {
        let pairs = self.rounds.get(subject)?.iter().zip(self.rounds.get(other)?);
        Some(Summary::from_slice(&pairs.map(|(one, other)| one / other).collect::<Vec<_>>()).median)
    }

    /// How many nanoseconds more `subject` takes than `other`: the median of the rounds.
    #[must_use]
    pub fn difference(&self, subject: &str, other: &str) -> Option<f64> {
        let pairs = self.rounds.get(subject)?.iter().zip(self.rounds.get(other)?);
        Some(Summary::from_slice(&pairs.map(|(one, other)| one - other).collect::<Vec<_>>()).median)
    }

    /// All subjects.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        self.rounds.keys().map(String::as_str)
    }
}

/// The rows of one run.
pub struct Rows<'a> {
    suite: &'a mut Suite,
    only: Option<String>,
    pieces: BTreeMap<String, usize>,
}

impl Rows<'_> {
    /// A row of this name, unless the command line asks for others. `pieces` are the pieces of work that one iteration of each
    /// subject does.
    pub fn row(&mut self, name: &str, pieces: usize, effort: Effort, subjects: impl FnOnce(&mut BenchGroup)) {
        if self.only.as_ref().is_some_and(|only| !name.contains(only)) {
            return;
        }
        let Effort { rounds, sample, warmup } = effort;
        self.suite.group(name, |group| {
            let sample = u64::try_from(sample.as_nanos()).unwrap_or(u64::MAX);
            let config = group.config();
            config.min_rounds(rounds).max_rounds(rounds).auto_rounds(false).warmup_time(warmup);
            config.max_time(Duration::MAX).max_wall_time(Duration::MAX).sample_target_ns(sample).min_sample_ns(sample);
            config.bootstrap_resamples(1);
            subjects(group);
        });
        self.pieces.insert(name.to_owned(), pieces);
    }
}

/// Measures rows; gives them by their names.
#[must_use]
pub fn measure(rows: impl FnOnce(&mut Rows<'_>)) -> BTreeMap<String, Measured> {
    let mut pieces = BTreeMap::new();
    // What else runs on the machine is for whoever starts the bench to know; the thread is pinned already.
    let result = zenbench::run_gated(GateConfig::disabled(), |suite| {
        suite.cpu_policy(CpuPolicy::Unrestricted);
        let mut all = Rows { suite, only: only(), pieces: BTreeMap::new() };
        rows(&mut all);
        pieces = all.pieces;
    });
    let measured = |comparison: &ComparisonResult| {
        let name = comparison.group_name.clone();
        let rounds = rounds(comparison, pieces[&name]);
        (name, Measured { rounds })
    };
    result.comparisons.iter().map(measured).collect()
}

fn rounds(comparison: &ComparisonResult, pieces: usize) -> BTreeMap<String, Vec<f64>> {
    let of_subject = |index: usize| {
        let samples = comparison.samples.iter();
        samples.map(|round| round.compensated_ns[index] as f64 / (round.iterations * pieces) as f64).collect()
    };
    let names = comparison.benchmarks.iter().map(|benchmark| benchmark.name.clone());
    names.enumerate().map(|(index, name)| (name, of_subject(index))).collect()
}
