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
    /// A server name (at most 2^16 - 1 bytes), an application protocol (at most 255 bytes), and a digest for
    /// `tls-server-end-point`; what is empty is not there.
    pub(crate) fn new(server_name: &str, alpn: &[u8], end_point: &[u8]) -> Self {
        let (Ok(name_len), Ok(alpn_len)) = (u16::try_from(server_name.len()), u8::try_from(alpn.len())) else {
            return Names::default();
        };
        let parts = [server_name.as_bytes(), alpn, end_point];
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let (mut small, mut large) = ([0; SMALL], None);
        let bytes = match small.get_mut(..length) {
            Some(small) => small,
            None => large.insert(vec![0; length]).as_mut_slice(),
        };
        let mut place = &mut *bytes;
        for part in parts {
            let Some((to, rest)) = place.split_at_mut_checked(part.len()) else { return Names::default() };
            to.copy_from_slice(part);
            place = rest;
        }
        Names { bytes: (length > 0).then(|| Arc::from(&*bytes)), server_name: name_len, alpn: alpn_len }
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
                    let names = Names::new(name, alpn, end_point);
                    assert_eq!(names.server_name(), Some(name).filter(|name| !name.is_empty()));
                    assert_eq!(names.alpn(), Some(alpn).filter(|alpn| !alpn.is_empty()));
                    assert_eq!(names.end_point(), Some(end_point).filter(|digest| !digest.is_empty()));
                    assert_eq!(names.len(), name.len() + alpn.len() + end_point.len());
                }
            }
        }
    }

    #[test]
    fn what_no_field_can_hold_is_no_name() {
        assert!(Names::new(&"a".repeat(1 << 16), b"h2", b"").bytes.is_none());
        assert!(Names::new("a", &[0; 256], b"").bytes.is_none());
    }
}
