//! The sending side of a connection: first what is queued, then data. A whole connection has one, and so has a
//! [`Sender`](super::Sender).

use alloc::vec::Vec;
use core::ops::Range;

use super::receiving::ESTABLISHED;
use crate::alert::AlertDescription;
use crate::error::{Error, Reason};
use crate::record::{Outgoing, Sent};

pub(super) struct Sending {
    pub(super) outgoing: Outgoing,
}

/// How far the connection is.
#[derive(Clone, Copy)]
pub(super) enum Stage<'a> {
    Handshake,
    Established,
    Failed(&'a Error),
}

impl Sending {
    pub(super) fn new(outgoing: Outgoing) -> Self {
        Sending { outgoing }
    }

    pub(super) fn write(&mut self, stage: Stage<'_>, plaintext: &[u8], output: &mut [u8]) -> Result<Sent, Error> {
        if !self.takes_data(stage) {
            let produced = self.outgoing.drain(output);
            return self.without_data(stage, plaintext, produced);
        }
        match self.outgoing.seal(plaintext, output) {
            Ok(Sent { produced: 0, .. }) if !plaintext.is_empty() && !output.is_empty() => {
                Err(refused(Reason::OutputTooSmall { needed: self.outgoing.overhead() + 1 }))
            }
            Ok(sent) => Ok(sent),
            Err(reason) => Err(refused(reason)),
        }
    }

    pub(super) fn write_vec(
        &mut self,
        stage: Stage<'_>,
        plaintext: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Sent, Error> {
        let data = if self.takes_data(stage) { plaintext } else { &[] };
        let sent = self.outgoing.seal_vec(data, output).map_err(refused)?;
        if self.takes_data(stage) { Ok(sent) } else { self.without_data(stage, plaintext, sent.produced) }
    }

    /// Once the handshake is done; `failed` says how the connection has failed since, if it did.
    pub(super) fn seal_in_place(
        &mut self,
        failed: Option<&Error>,
        buffer: &mut [u8],
        plaintext: Range<usize>,
    ) -> Result<Range<usize>, Error> {
        match failed {
            Some(error) => Err(error.clone()),
            None if self.outgoing.is_closed => Err(refused(Reason::WriteAfterClose)),
            None => self.outgoing.seal_in_place(buffer, plaintext).map_err(refused),
        }
    }

    #[inline]
    fn takes_data(&self, stage: Stage<'_>) -> bool {
        matches!(stage, Stage::Established) && !self.outgoing.is_closed
    }

    /// Only what was queued could go out. Whoever has more to send is told when that is in vain.
    #[cold]
    fn without_data(&self, stage: Stage<'_>, plaintext: &[u8], produced: usize) -> Result<Sent, Error> {
        match stage {
            _ if produced > 0 || plaintext.is_empty() => {}
            Stage::Failed(error) => return Err(error.clone()),
            Stage::Established => return Err(refused(Reason::WriteAfterClose)),
            Stage::Handshake => {}
        }
        Ok(Sent { taken: 0, produced })
    }

    pub(super) fn wants_write(&self) -> bool {
        self.outgoing.pending() > 0
    }

    pub(super) fn output_len(&self, stage: Stage<'_>, plaintext_len: usize) -> usize {
        let sealed = if self.takes_data(stage) { self.outgoing.sealed_len(plaintext_len) } else { 0 };
        self.outgoing.pending().saturating_add(sealed)
    }

    pub(super) fn records_left(&self, stage: Stage<'_>) -> u64 {
        if self.takes_data(stage) { self.outgoing.records_left() } else { 0 }
    }

    /// Whether a request to renegotiate is answered: one answer at a time is enough, and the queue stays small.
    pub(super) fn may_warn(&self) -> bool {
        !self.outgoing.is_closed && !self.wants_write()
    }

    /// Queues close_notify. Nothing follows it.
    pub(super) fn close(&mut self) {
        self.outgoing.discard_flight();
        self.outgoing.alert(AlertDescription::CLOSE_NOTIFY);
        self.outgoing.is_closed = true;
    }
}

/// An error of the caller's, which changes nothing.
#[cold]
fn refused(reason: Reason) -> Error {
    Error::new(reason, ESTABLISHED)
}
