//! What becomes of the peer's certificates.

use super::{Cx, Role, long_names};
use crate::crypto::server_end_point;
use crate::error::Reason;
use crate::identity::PeerCertificatesPolicy;
use crate::session::Names;

impl<R: Role> Cx<'_, R> {
    /// The peer is who it says. Before a session is made, so that it has the same memory.
    pub(super) fn share_peer_certificates(&mut self) {
        if let Some(shown) = &mut self.facts.peer_certificates {
            (*self.hs.config).as_ref().peer_certificates.share(shown);
        }
    }

    /// The end of the handshake: nothing looks at them any more but who asks the connection.
    pub(super) fn drop_peer_certificates(&mut self) -> Result<(), Reason> {
        if !matches!(self.common().peer_certificates, PeerCertificatesPolicy::Dropped) {
            return Ok(());
        }
        let shown = self.facts.peer_certificates.take();
        if R::IS_CLIENT
            && let Some(certificate) = shown.as_ref().and_then(|shown| shown.end_entity())
        {
            // A certificate that only a verifier of the caller's own can read has none.
            let digest = server_end_point(self.common().backend, &certificate).ok().flatten();
            let names = &self.facts.names;
            let end_point = digest.as_ref().map_or(&[][..], AsRef::as_ref);
            self.facts.names = Names::new("", names.alpn().unwrap_or_default(), end_point).ok_or_else(long_names)?;
        }
        Ok(())
    }
}
