//! How messages are written that this library only reads, for tests and fuzzers.

use super::{Finished, HelloRequest};
use crate::codec::Writer;

impl Finished<'_> {
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.bytes(self.verify_data);
    }
}

impl HelloRequest {
    pub(crate) fn write(&self, _: &mut Writer<'_>) {}
}
