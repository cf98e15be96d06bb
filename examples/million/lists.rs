//! Many connections, made by all processors.

use std::io::{self, IsTerminal};
use std::num::NonZero;
use std::thread;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ends::{Configs, Ends, Held};
use super::{Options, Problem};

/// All connections, each thread's by themselves.
pub(crate) struct Lists<E> {
    lists: Vec<Vec<E>>,
    pub(crate) held: Held,
}

impl<E: Ends> Lists<E> {
    pub(crate) fn establish(options: &Options, configs: &Configs) -> Result<Self, Problem> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(options.connections.max(1));
        let part = |thread| options.connections / threads + usize::from(thread < options.connections % threads);
        let bar = progress_bar(options.connections);
        let made: Result<Vec<_>, Problem> = thread::scope(|scope| {
            let work = |thread| {
                let bar = bar.clone();
                scope.spawn(move || list(part(thread), options.full, configs, &bar))
            };
            let threads: Vec<_> = (0..threads).map(work).collect();
            threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).collect()
        });
        bar.finish_and_clear();
        let mut all = Lists { lists: Vec::new(), held: Held::default() };
        for (list, held) in made? {
            all.lists.push(list);
            all.held.add(&held);
        }
        Ok(all)
    }

    pub(crate) fn all(&mut self) -> Vec<&mut E> {
        self.lists.iter_mut().flatten().collect()
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
    full: NonZero<usize>,
    configs: &Configs,
    bar: &ProgressBar,
) -> Result<(Vec<E>, Held), Problem> {
    // It never grows: a vector that doubles would take up to thrice its size in between.
    let mut list = Vec::with_capacity(count);
    let (mut held, mut wire) = (Held::default(), vec![0; 20_000]);
    for index in 0..count {
        let resumes = index % full != 0;
        let (pair, mut bytes) = configs.connect(resumes, &mut wire)?;
        list.push(E::of(pair, configs, &mut bytes)?);
        held.count(&bytes, resumes);
        if index % 1000 == 999 {
            bar.inc(1000);
        }
    }
    Ok((list, held))
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
