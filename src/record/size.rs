//! How much application data a record gets.

use super::header::MAX_FRAGMENT;

/// A whole record of this many bytes goes into one TCP segment on every path: the smallest MTU of IPv6 (1,280) without the
/// headers of IPv6 (40) and TCP (20) and TCP's time stamps (12).
const SEGMENT: usize = 1208;

/// So many bytes of data go out in small records before they grow.
const SMALL_START: u32 = 64 << 10;

/// The smallest record_size_limit there is, in bytes (RFC 8449 §4).
pub(crate) const MIN_LIMIT: u16 = 64;

/// How much application data goes into a record. What is agreed on with the peer (record_size_limit,
/// max_fragment_length) caps all of them; handshake messages have as few records as that allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordSize {
    /// Up to so many bytes, 64 to 16,384.
    Fixed(u16),
    /// Little at first: a peer can read a record only when all of it has come, so each one is short enough for a single TCP
    /// segment (1,208 bytes with all that TLS adds), and does not wait for many that are late or lost. Once 64 KiB of data
    /// went out, records are full ones of 16,384 bytes, which cost less. There is no clock in here: after a pause, when TCP
    /// starts slowly again, the connection's `start_small_again` starts over.
    Growing,
}

impl Default for RecordSize {
    /// Full records.
    fn default() -> Self {
        RecordSize::Fixed(MAX_FRAGMENT)
    }
}

/// How far a connection has grown.
pub(super) struct Growth {
    /// Most data in a record that is not a small one, in bytes.
    full: u16,
    grows: bool,
    /// Bytes of data until records are full ones. The record that they end in is still a small one.
    small_left: u32,
}

impl Growth {
    pub(super) fn new(size: RecordSize) -> Self {
        let (full, grows) = match size {
            RecordSize::Fixed(full) => (full.clamp(1, MAX_FRAGMENT), false),
            RecordSize::Growing => (MAX_FRAGMENT, true),
        };
        let mut growth = Growth { full, grows, small_left: 0 };
        growth.start_again();
        growth
    }

    pub(super) fn start_again(&mut self) {
        self.small_left = if self.grows { SMALL_START } else { 0 };
    }

    /// Most data in the next record, in bytes, where a record has `overhead` bytes beside it.
    #[inline]
    pub(super) fn next(&self, overhead: usize) -> usize {
        if self.small_left == 0 { self.full.into() } else { small(overhead) }
    }

    /// A record with so much data was made.
    #[inline]
    pub(super) fn sent(&mut self, length: usize) {
        self.small_left = self.small_left.saturating_sub(u32::try_from(length).unwrap_or(u32::MAX));
    }

    /// How many records `length` bytes of data need, where none may have more than `limit`.
    pub(super) fn records(&self, length: usize, limit: usize, overhead: usize) -> usize {
        let (small, full) = (small(overhead).min(limit), usize::from(self.full).min(limit));
        let small_records = usize::try_from(self.small_left).unwrap_or(usize::MAX).div_ceil(small);
        let in_small = length.min(small_records.saturating_mul(small));
        in_small.div_ceil(small) + (length - in_small).div_ceil(full)
    }
}

fn small(overhead: usize) -> usize {
    SEGMENT.saturating_sub(overhead).max(1)
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::super::Outgoing;
    use super::super::tests::{AEADS, established, take_all};
    use super::*;

    fn growing() -> Outgoing {
        established(AEADS[0]).0.with_record_size(RecordSize::Growing)
    }

    /// The sizes of the records that so much data goes out in, each with its header.
    fn sizes(outgoing: &mut Outgoing, length: usize) -> Vec<usize> {
        let (mut wire, mut sizes) = (Vec::new(), Vec::new());
        _ = outgoing.seal_vec(&vec![0; length], &mut wire).unwrap();
        let mut wire = &wire[..];
        while let [_, _, _, high, low, ..] = wire {
            let size = 5 + usize::from(u16::from_be_bytes([*high, *low]));
            sizes.push(size);
            wire = &wire[size..];
        }
        sizes
    }

    #[test]
    fn records_that_grow_fit_into_a_segment_until_64_kib_went_out_and_are_full_ones_then() {
        // Beside the data: header, explicit nonce, tag.
        for (aead, overhead) in AEADS.into_iter().zip([29, 29, 21]) {
            let mut outgoing = established(aead).0.with_record_size(RecordSize::Growing);
            let sizes = sizes(&mut outgoing, 200_000);
            let small = (64usize << 10).div_ceil(1208 - overhead);
            assert!(sizes[..small].iter().all(|size| *size == 1208), "{sizes:?}");
            let (last, full) = sizes[small..].split_last().unwrap();
            assert!(full.iter().all(|size| *size == 16384 + overhead), "{sizes:?}");
            assert!(full.len() == 8 && *last < 16384 + overhead, "{sizes:?}");
        }
    }

    #[test]
    fn small_data_counts_by_its_bytes() {
        let mut outgoing = growing();
        for _ in 0..(64 << 10) / 100 {
            assert_eq!(sizes(&mut outgoing, 100), [129]);
        }
        // 36 bytes are left to 64 KiB.
        assert_eq!(sizes(&mut outgoing, 2000), [1208, 2000 - 1179 + 29]);
        assert_eq!(sizes(&mut outgoing, 2000), [2029]);
    }

    #[test]
    fn a_connection_that_rested_starts_small_again_if_its_records_grow() {
        let mut outgoing = growing();
        sizes(&mut outgoing, 100_000);
        assert_eq!(sizes(&mut outgoing, 16384), [16413]);
        outgoing.start_small_again();
        assert_eq!(sizes(&mut outgoing, 1180), [1208, 30]);

        let (mut outgoing, _) = established(AEADS[0]);
        outgoing.start_small_again();
        assert_eq!(sizes(&mut outgoing, 16384), [16413]);
    }

    #[test]
    fn what_the_peer_takes_caps_every_size() {
        for size in [RecordSize::default(), RecordSize::Fixed(700), RecordSize::Growing] {
            let mut outgoing = established(AEADS[0]).0.with_record_size(size);
            outgoing.limit_fragment(512);
            assert!(sizes(&mut outgoing, 70 * 1024).iter().all(|size| *size == 512 + 29), "{size:?}");
            outgoing.limit_fragment(u16::MAX);
            let expected = if size == RecordSize::Fixed(700) { 700 } else { 16384 };
            assert_eq!(sizes(&mut outgoing, 16384)[0], expected + 29);
        }
    }

    #[test]
    fn records_grow_alike_through_small_outputs() {
        let mut outgoing = growing();
        let (plaintext, mut at) = (vec![7; 80_000], 0);
        let (_, mut incoming) = established(AEADS[0]);
        let mut came = 0;
        while at < plaintext.len() {
            let mut out = [0; 1000];
            let sent = outgoing.seal(&plaintext[at..], &mut out).unwrap();
            assert!(sent.taken > 0);
            at += sent.taken;
            let records = take_all(&mut incoming, out[..sent.produced].to_vec()).unwrap();
            came += records.iter().map(|(_, payload)| payload.len()).sum::<usize>();
        }
        assert_eq!((came, sizes(&mut outgoing, 5000)), (80_000, vec![5029]));
    }
}
