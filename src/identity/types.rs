use alloc::vec::Vec;

use crate::error::ConfigError;
use crate::message::CertificateType;

/// Types of certificates that a configuration takes or has, best first, as they stand in a ClientHello (RFC 7250 §3).
#[derive(Debug)]
pub(crate) struct CertificateTypes(Vec<u8>);

impl CertificateTypes {
    /// Only what the states can read.
    pub(crate) fn new(field: &'static str, types: &[CertificateType]) -> Result<Self, ConfigError> {
        let is_spoken = |typ: &CertificateType| [CertificateType::X509, CertificateType::RAW_PUBLIC_KEY].contains(typ);
        if let Some(typ) = types.iter().find(|typ| !is_spoken(typ)) {
            let problem = alloc::format!("certificates of the type {typ} are not spoken");
            return Err(ConfigError::new(field, problem));
        }
        let mut codes = Vec::new();
        for CertificateType(code) in types {
            if !codes.contains(code) {
                codes.push(*code);
            }
        }
        if codes.is_empty() {
            return Err(ConfigError::new(field, "it has no type of certificates"));
        }
        Ok(CertificateTypes(codes))
    }

    /// What there is without RFC 7250.
    pub(crate) fn x509() -> Self {
        CertificateTypes([CertificateType::X509.0].into())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = CertificateType> {
        self.0.iter().copied().map(CertificateType)
    }

    pub(crate) fn contains(&self, typ: CertificateType) -> bool {
        self.0.contains(&typ.0)
    }

    /// What a client says. RFC 7250 §4.1: nothing where it is X.509 alone.
    pub(crate) fn offer(&self) -> Option<&[u8]> {
        Some(self.0.as_slice()).filter(|codes| *codes != [CertificateType::X509.0])
    }
}
