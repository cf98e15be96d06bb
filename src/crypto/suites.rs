//! The cipher suites (RFC 5289, RFC 7905).

use crate::message::{CipherSuite, SignatureScheme};

use super::{AeadAlgorithm, HashAlgorithm};

/// How the server of a cipher suite proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SuiteAuth {
    /// ECDHE_ECDSA: a key for ECDSA or EdDSA (RFC 8422 §2.1).
    Ecdsa,
    /// ECDHE_RSA: a key for RSA signatures (RFC 8422 §2.2).
    Rsa,
}

impl SuiteAuth {
    /// Whether a key for these suites can sign with `scheme`.
    pub(crate) fn signs_with(self, scheme: SignatureScheme) -> bool {
        use SignatureScheme as S;
        match self {
            SuiteAuth::Ecdsa => matches!(
                scheme,
                S::ECDSA_SECP256R1_SHA256 | S::ECDSA_SECP384R1_SHA384 | S::ECDSA_SECP521R1_SHA512 | S::ED25519
            ),
            SuiteAuth::Rsa => matches!(
                scheme,
                S::RSA_PKCS1_SHA256
                    | S::RSA_PKCS1_SHA384
                    | S::RSA_PKCS1_SHA512
                    | S::RSA_PSS_RSAE_SHA256
                    | S::RSA_PSS_RSAE_SHA384
                    | S::RSA_PSS_RSAE_SHA512
            ),
        }
    }
}

/// What a cipher suite stands for.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) id: CipherSuite,
    pub(crate) auth: SuiteAuth,
    pub(crate) aead: AeadAlgorithm,
    /// The hash of the PRF and of the transcript.
    pub(crate) hash: HashAlgorithm,
}

const fn suite(id: CipherSuite, auth: SuiteAuth, aead: AeadAlgorithm, hash: HashAlgorithm) -> Suite {
    Suite { id, auth, aead, hash }
}

/// All suites, in the default order of preference.
#[rustfmt::skip]
pub(crate) static SUITES: [Suite; 6] = [
    suite(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,       SuiteAuth::Ecdsa, AeadAlgorithm::Aes128Gcm,        HashAlgorithm::Sha256),
    suite(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,       SuiteAuth::Ecdsa, AeadAlgorithm::Aes256Gcm,        HashAlgorithm::Sha384),
    suite(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, SuiteAuth::Ecdsa, AeadAlgorithm::ChaCha20Poly1305, HashAlgorithm::Sha256),
    suite(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,         SuiteAuth::Rsa,   AeadAlgorithm::Aes128Gcm,        HashAlgorithm::Sha256),
    suite(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,         SuiteAuth::Rsa,   AeadAlgorithm::Aes256Gcm,        HashAlgorithm::Sha384),
    suite(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,   SuiteAuth::Rsa,   AeadAlgorithm::ChaCha20Poly1305, HashAlgorithm::Sha256),
];

impl Suite {
    /// The suite of that number, if it is one that this library speaks.
    pub(crate) fn find(id: CipherSuite) -> Option<&'static Suite> {
        SUITES.iter().find(|suite| suite.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_suite_is_what_its_registered_name_says() {
        for suite in &SUITES {
            let auth = match suite.auth {
                SuiteAuth::Ecdsa => "ECDSA",
                SuiteAuth::Rsa => "RSA",
            };
            let aead = match suite.aead {
                AeadAlgorithm::Aes128Gcm => "AES_128_GCM",
                AeadAlgorithm::Aes256Gcm => "AES_256_GCM",
                AeadAlgorithm::ChaCha20Poly1305 => "CHACHA20_POLY1305",
            };
            let hash = match suite.hash {
                HashAlgorithm::Sha256 => "SHA256",
                HashAlgorithm::Sha384 => "SHA384",
                HashAlgorithm::Sha512 => "SHA512",
            };
            assert_eq!(suite.id.name(), Some(alloc::format!("TLS_ECDHE_{auth}_WITH_{aead}_{hash}").as_str()));
            assert_eq!(Suite::find(suite.id).map(|found| found.id), Some(suite.id));
        }
    }

    #[test]
    fn suites_that_are_not_spoken_are_not_found() {
        assert!(Suite::find(CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256).is_none());
        assert!(Suite::find(CipherSuite::TLS_FALLBACK_SCSV).is_none());
    }
}
