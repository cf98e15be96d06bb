//! The structures of RFC 5246 §7.4 and the extensions, one file each.
//!
//! Each structure borrows from the bytes that it is read from, and reading allocates nothing. What was read is known to
//! be encoded as its RFC says; whether it was offered, fits the rest or is wise is for the states to say.

mod certificate;
mod certificate_request;
mod certificate_status;
mod certificate_verify;
mod client_extensions;
mod client_hello;
mod client_key_exchange;
mod extensions;
mod finished;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod hello_request;
mod list;
mod new_session_ticket;
mod registry;
mod server_extensions;
mod server_hello;
mod server_hello_done;
mod server_key_exchange;
#[cfg(test)]
mod tests;
mod trusted_authorities;
#[cfg(any(test, fuzzing))]
mod write;

pub use certificate::Certificate;
pub use certificate_request::CertificateRequest;
pub use certificate_status::CertificateStatus;
pub use certificate_verify::CertificateVerify;
pub use client_extensions::{ClientExtensions, StatusRequest};
pub use client_hello::ClientHello;
pub use client_key_exchange::ClientKeyExchange;
pub use extensions::Extensions;
pub use finished::Finished;
#[doc(hidden)]
#[cfg(any(test, fuzzing))]
pub use fuzz::fuzz_codecs;
pub use hello_request::HelloRequest;
pub use list::{List, OpaqueList};
pub use new_session_ticket::NewSessionTicket;
pub use registry::{
    CertificateType, CipherSuite, ClientCertificateType, ContentType, ExtensionType, HandshakeType, MaxFragmentLength,
    NamedGroup, ProtocolVersion, SignatureScheme, UnknownName, is_grease,
};
pub use server_extensions::ServerExtensions;
pub use server_hello::ServerHello;
pub use server_hello_done::ServerHelloDone;
pub use server_key_exchange::{EcdhParams, ServerKeyExchange};
pub use trusted_authorities::{TrustedAuthorities, TrustedAuthority};

use crate::codec::{Malformed, Prefix, Reader};

/// Bytes before the body of a handshake message: its type and its length (RFC 5246 §7.4).
pub(crate) const HEADER_LEN: usize = 4;

/// CompressionMethod null (RFC 5246 §6.1), the only one that this library speaks.
pub(crate) const NO_COMPRESSION: u8 = 0;

/// ECPointFormat uncompressed (RFC 8422 §5.1.2), the only one that is left.
pub(crate) const UNCOMPRESSED: u8 = 0;

/// `opaque SessionID<0..32>` (RFC 5246 §7.4.1.2).
fn read_session_id<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let session_id = r.vector(Prefix::U8, "session_id")?;
    if session_id.len() <= 32 { Ok(session_id) } else { Err(Malformed::Length("session_id")) }
}
