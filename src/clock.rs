//! Where the time comes from.

use core::fmt::Debug;

use pki_types::UnixTime;

/// Tells the time: for the validity of certificates and the age of sessions.
pub trait Clock: Debug + Send + Sync {
    /// Now, in seconds since 1970-01-01 00:00 UTC.
    fn now(&self) -> UnixTime;
}

/// The operating system's clock.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(feature = "std")]
impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime::now()
    }
}
