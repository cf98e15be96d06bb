//! Authorities that issue what is asked of them, and certificates that rcgen would not make.

use core::time::Duration;

use pki_types::{CertificateDer, UnixTime};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::{Kind, key};

/// 2025-06-15 15:06:40 UTC
pub(super) const NOW: u64 = 1_750_000_000;

pub(super) const RSA_1024_CERTIFICATE: &[u8] = include_bytes!("../../../tests/data/rsa-1024.pem");
pub(super) const RSA_8200_CERTIFICATE: &[u8] = include_bytes!("../../../tests/data/rsa-8200.pem");
pub(super) const RSA_SHA1_CERTIFICATE: &[u8] = include_bytes!("../../../tests/data/rsa-sha1.pem");

pub(super) fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(NOW))
}

/// A certificate for the authority `name`.
pub(super) fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign].into();
    params
}

/// An authority: its certificate, and what it issues.
pub(super) struct Authority {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn root(name: &str) -> Self {
        let (params, key) = (authority(name), key(Kind::P256));
        let certificate = params.self_signed(&key).unwrap().into();
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    pub(super) fn authority(&self, params: CertificateParams) -> Self {
        let key = key(Kind::P256);
        Authority { certificate: self.issue(&params, &key), issuer: Issuer::new(params, key) }
    }

    pub(super) fn issue(&self, params: &CertificateParams, key: &KeyPair) -> CertificateDer<'static> {
        params.signed_by(key, &self.issuer).unwrap().into()
    }
}
