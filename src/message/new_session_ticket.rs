use crate::codec::{Malformed, Prefix, Reader, Writer};

/// A ticket that resumes this session (RFC 5077 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewSessionTicket<'a> {
    /// For how long the server means to accept the ticket, in seconds; 0 says nothing about it.
    pub lifetime_hint: u32,
    /// The ticket, or empty if there is none after all.
    pub ticket: &'a [u8],
}

impl<'a> NewSessionTicket<'a> {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// What is not encoded as its RFC says.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Reader::all(body, "NewSessionTicket", |r| {
            Ok(NewSessionTicket {
                lifetime_hint: r.u32("ticket_lifetime_hint")?,
                ticket: r.vector(Prefix::U16, "ticket")?,
            })
        })
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.u32(self.lifetime_hint);
        w.vector(Prefix::U16, "ticket", self.ticket);
    }
}
