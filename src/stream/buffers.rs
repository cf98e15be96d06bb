//! What streams hold between two calls, whatever moves it to and from the transport.

use alloc::vec::Vec;
use core::ops::Range;

use crate::connection::{Event, Receive, Transmit};
use crate::error::Error;
use crate::record_buffer::RecordBuffer;

/// How much plaintext is sealed before it is given to the transport, in bytes.
const BATCH: usize = 64 << 10;

/// So much memory for output is kept from one flush to the next, in bytes: short answers allocate nothing.
#[cfg(feature = "tokio")]
const KEPT: usize = 4 << 10;

/// What was received.
#[derive(Debug)]
pub(crate) struct Inlet {
    pub(crate) received: RecordBuffer,
    /// Where in `received` data of the peer stands that was not asked for yet.
    data: Range<usize>,
}

/// Bytes for the transport that it did not take yet.
#[derive(Default)]
pub(crate) struct Outlet {
    /// Written over again and again, so that records are sealed straight into their place. What it grows by is zeroed first.
    bytes: Vec<u8>,
    /// What of `bytes` waits.
    filled: Range<usize>,
}

impl Inlet {
    /// With what was received before.
    pub(crate) fn new(received: RecordBuffer) -> Self {
        Inlet { received, data: 0..0 }
    }

    /// What the next step comes to. Data stays here, and must have been taken before the next call.
    pub(crate) fn next_event(&mut self, receiver: &mut impl Receive) -> Result<Event, Error> {
        let event = self.received.next_event(receiver)?;
        if let Event::Data(range) = &event {
            self.data = range.clone();
        }
        Ok(event)
    }

    /// Data of the peer that waits to be taken.
    pub(crate) fn data(&self) -> &[u8] {
        self.received.data(self.data.clone())
    }

    /// So many bytes of the data were taken.
    pub(crate) fn take(&mut self, count: usize) {
        self.data.start += count;
    }

    pub(crate) fn shrink(&mut self) {
        if self.data.is_empty() {
            self.received.shrink();
        }
    }
}

impl Outlet {
    /// Adds what is queued, and a batch of `plaintext`; says how much of that was taken.
    pub(crate) fn seal(&mut self, sender: &mut impl Transmit, plaintext: &[u8]) -> Result<usize, Error> {
        let batch = plaintext.get(..BATCH).unwrap_or(plaintext);
        let needed = self.filled.end.saturating_add(sender.output_len(batch.len()));
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
        let sent = sender.write(batch, self.bytes.get_mut(self.filled.end..).unwrap_or_default())?;
        self.filled.end += sent.produced;
        Ok(sent.taken)
    }

    pub(crate) fn left(&self) -> &[u8] {
        self.bytes.get(self.filled.clone()).unwrap_or_default()
    }

    /// The transport took so many bytes.
    pub(crate) fn wrote(&mut self, count: usize) {
        self.filled.start += count;
        if self.filled.is_empty() {
            self.filled = 0..0;
        }
    }

    /// Gives back memory beyond what short output needs.
    #[cfg(feature = "tokio")]
    pub(crate) fn rest(&mut self) {
        self.shrink_to(KEPT);
    }

    pub(crate) fn shrink(&mut self) {
        self.shrink_to(0);
    }

    fn shrink_to(&mut self, length: usize) {
        self.bytes.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        self.bytes.truncate(length.max(self.filled.end));
        self.bytes.shrink_to(length);
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use super::*;

    #[test]
    fn an_outlet_at_rest_keeps_memory_for_short_output_and_none_when_it_shrinks() {
        let mut outlet = Outlet { bytes: alloc::vec![0; 60_000], filled: 0..60_000 };
        outlet.wrote(60_000);
        outlet.rest();
        assert_eq!(outlet.bytes.capacity(), KEPT);
        outlet.shrink();
        assert_eq!(outlet.bytes.capacity(), 0);
    }
}
