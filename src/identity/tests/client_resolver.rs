use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::{Kind, identity, key, private_key, server};
use crate::codec::Prefix;
use crate::crypto::Backend;
use crate::decision::Decision;
use crate::identity::{ClientIdentities, Identity, ResolveClientIdentity};
use crate::message::{CertificateRequest, CertificateType, ClientCertificateType, OpaqueList, SignatureScheme};

const BOTH_TYPES: &[u8] = &[1, 64];
const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ED25519,
];
const ALL: [Kind; 4] = [Kind::P256, Kind::P384, Kind::Ed25519, Kind::Rsa2048];

/// What a server asks for that takes everything.
fn request() -> CertificateRequest<'static> {
    CertificateRequest {
        certificate_type: CertificateType::X509,
        certificate_types: BOTH_TYPES,
        schemes: SCHEMES.into(),
        authorities: OpaqueList::from_encoded(Prefix::U16, &[]),
    }
}

fn chosen(identities: &ClientIdentities, request: &CertificateRequest<'_>) -> Option<Arc<Identity>> {
    match identities.resolve(request) {
        Decision::Now(identity) => identity,
        Decision::Later => panic!("these never decide later"),
    }
}

#[test]
fn the_type_of_the_key_is_one_that_the_server_asks_for() {
    for kind in ALL {
        let usable = |types: &[u8]| {
            identity(kind, &[]).usable_for(&CertificateRequest { certificate_types: types, ..request() })
        };
        let is_rsa = matches!(kind, Kind::Rsa2048);
        assert!(usable(BOTH_TYPES), "{kind:?}");
        assert_eq!(usable(&[ClientCertificateType::RSA_SIGN.0]), is_rsa, "{kind:?}");
        assert_eq!(usable(&[ClientCertificateType::ECDSA_SIGN.0]), !is_rsa, "{kind:?}: RFC 8422 §3");
        assert!(!usable(&[2, 3, 4, 65, 66, 255]), "{kind:?}");
    }
}

#[test]
fn the_key_has_a_signature_scheme_that_the_server_verifies() {
    for (kind, own) in [
        (Kind::P256, SignatureScheme::ECDSA_SECP256R1_SHA256),
        (Kind::P384, SignatureScheme::ECDSA_SECP384R1_SHA384),
        (Kind::Ed25519, SignatureScheme::ED25519),
        (Kind::Rsa2048, SignatureScheme::RSA_PSS_RSAE_SHA256),
    ] {
        for scheme in SCHEMES.iter().copied().chain([SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme(0x0a0a)]) {
            let schemes = [scheme];
            let request = CertificateRequest { schemes: schemes.as_slice().into(), ..request() };
            assert_eq!(identity(kind, &[]).usable_for(&request), scheme == own, "{kind:?}, {scheme}");
        }
    }
}

/// An authority of this name, issued by another or by itself.
pub(super) struct Authority {
    certificate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(name: &str, above: Option<&Authority>) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = key(Kind::P256);
        let certificate = match above {
            Some(above) => params.signed_by(&key, &above.issuer),
            None => params.self_signed(&key),
        };
        Authority { certificate: certificate.unwrap().der().to_vec(), issuer: Issuer::new(params, key) }
    }

    /// An identity by this authority, with the certificates `above` it.
    pub(super) fn identity(&self, kind: Kind, above: &[&Authority]) -> Identity {
        let key = key(kind);
        let leaf = server(&["a.example"]).signed_by(&key, &self.issuer).unwrap();
        let above = above.iter().map(|authority| authority.certificate.clone().into());
        let signer = Backend::default().load_key(&private_key(&key)).unwrap();
        Identity::new([leaf.into()].into_iter().chain(above).collect(), signer).unwrap()
    }
}

/// A Name of one common name, as DER.
pub(super) fn name(common_name: &str) -> Vec<u8> {
    let text = common_name.as_bytes();
    let length = u8::try_from(text.len()).unwrap();
    // SEQUENCE { SET { SEQUENCE { id-at-commonName, UTF8String } } }
    let head = [0x30, length + 11, 0x31, length + 9, 0x30, length + 7, 0x06, 3, 0x55, 0x04, 0x03, 0x0c, length];
    [&head, text].concat()
}

fn usable_below(identity: &Identity, authorities: &[&str]) -> bool {
    let names: Vec<_> = authorities.iter().map(|authority| name(authority)).collect();
    let list = OpaqueList::encode(Prefix::U16, "authorities", names.iter().map(Vec::as_slice)).unwrap();
    identity.usable_for(&CertificateRequest { authorities: OpaqueList::from_encoded(Prefix::U16, &list), ..request() })
}

#[test]
fn a_certificate_of_the_chain_is_issued_by_an_authority_that_the_server_names() {
    let root = Authority::new("root", None);
    let intermediate = Authority::new("intermediate", Some(&root));
    let short = root.identity(Kind::P256, &[]);
    let whole = intermediate.identity(Kind::P256, &[&intermediate]);
    let cut = intermediate.identity(Kind::P256, &[]);
    for (authorities, expected) in [
        ([].as_slice(), [true, true, true]),
        (&["root"], [true, true, false]),
        (&["intermediate"], [false, true, true]),
        (&["elsewhere", "root"], [true, true, false]),
        (&["elsewhere"], [false, false, false]),
        (&["a server"], [false, false, false]),
        (&["roo", "root "], [false, false, false]),
    ] {
        let usable = [&short, &whole, &cut].map(|identity| usable_below(identity, authorities));
        assert_eq!(usable, expected, "{authorities:?}");
    }
}

#[test]
fn names_of_authorities_that_are_no_names_fit_nobody() {
    let identity = identity(Kind::P256, &[]);
    for garbage in [[0, 1, 0].as_slice(), &[0, 2, 0x30, 0x00], &[0, 3, 0xff, 0xff, 0xff]] {
        let request = CertificateRequest { authorities: OpaqueList::from_encoded(Prefix::U16, garbage), ..request() };
        assert!(!identity.usable_for(&request), "{garbage:?}");
    }
}

#[test]
fn the_first_identity_that_the_server_takes_is_chosen() {
    let identities = ClientIdentities::new(ALL.map(|kind| identity(kind, &[])));
    let key_for = |types, schemes: &[SignatureScheme]| {
        let request = CertificateRequest { certificate_types: types, schemes: schemes.into(), ..request() };
        chosen(&identities, &request).map(|identity| identity.public_key().algorithm().to_string())
    };
    assert_eq!(key_for(BOTH_TYPES, SCHEMES).as_deref(), Some("ECDSA secp256r1"));
    assert_eq!(key_for(&[1], SCHEMES).as_deref(), Some("RSA 2048 bits"));
    assert_eq!(key_for(BOTH_TYPES, &[SignatureScheme::ED25519]).as_deref(), Some("Ed25519"));
    assert_eq!(key_for(&[1], &[SignatureScheme::ED25519]), None);
    assert!(chosen(&ClientIdentities::new([]), &request()).is_none());
}
