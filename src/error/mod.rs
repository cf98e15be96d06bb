//! What can go wrong, and the alert that each reason sends.

mod certificate;
mod not_tls;
mod ocsp;
mod reason;

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::alert::AlertDescription;

pub use certificate::CertificateError;
pub use not_tls::NotTls;
pub use ocsp::OcspError;
pub use reason::Reason;

/// Why a connection failed or a call was refused, and in which state of the handshake.
///
/// It is cheap to clone: a failed connection stays failed and answers every further call with the same error.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Arc<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    reason: Reason,
    state: &'static str,
}

impl Error {
    pub(crate) fn new(reason: Reason, state: &'static str) -> Self {
        Error(Arc::new(Inner { reason, state }))
    }

    /// What went wrong.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }

    /// The state of the handshake (a name of the flow table, or `Established`) in which it went wrong.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.0.state
    }

    /// The alert that tells the peer, if the reason has one. It was queued, unless we had closed the connection
    /// before, or the last record of the key was spent. A [`Receiver`](crate::Receiver) hands it out instead.
    #[must_use]
    pub fn alert(&self) -> Option<AlertDescription> {
        self.0.reason.alert()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (in state {})", self.0.reason, self.0.state)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("reason", &self.0.reason).field("state", &self.0.state).finish()
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self.reason() {
            Reason::Certificate(error) => Some(error),
            _ => None,
        }
    }
}

/// Bytes of the peer as text, so that no control character of theirs reaches a terminal.
pub(crate) fn escape(bytes: &[u8]) -> String {
    alloc::format!("{}", bytes.escape_ascii())
}

/// A list as a person writes it.
struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, item) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{item}")?;
        }
        Ok(())
    }
}

/// Why a configuration cannot be built; says which field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    field: &'static str,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(field: &'static str, problem: impl Into<String>) -> Self {
        ConfigError { field, problem: problem.into() }
    }

    /// The field of the configuration that is wrong.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "configuration field `{}`: {}", self.field, self.problem)
    }
}

impl core::error::Error for ConfigError {}
