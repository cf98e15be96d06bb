//! How messages are written that this library only reads, for tests and fuzzers.

use super::{CertificateVerify, Finished, HelloRequest, NewSessionTicket};
use crate::codec::{Prefix, Writer};

impl NewSessionTicket<'_> {
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.u32(self.lifetime_hint);
        w.vector(Prefix::U16, "ticket", self.ticket);
    }
}

impl Finished<'_> {
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.bytes(self.verify_data);
    }
}

impl CertificateVerify<'_> {
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.u16(self.scheme.0);
        w.vector(Prefix::U16, "signature", self.signature);
    }
}

impl HelloRequest {
    pub(crate) fn write(&self, _: &mut Writer<'_>) {}
}
