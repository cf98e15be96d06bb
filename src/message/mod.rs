//! The structures of RFC 5246 §7.4 and the extensions, one file each.

mod registry;

pub use registry::{
    CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme, is_grease,
};
