//! Counts the bytes that are allocated, so that a target can say what a connection holds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

#[global_allocator]
static HEAP: Counting = Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn add(size: usize) {
    let live = LIVE.fetch_add(size, Relaxed).wrapping_add(size);
    PEAK.fetch_max(live, Relaxed);
}

// SAFETY: everything is done by the system's allocator; only the sizes are counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_sub(layout.size(), Relaxed);
        add(size);
        // SAFETY: as the caller's.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// What one connection holds on the heap.
#[derive(Debug, Default)]
pub struct Held {
    now: usize,
    /// The most that it held, during a call too.
    pub peak: usize,
}

impl Held {
    /// Does some work of the connection, and counts what it allocates and frees.
    pub fn during<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = LIVE.load(Relaxed);
        PEAK.store(before, Relaxed);
        let result = work();
        self.peak = self.peak.max(self.now + (PEAK.load(Relaxed) - before));
        self.now = (self.now + LIVE.load(Relaxed)).saturating_sub(before);
        result
    }
}
