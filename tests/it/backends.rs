//! Both crates for the cryptography against each other, and what only one of them has.

use std::sync::Arc;

use tls12::{Backend, ClientConfig, ClientConfigBuilder, Identity, ServerConfig, ServerConfigBuilder};

use crate::credentials::{GROUPS, Kind, authority};
use crate::pair::{NAME, NOW, Pair, Stopped};

/// All that are built.
pub(crate) const BACKENDS: &[Backend] = &[
    #[cfg(feature = "ring")]
    Backend::Ring,
    #[cfg(feature = "aws-lc-rs")]
    Backend::AwsLc,
];

pub(crate) fn client(backend: Backend) -> ClientConfigBuilder {
    ClientConfig::builder().backend(backend).roots([authority().root()]).clock(Arc::new(Stopped(NOW)))
}

pub(crate) fn server(backend: Backend, kind: Kind) -> ServerConfigBuilder {
    let key = backend.load_key(&kind.private_key()).unwrap();
    let identity = Identity::new(vec![authority().certify(&[NAME], kind.key())], key).unwrap();
    ServerConfig::builder().backend(backend).identity(identity).clock(Arc::new(Stopped(NOW)))
}

#[track_caller]
fn assert_talking(pair: &mut Pair, what: &str) {
    assert!(pair.client.established() && pair.server.established(), "{what}: {pair:?}");
    pair.client_says(b"from the client");
    pair.server_says(b"from the server");
    assert_eq!(pair.server.data(), b"from the client", "{what}");
    assert_eq!(pair.client.data(), b"from the server", "{what}");
    let (mut ours, mut theirs) = ([0; 40], [0; 40]);
    pair.client.connection.exporter(b"EXPORTER-test", None, &mut ours).unwrap();
    pair.server.connection.exporter(b"EXPORTER-test", None, &mut theirs).unwrap();
    assert_eq!(ours, theirs, "{what}");
}

#[test]
fn each_backend_talks_to_each_over_every_suite_certificate_and_group() {
    for (&of_client, &of_server) in BACKENDS.iter().flat_map(|a| BACKENDS.iter().map(move |b| (a, b))) {
        for kind in Kind::ALL {
            for suite in kind.suites() {
                for group in GROUPS {
                    let server = server(of_server, kind).cipher_suites(&[suite]).group_names(&[group]);
                    let mut pair = Pair::driven(client(of_client), server);
                    let what = format!("{of_client:?} and {of_server:?}, {kind:?}, {suite}, {group}");
                    assert_talking(&mut pair, &what);
                    assert_eq!(pair.client.connection.cipher_suite(), Some(suite), "{what}");
                    assert_eq!(pair.client.connection.key_exchange_group(), Some(group), "{what}");
                    assert_eq!(pair.server.connection.signature_scheme(), Some(kind.scheme()), "{what}");
                }
            }
        }
    }
}

#[cfg(feature = "aws-lc-rs")]
mod p521 {
    use tls12::message::{NamedGroup, SignatureScheme};
    use tls12::pki_types::pem::PemObject;
    use tls12::pki_types::{CertificateDer, PrivateKeyDer};

    use super::*;

    /// A year in which the certificate is valid that OpenSSL made.
    const LATER: u64 = NOW + 5 * 365 * 86_400;

    fn certificate() -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(include_bytes!("../data/p521.pem")).unwrap()
    }

    fn private_key() -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(include_bytes!("../data/p521.key.pem")).unwrap()
    }

    fn client() -> ClientConfigBuilder {
        ClientConfig::builder().backend(Backend::AwsLc).roots([certificate()]).clock(Arc::new(Stopped(LATER)))
    }

    fn server() -> ServerConfigBuilder {
        let key = Backend::AwsLc.load_key(&private_key()).unwrap();
        let identity = Identity::new(vec![certificate()], key).unwrap();
        ServerConfig::builder().backend(Backend::AwsLc).identity(identity).clock(Arc::new(Stopped(LATER)))
    }

    #[test]
    fn keys_are_exchanged_and_certificates_signed_on_p521() {
        let mut pair = Pair::driven(client(), server().group_names(&[NamedGroup::SECP521R1]));
        assert_talking(&mut pair, "P-521");
        assert_eq!(pair.client.connection.key_exchange_group(), Some(NamedGroup::SECP521R1));
        let scheme = Some(SignatureScheme::ECDSA_SECP521R1_SHA512);
        assert_eq!(pair.client.connection.signature_scheme(), scheme);
    }

    /// RFC 8422 §5.1.3: the scheme names the hash, not the curve.
    #[test]
    fn a_key_on_p521_signs_with_the_hash_that_the_client_has() {
        for scheme in [SignatureScheme::ECDSA_SECP256R1_SHA256, SignatureScheme::ECDSA_SECP384R1_SHA384] {
            // The certificate is its own root, so that its own signature with SHA-512 is not looked at.
            let mut pair = Pair::driven(client().signature_schemes(&[scheme]), server());
            assert_talking(&mut pair, "P-521");
            assert_eq!(pair.server.connection.signature_scheme(), Some(scheme));
        }
    }

    #[cfg(feature = "ring")]
    #[test]
    fn ring_says_that_it_has_no_p521() {
        let key = Backend::Ring.load_key(&private_key()).unwrap_err();
        assert!(key.to_string().contains("neither RSA, nor on P-256 or P-384"), "{key}");
        let config = client().backend(Backend::Ring).group_names(&[NamedGroup::SECP521R1]).build().unwrap_err();
        let expected = "configuration field `group_names`: secp521r1 is none of the groups there are";
        assert_eq!(config.to_string(), expected);
        let pair = Pair::driven(client().backend(Backend::Ring), server());
        assert!(!pair.server.established(), "the client offers no P-521, and the server has nothing else: {pair:?}");
    }
}
