//! Many connections, made by all processors.

use std::io::{self, IsTerminal};
use std::num::NonZero;
use std::thread;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tls12::PeerCertificatesPolicy;

use super::ends::{Configs, Ends, Held};
use super::{Options, Problem};

/// All connections.
pub(crate) struct Lists<E> {
    lists: Vec<List<E>>,
    pub(crate) held: Held,
}

/// The connections of one thread. Their configurations are its own: what they hold would else be freed by another one now and then,
/// and be counted wrong.
struct List<E> {
    configs: Configs,
    all: Vec<E>,
    held: Held,
}

impl<E: Ends> Lists<E> {
    pub(crate) fn establish(options: &Options, policy: &PeerCertificatesPolicy) -> Result<Self, Problem> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(options.connections.max(1));
        let part = |thread| options.connections / threads + usize::from(thread < options.connections % threads);
        let bar = progress_bar(options.connections);
        let made: Result<Vec<_>, Problem> = thread::scope(|scope| {
            let work = |thread| {
                let bar = bar.clone();
                scope.spawn(move || list(part(thread), options, policy, &bar))
            };
            let threads: Vec<_> = (0..threads).map(work).collect();
            threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).collect()
        });
        bar.finish_and_clear();
        let mut all = Lists { lists: Vec::new(), held: Held::default() };
        for list in made? {
            all.held.add(&list.held);
            all.lists.push(list);
        }
        Ok(all)
    }

    /// Each of them, with its configurations.
    pub(crate) fn all(&mut self) -> Vec<(&mut E, &Configs)> {
        let mut all = Vec::with_capacity(self.held.pairs());
        for list in &mut self.lists {
            all.extend(list.all.iter_mut().map(|ends| (ends, &list.configs)));
        }
        all
    }

    /// What was asked of the allocator for all of them.
    pub(crate) fn bytes(&self) -> usize {
        self.held.bytes() + self.held.pairs() * size_of::<E>()
    }

    /// Each thread its list.
    pub(crate) fn close(self) {
        thread::scope(|scope| self.lists.into_iter().for_each(|list| _ = scope.spawn(move || drop(list))));
    }
}

fn list<E: Ends>(
    count: usize,
    options: &Options,
    policy: &PeerCertificatesPolicy,
    bar: &ProgressBar,
) -> Result<List<E>, Problem> {
    let configs = Configs::new(options.backend.into(), policy)?;
    // It never grows: a vector that doubles would take up to thrice its size in between.
    let mut all = Vec::with_capacity(count);
    let (mut held, mut wire) = (Held::default(), vec![0; 20_000]);
    for index in 0..count {
        let resumes = index % options.full != 0;
        let (pair, mut bytes) = configs.connect(resumes, &mut wire)?;
        all.push(E::of(pair, &configs, &mut bytes)?);
        held.count(&bytes, resumes);
        if index % 1000 == 999 {
            bar.inc(1000);
        }
    }
    Ok(List { configs, all, held })
}

/// Not drawn where nobody looks.
fn progress_bar(length: usize) -> ProgressBar {
    let target = if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(u64::try_from(length).ok(), target);
    match ProgressStyle::with_template("  {bar:40} {human_pos} of {human_len}, {per_sec}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
