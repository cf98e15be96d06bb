//! The figures, and whether they are within their budgets.

use std::time::Duration;

use super::ends::{Ends, Held};
use super::traffic::Traffic;
use super::{Certificates, Options};

/// What the allocator may take beyond what it is asked for, in bytes for each end: it puts a header before each piece, and rounds
/// it up.
const OVERHEAD: usize = 160;

/// What the process may grow by apart from the ends: threads with their stacks and arenas, buffers, code that is read in.
const APART: usize = 16 << 20;

/// Prints figures, and remembers whether all of them are within their budgets.
pub(crate) struct Report {
    good: bool,
    /// The resident size before there was any connection, in bytes.
    before: Option<usize>,
    /// Clients have them, or the sessions that they made. There is no budget for that: a chain is as long as the peer likes.
    with_certificates: bool,
}

impl Report {
    pub(crate) fn new(options: &Options, before: Option<usize>) -> Self {
        Report { good: true, before, with_certificates: !matches!(options.certificates, Certificates::Shared) }
    }

    pub(crate) fn good(&self) -> bool {
        self.good
    }

    fn check(&mut self, good: bool) -> &'static str {
        self.good &= good;
        if good { "" } else { "  TOO MUCH" }
    }

    pub(crate) fn established(&self, held: &Held, took: Duration) {
        let (full, resumed) = (held.full.pairs, held.resumed.pairs);
        let each = took.as_secs_f64() * 1e6 / f64::from(u32::try_from(held.pairs()).unwrap_or(u32::MAX));
        println!("  {full} full handshakes and {resumed} resumed, {:.1} s, {each:.1} µs each", took.as_secs_f64());
    }

    /// The most bytes of any of a kind.
    pub(crate) fn each<E: Ends>(&mut self, held: &Held) {
        println!("  {:26} {:>8} {:>8} {:>8} {:>8}", "bytes, at most", "struct", "heap", "all", "budget");
        for (kind, most) in [("full handshake", &held.full), ("resumed", &held.resumed)] {
            let ends = [("client", E::CLIENT, &most.client), ("server", E::SERVER, &most.server)];
            for (role, size, end) in ends.into_iter().filter(|_| most.pairs > 0) {
                let (all, budget) = (size + end.heap, E::BUDGET + end.named);
                let mark = if self.with_certificates { "" } else { self.check(all <= budget) };
                println!("  {:26} {size:>8} {:>8} {all:>8} {budget:>8}{mark}", format!("{role}, {kind}"), end.heap);
            }
        }
    }

    pub(crate) fn resident(&mut self, size: Option<usize>, counted: usize, ends: usize) {
        println!("  {:26} {:>8}", "mean of an end, counted", counted / ends.max(1));
        let Some((before, after)) = self.before.zip(size) else {
            println!("  the resident size is not known on this system");
            return;
        };
        let grown = after.saturating_sub(before);
        let allowed = counted + ends * OVERHEAD + APART;
        let mark = self.check(grown <= allowed);
        let (grown, allowed) = ((grown / ends.max(1), grown >> 20), (allowed / ends.max(1), allowed >> 20));
        println!("  {:26} {:>8} {:>26}{mark}", "by the resident size", grown.0, allowed.0);
        println!("  {:26} {:>8} {:>26}", "resident size, MiB", grown.1, allowed.1);
    }

    pub(crate) fn traffic(&mut self, traffic: &Traffic) {
        let Traffic { connections, moved, allocations, bytes } = traffic;
        let mark = self.check(*allocations == 0 && *bytes == 0);
        println!(
            "  {} KiB of data, both ways, over {connections} at random: {allocations} allocations, {bytes:+} bytes{mark}",
            moved >> 10
        );
    }
}
