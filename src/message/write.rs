//! How messages are written that this library only reads, for tests and fuzzers.

use super::client_extensions::OCSP;
use super::{CertificateRequest, CertificateStatus, CertificateVerify, Finished, HelloRequest, NewSessionTicket};
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

impl CertificateStatus<'_> {
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.u8(OCSP);
        w.vector(Prefix::U24, "response", self.response);
    }
}

impl CertificateRequest<'_> {
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.vector(Prefix::U8, "certificate_types", self.certificate_types);
        self.schemes.write(w, Prefix::U16, "supported_signature_algorithms");
        self.authorities.write(w, Prefix::U16, "certificate_authorities");
    }
}

impl HelloRequest {
    pub(crate) fn write(&self, _: &mut Writer<'_>) {}
}
