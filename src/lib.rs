//! A pure, sans-I/O TLS 1.2 client and server.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(not(feature = "ring"))]
compile_error!("tls12 needs a crate for its cryptography: enable the feature `ring` (part of the default features)");

mod alert;
mod clock;
mod codec;
pub mod crypto;
mod decision;
mod error;
pub mod identity;
pub mod message;
mod transcript;

pub use alert::{AlertDescription, AlertLevel};
pub use clock::Clock;
#[cfg(feature = "std")]
pub use clock::SystemClock;
pub use codec::Malformed;
pub use decision::Decision;
pub use error::{CertificateError, ConfigError, Error, NotTls, Reason};
