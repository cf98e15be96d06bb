//! Roots, and the leaves that they issued.

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use x509_parser::parse_x509_certificate;

/// The name of all servers.
pub const NAME: &str = "server.example";

/// ring makes no RSA keys.
const RSA_KEY: &str = include_str!("../../tests/data/rsa-2048.key.pem");

/// A root and one leaf of it.
#[derive(Debug)]
pub struct Issued {
    /// The root.
    pub root: CertificateDer<'static>,
    /// The leaf, for servers and for clients.
    pub leaf: CertificateDer<'static>,
    /// The leaf's key (PKCS#8).
    key: Vec<u8>,
}

/// What a signature on a certificate is verified by.
#[derive(Debug)]
pub struct Path {
    /// The issuer's key, as it stands in the issuer's certificate (`subjectPublicKey`).
    pub issuer_key: Vec<u8>,
    /// The leaf's key, likewise.
    pub leaf_key: Vec<u8>,
    /// What is signed.
    pub signed: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Issued {
    /// With keys on P-256.
    #[must_use]
    pub fn ecdsa() -> Issued {
        let key = || KeyPair::generate().expect("a key");
        issue(key(), key())
    }

    /// With an RSA key of 2048 bits, the same for both.
    #[must_use]
    pub fn rsa() -> Issued {
        let key = || KeyPair::from_pem(RSA_KEY).expect("a key");
        issue(key(), key())
    }

    /// The leaf's key.
    #[must_use]
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }

    /// The leaf's key as PKCS#8.
    #[must_use]
    pub fn pkcs8(&self) -> &[u8] {
        &self.key
    }

    /// What a verifier takes from the two certificates.
    #[must_use]
    pub fn path(&self) -> Path {
        let (_, root) = parse_x509_certificate(&self.root).expect("a certificate");
        let (_, leaf) = parse_x509_certificate(&self.leaf).expect("a certificate");
        Path {
            issuer_key: root.public_key().subject_public_key.data.to_vec(),
            leaf_key: leaf.public_key().subject_public_key.data.to_vec(),
            signed: leaf.tbs_certificate.as_ref().to_vec(),
            signature: leaf.signature_value.data.to_vec(),
        }
    }
}

fn issue(root_key: KeyPair, leaf_key: KeyPair) -> Issued {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root = params.self_signed(&root_key).expect("a root");
    let issuer = Issuer::new(params, root_key);

    let mut params = CertificateParams::new([NAME.to_owned()]).expect("parameters");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = params.signed_by(&leaf_key, &issuer).expect("a leaf");
    let key = PrivateKeyDer::from_pem_slice(leaf_key.serialize_pem().as_bytes()).expect("a key");
    Issued { root: root.der().clone(), leaf: leaf.der().clone(), key: key.secret_der().to_vec() }
}
