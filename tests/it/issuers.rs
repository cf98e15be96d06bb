//! A `rustls` client that names its authorities, as it does when it also speaks TLS 1.3 (RFC 8446 §4.2.4), and a server with
//! certificates by several.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use crate::credentials::{Kind, authority, identity};
use crate::pair::{Authority, NAME};
use crate::rustls_peer::{all, both_versions, our_server, rustls_client_config, server};

/// The verifier of rustls, which says whom it trusts.
#[derive(Debug)]
struct Outspoken {
    verifier: Arc<WebPkiServerVerifier>,
    names: Vec<DistinguishedName>,
}

impl ServerCertVerifier for Outspoken {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        Some(&self.names)
    }
}

fn outspoken(authority: &Authority) -> rustls::ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.root()).unwrap();
    let names = roots.subjects();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), all()).build().unwrap();
    let mut config = both_versions(all());
    config.dangerous().set_certificate_verifier(Arc::new(Outspoken { verifier, names }));
    config
}

#[test]
fn a_client_that_names_its_authority_is_shown_the_certificate_by_it() {
    let another = Authority::named("another authority", 7);
    let two = || {
        let second = another.identity_with(&[NAME], Kind::P256.key(), &Kind::P256.private_key());
        server(identity(Kind::P256)).identity(second)
    };
    for trusted in [authority(), &another] {
        let mixed = our_server(two(), outspoken(trusted));
        assert!(mixed.ours.established(), "{:?}", mixed.refused);
    }
    let mixed = our_server(two(), rustls_client_config(all(), &another));
    assert!(mixed.refused.is_some(), "one that names none is shown the first");
}
