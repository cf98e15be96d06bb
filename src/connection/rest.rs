//! Connections that are laid to rest.

use alloc::boxed::Box;
use core::fmt;

use super::{ClientConnection, ServerConnection};
use crate::dormant::Dormant;
use crate::error::Error;

/// A connection that cannot be exported. It is as good as before.
pub struct RefusedExport<C>(Box<(C, Error)>);

impl<C> RefusedExport<C> {
    /// The connection.
    #[must_use]
    pub fn into_inner(self) -> C {
        self.0.0
    }

    /// The error: [`Reason::NotDormant`](crate::Reason::NotDormant), or why the connection has failed.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.0.1
    }
}

impl<C> fmt::Debug for RefusedExport<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RefusedExport").field(self.error()).finish()
    }
}

impl<C> fmt::Display for RefusedExport<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.error(), f)
    }
}

impl<C> core::error::Error for RefusedExport<C> {}

macro_rules! export {
    ($connection:ident) => {
        impl $connection {
            /// Lays an established connection to rest: what it needs to go on, in at most 256 bytes beside the names in it and where its
            /// session is stored, without expanded keys. [`Dormant::wake`] gives it back, here or in another process.
            ///
            /// The halves of a connection that was split cannot be exported.
            ///
            /// # Errors
            /// The handshake is not done, the connection has failed, output is queued, or part of a handshake message was received.
            /// Nothing was changed, and the connection comes back.
            pub fn export(self) -> Result<Dormant, RefusedExport<Self>> {
                match self.0.export() {
                    Ok(dormant) => Ok(dormant),
                    Err((driver, error)) => Err(RefusedExport(Box::new(($connection(driver), error)))),
                }
            }
        }
    };
}

export!(ClientConnection);
export!(ServerConnection);
