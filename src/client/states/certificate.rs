use super::{Cx, WaitKeys, WaitRequestOrDone, key_exchange};
use crate::client::flow::{AfterCertificate, AfterKeysWithoutStatus, AfterStatus, On};
use crate::codec::Malformed;
use crate::error::Reason;
use crate::identity::PeerCertificates;
use crate::message::{Certificate, CertificateStatus, CertificateType, ServerKeyExchange};

/// ServerHello is in.
pub(crate) struct WaitCertificate {
    pub(super) certificate_type: CertificateType,
    pub(super) status_promised: bool,
}

impl On<Certificate<'_>> for WaitCertificate {
    type Next = AfterCertificate;

    fn on(self, cx: &mut Cx<'_>, certificate: Certificate<'_>) -> Result<AfterCertificate, Reason> {
        // RFC 5246 §7.4.2: a server's list has at least its own certificate. RFC 7250 §3: a key is not empty.
        let empty = || Reason::Malformed { message: "Certificate", problem: Malformed::Empty("certificate_list") };
        let shown = PeerCertificates::read(certificate, self.certificate_type)?;
        cx.facts.peer_certificates = Some(shown.ok_or_else(empty)?);
        Ok(if self.status_promised {
            AfterCertificate::WaitStatusOrKeys(WaitStatusOrKeys)
        } else {
            AfterCertificate::WaitKeys(WaitKeys)
        })
    }
}

/// The server said that it may staple an OCSP response; it need not (RFC 6066 §8).
pub(crate) struct WaitStatusOrKeys;

impl On<CertificateStatus<'_>> for WaitStatusOrKeys {
    type Next = AfterStatus;

    fn on(self, cx: &mut Cx<'_>, status: CertificateStatus<'_>) -> Result<AfterStatus, Reason> {
        cx.hs.kept.ocsp_response = Some(status.response.to_vec());
        Ok(AfterStatus::WaitKeys(WaitKeys))
    }
}

impl On<ServerKeyExchange<'_>> for WaitStatusOrKeys {
    type Next = AfterKeysWithoutStatus;

    fn on(self, cx: &mut Cx<'_>, keys: ServerKeyExchange<'_>) -> Result<AfterKeysWithoutStatus, Reason> {
        key_exchange::keep(cx, &keys)?;
        Ok(AfterKeysWithoutStatus::WaitRequestOrDone(WaitRequestOrDone))
    }
}
