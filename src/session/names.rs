use alloc::sync::Arc;
use alloc::vec;
use core::str;

/// So many bytes are put together without an allocation of their own.
const SMALL: usize = 256;

/// The names that stay with a connection and with its session: in one piece, which both of them share.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Server name, application protocol, and the rest.
    bytes: Option<Arc<[u8]>>,
    /// Bytes of the server name.
    server_name: u16,
    /// Bytes of the application protocol.
    alpn: u8,
}

impl Names {
    /// SHA-512 is the longest.
    pub(crate) const MAX_END_POINT: usize = 64;

    /// A server name (at most 2^16 - 1 bytes), an application protocol (at most 255 bytes), and a digest for
    /// `tls-server-end-point` (at most [`Self::MAX_END_POINT`] bytes); what is empty is not there. `None` if one is longer, as none on
    /// the wire is: a connection without its name would be another one.
    pub(crate) fn new(server_name: &str, alpn: &[u8], end_point: &[u8]) -> Option<Self> {
        let (name_len, alpn_len) = (u16::try_from(server_name.len()).ok()?, u8::try_from(alpn.len()).ok()?);
        if end_point.len() > Self::MAX_END_POINT {
            return None;
        }
        let parts = [server_name.as_bytes(), alpn, end_point];
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let (mut small, mut large) = ([0; SMALL], None);
        let bytes = match small.get_mut(..length) {
            Some(small) => small,
            None => large.insert(vec![0; length]).as_mut_slice(),
        };
        let mut place = &mut *bytes;
        for part in parts {
            let (to, rest) = place.split_at_mut_checked(part.len())?;
            to.copy_from_slice(part);
            place = rest;
        }
        Some(Names { bytes: (length > 0).then(|| Arc::from(&*bytes)), server_name: name_len, alpn: alpn_len })
    }

    /// On a server the name that the client asked for; in a client's session the one that the server was verified by.
    pub(crate) fn server_name(&self) -> Option<&str> {
        let (name, _) = self.bytes().split_at_checked(self.server_name.into())?;
        str::from_utf8(name).ok().filter(|name| !name.is_empty())
    }

    /// The application protocol.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        let behind = self.bytes().get(self.server_name.into()..)?;
        behind.get(..self.alpn.into()).filter(|alpn| !alpn.is_empty())
    }

    /// On a server the digest of its own certificate (RFC 5929 §4).
    pub(crate) fn end_point(&self) -> Option<&[u8]> {
        let behind = usize::from(self.server_name) + usize::from(self.alpn);
        self.bytes().get(behind..).filter(|digest| !digest.is_empty())
    }

    /// Bytes of all of them.
    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_as_it_was_given_and_none_where_it_was_empty() {
        for name in ["", "server.example"] {
            for alpn in [&b""[..], b"h2"] {
                for end_point in [&b""[..], &[7; 32]] {
                    let names = Names::new(name, alpn, end_point).unwrap();
                    assert_eq!(names.server_name(), Some(name).filter(|name| !name.is_empty()));
                    assert_eq!(names.alpn(), Some(alpn).filter(|alpn| !alpn.is_empty()));
                    assert_eq!(names.end_point(), Some(end_point).filter(|digest| !digest.is_empty()));
                    assert_eq!(names.len(), name.len() + alpn.len() + end_point.len());
                }
            }
        }
    }

    #[test]
    fn what_no_field_can_hold_is_refused() {
        let longest = "a".repeat((1 << 16) - 1);
        assert!(Names::new(&longest, &[0; 255], &[0; 64]).is_some());
        assert!(Names::new(&(longest + "a"), b"h2", b"").is_none());
        assert!(Names::new("a", &[0; 256], b"").is_none());
        assert!(Names::new("a", b"h2", &[0; 65]).is_none());
    }
}
