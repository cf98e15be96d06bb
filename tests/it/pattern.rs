//! Much data that costs little to make and to check.

use std::sync::LazyLock;

/// What the tests of two directions at once move in each of them, in bytes: a gibibyte.
pub(crate) const LARGE: u64 = 1 << 30;

/// A prime, so that no two records of a connection begin at the same place of the pattern for long.
const PERIOD: usize = 65_521;

/// How much is offered at once.
const WINDOW: usize = 64 << 10;

static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 1_u32;
    let mut next = || {
        // Numerical Recipes' generator: any bytes that don't repeat will do.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let period: Vec<u8> = (0..PERIOD).map(|_| next()).collect();
    period.iter().copied().cycle().take(PERIOD + WINDOW).collect()
});

/// What is sent: the same bytes again and again, up to a length.
pub(crate) struct Pattern {
    at: u64,
    length: u64,
}

impl Pattern {
    pub(crate) fn new(length: u64) -> Self {
        Pattern { at: 0, length }
    }

    /// The next bytes; empty at the end.
    pub(crate) fn left(&self) -> &'static [u8] {
        let count = (self.length - self.at).min(WINDOW as u64) as usize;
        &window(self.at)[..count]
    }

    pub(crate) fn advance(&mut self, count: usize) {
        self.at += count as u64;
    }
}

/// What comes, held against the pattern.
#[derive(Debug, Default)]
pub(crate) struct Checked(u64);

impl Checked {
    #[track_caller]
    pub(crate) fn check(&mut self, data: &[u8]) {
        for data in data.chunks(WINDOW) {
            assert!(data == &window(self.0)[..data.len()], "wrong bytes behind {}", self.0);
            self.0 += data.len() as u64;
        }
    }

    /// How many bytes came, all of them right.
    pub(crate) fn length(&self) -> u64 {
        self.0
    }
}

fn window(at: u64) -> &'static [u8] {
    &BYTES[(at % PERIOD as u64) as usize..][..WINDOW]
}
