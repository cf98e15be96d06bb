//! What goes out: what is queued, then data.

use alloc::vec::Vec;

use super::{Driver, Phase};
use crate::error::{Error, Reason};
use crate::handshake::Role;
use crate::record::Sent;

impl<R: Role> Driver<R> {
    #[inline]
    pub(in crate::connection) fn write(&mut self, plaintext: &[u8], output: &mut [u8]) -> Result<Sent, Error> {
        if !self.takes_data() {
            let produced = self.outgoing.drain(output);
            return self.without_data(plaintext, produced);
        }
        match self.outgoing.seal(plaintext, output) {
            Ok(Sent { produced: 0, .. }) if !plaintext.is_empty() && !output.is_empty() => {
                Err(self.refuse(Reason::OutputTooSmall { needed: self.outgoing.overhead() + 1 }))
            }
            Ok(sent) => Ok(sent),
            Err(reason) => Err(self.refuse(reason)),
        }
    }

    pub(in crate::connection) fn write_vec(&mut self, plaintext: &[u8], output: &mut Vec<u8>) -> Result<Sent, Error> {
        let data = if self.takes_data() { plaintext } else { &[] };
        let sent = self.outgoing.seal_vec(data, output).map_err(|reason| self.refuse(reason))?;
        if self.takes_data() { Ok(sent) } else { self.without_data(plaintext, sent.produced) }
    }

    pub(super) fn takes_data(&self) -> bool {
        matches!(self.phase, Phase::Established(_)) && !self.close_sent
    }

    /// Only what was queued could go out. Whoever has more to send is told when that is in vain.
    fn without_data(&self, plaintext: &[u8], produced: usize) -> Result<Sent, Error> {
        match &self.phase {
            _ if produced > 0 || plaintext.is_empty() => {}
            Phase::Failed(error) => return Err(error.clone()),
            Phase::Established(_) => return Err(self.refuse(Reason::WriteAfterClose)),
            Phase::Handshake(_) => {}
        }
        Ok(Sent { taken: 0, produced })
    }

    pub(in crate::connection) fn start_small_again(&mut self) {
        self.outgoing.start_small_again();
    }

    pub(in crate::connection) fn max_plaintext_sent(&self) -> usize {
        self.outgoing.max_fragment()
    }

    pub(in crate::connection) fn wants_write(&self) -> bool {
        self.outgoing.pending() > 0
    }

    pub(in crate::connection) fn output_len(&self, plaintext_len: usize) -> usize {
        let sealed = if self.takes_data() { self.outgoing.sealed_len(plaintext_len) } else { 0 };
        self.outgoing.pending().saturating_add(sealed)
    }
}
