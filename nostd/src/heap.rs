//! The simplest allocator that will do: it hands out an arena from its front, and takes back only what it gave last.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Bytes for the whole life of the program.
const SIZE: usize = 4 << 20;

/// No more than a page.
const MAX_ALIGN: usize = 4096;

#[repr(C, align(4096))]
struct Bump {
    arena: UnsafeCell<[u8; SIZE]>,
    /// Where the free part of the arena begins.
    next: AtomicUsize,
}

// SAFETY: each byte of the arena is handed out to one owner at a time, by an atomic exchange.
unsafe impl Sync for Bump {}

#[global_allocator]
static HEAP: Bump = Bump { arena: UnsafeCell::new([0; SIZE]), next: AtomicUsize::new(0) };

// SAFETY: a block lies inside the arena, aligned relative to its start, which has the largest alignment that is
// handed out; no two overlap, since `next` only moves back over the block that was handed out last.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > MAX_ALIGN {
            return null_mut();
        }
        let place = |next: usize| next.checked_next_multiple_of(layout.align());
        let end = |next: usize| place(next)?.checked_add(layout.size()).filter(|end| *end <= SIZE);
        match self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, end).ok().and_then(place) {
            // SAFETY: `end` made sure that the block ends within the arena.
            Some(start) => unsafe { self.arena.get().cast::<u8>().add(start) },
            None => null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let start = block.addr() - self.arena.get().addr();
        let end = start + layout.size();
        // If it is not the last one, its memory is lost, and there is enough of it.
        let _ = self.next.compare_exchange(end, start, Ordering::Relaxed, Ordering::Relaxed);
    }
}
