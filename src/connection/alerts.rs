//! What an alert of the peer's says (RFC 5246 §7.2).

use crate::alert::AlertDescription;
use crate::codec::Malformed;
use crate::error::Reason;

/// The content of an alert record.
#[derive(Clone, Copy)]
pub(super) struct Alert {
    level: u8,
    pub(super) description: AlertDescription,
}

/// What an alert that ends no connection by itself means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    CloseNotify,
    /// To be counted, and else ignored.
    Warning,
}

impl Alert {
    pub(super) fn read(payload: &[u8]) -> Result<Self, Reason> {
        let malformed = |problem| Reason::Malformed { message: "alert", problem };
        match *payload {
            [level, description] => Ok(Alert { level, description: AlertDescription(description) }),
            [] | [_] => Err(malformed(Malformed::Truncated("alert"))),
            _ => Err(malformed(Malformed::Trailing("alert"))),
        }
    }

    pub(super) fn meaning(self) -> Result<Meaning, Reason> {
        match self.level {
            1 | 2 if self.description == AlertDescription::CLOSE_NOTIFY => Ok(Meaning::CloseNotify),
            1 => Ok(Meaning::Warning),
            2 => Err(Reason::PeerAlert(self.description)),
            level => Err(Reason::AlertLevel(level)),
        }
    }
}
