use crate::error::NotTls;
use crate::message::{ContentType, ProtocolVersion};

/// Size of a record's header, in bytes.
pub(crate) const HEADER_LEN: usize = 5;

/// Most bytes that the plaintext of a record may have (RFC 5246 §6.2.1).
pub(crate) const MAX_FRAGMENT: u16 = 1 << 14;

/// What stands before each record's fragment (RFC 5246 §6.2.1). Every five bytes are a header; which ones are
/// acceptable is [`super::Incoming`]'s business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) content_type: ContentType,
    pub(super) version: ProtocolVersion,
    /// Length of the fragment, in bytes.
    pub(super) length: u16,
}

impl Header {
    #[inline]
    pub(super) fn from_bytes([content_type, major, minor, length @ ..]: [u8; HEADER_LEN]) -> Self {
        Header {
            content_type: ContentType(content_type),
            version: ProtocolVersion(u16::from_be_bytes([major, minor])),
            length: u16::from_be_bytes(length),
        }
    }

    #[inline]
    pub(super) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let [major, minor] = self.version.0.to_be_bytes();
        let [high, low] = self.length.to_be_bytes();
        [self.content_type.0, major, minor, high, low]
    }

    /// Whether the type is one of the four of RFC 5246 §6.2.1.
    pub(super) fn has_known_type(self) -> bool {
        (ContentType::CHANGE_CIPHER_SPEC..=ContentType::APPLICATION_DATA).contains(&self.content_type)
    }

    /// Whether the version is some version of SSL 3.0 or TLS.
    pub(super) fn has_tls_version(self) -> bool {
        let [major, _] = self.version.0.to_be_bytes();
        major == 3
    }
}

/// What the first bytes of a connection are, if they cannot be the header of a record.
pub(super) fn not_tls(bytes: [u8; HEADER_LEN]) -> Option<NotTls> {
    let header = Header::from_bytes(bytes);
    if header.has_tls_version() && (header.has_known_type() || header.content_type == ContentType::HEARTBEAT) {
        return None;
    }
    Some(match &bytes {
        b"CONNE" => NotTls::HttpProxyRequest,
        b"POST " | b"PRI *" | b"HEAD " | b"OPTIO" | b"DELET" | b"PATCH" | b"TRACE" => NotTls::HttpRequest,
        [b'G', b'E', b'T', b' ', _] | [b'P', b'U', b'T', b' ', _] => NotTls::HttpRequest,
        b"HTTP/" => NotTls::HttpResponse,
        [b'2', b'2', b'0', ..] | [b'*', b' ', b'O', b'K', _] | [b'+', b'O', b'K', ..] => NotTls::Greeting,
        // RFC 5246 appendix E.2: a length with the highest bit set, CLIENT-HELLO, and a version.
        [0x80..=0xff, _, 1, 3, _] | [0x80..=0xff, _, 1, 0, 2] => NotTls::Ssl2Hello,
        _ => NotTls::Bytes(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_as_it_was_written() {
        let bytes = [22, 3, 1, 0x12, 0x34];
        let header = Header::from_bytes(bytes);
        let expected =
            Header { content_type: ContentType::HANDSHAKE, version: ProtocolVersion::TLS_1_0, length: 0x1234 };
        assert_eq!(header, expected);
        assert_eq!(header.to_bytes(), bytes);
    }

    #[test]
    fn the_first_bytes_tell_other_protocols_apart() {
        let cases: [(&[u8], Option<NotTls>); 27] = [
            (b"GET / HTTP/1.1", Some(NotTls::HttpRequest)),
            (b"POST /", Some(NotTls::HttpRequest)),
            (b"PUT /x", Some(NotTls::HttpRequest)),
            (b"HEAD /", Some(NotTls::HttpRequest)),
            (b"OPTIONS *", Some(NotTls::HttpRequest)),
            (b"DELETE /", Some(NotTls::HttpRequest)),
            (b"PATCH /", Some(NotTls::HttpRequest)),
            (b"TRACE /", Some(NotTls::HttpRequest)),
            (b"PRI * HTTP/2.0", Some(NotTls::HttpRequest)),
            (b"CONNECT example.org:443", Some(NotTls::HttpProxyRequest)),
            (b"HTTP/1.1 400", Some(NotTls::HttpResponse)),
            (b"220 mail.example.org", Some(NotTls::Greeting)),
            (b"220-mail.example.org", Some(NotTls::Greeting)),
            (b"* OK IMAP", Some(NotTls::Greeting)),
            (b"+OK POP3", Some(NotTls::Greeting)),
            (&[0x80, 0x2e, 1, 3, 1], Some(NotTls::Ssl2Hello)),
            (&[0x80, 0x2e, 1, 0, 2], Some(NotTls::Ssl2Hello)),
            (&[0x80, 0x2e, 4, 0, 2], Some(NotTls::Bytes([0x80, 0x2e, 4, 0, 2]))),
            (b"SSH-2.0", Some(NotTls::Bytes(*b"SSH-2"))),
            (b"GETS /", Some(NotTls::Bytes(*b"GETS "))),
            (&[22, 2, 0, 0, 1], Some(NotTls::Bytes([22, 2, 0, 0, 1]))),
            (&[25, 3, 3, 0, 1], Some(NotTls::Bytes([25, 3, 3, 0, 1]))),
            (&[0, 0, 0, 0, 0], Some(NotTls::Bytes([0; 5]))),
            (&[22, 3, 1, 0, 1], None),
            (&[21, 3, 0, 0, 2], None),
            (&[23, 3, 99, 0, 2], None),
            (&[24, 3, 3, 0, 2], None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(not_tls(*bytes.first_chunk().unwrap()), expected, "{bytes:?}");
        }
    }
}
