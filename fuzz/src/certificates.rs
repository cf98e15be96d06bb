//! What a peer shows of itself, to the default verifier.

use std::sync::LazyLock;
use std::time::Duration;

use tls12::pki_types::pem::PemObject;
use tls12::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use tls12::{CrlPolicy, Decision, OcspPolicy, Peer, PeerCertificates, VerifyPeer, WebPkiVerifier};

use crate::heap::Held;
use crate::parts::PARTS;

/// The most bytes on the heap, for what fits into the limits on messages.
const MOST_HELD: usize = 1 << 20;

/// The certificates that a root of ours has issued, and those roots.
struct Issued {
    all: Vec<CertificateDer<'static>>,
    roots: Vec<CertificateDer<'static>>,
}

/// A root, a server below it that must staple, and three responses about that.
const OCSP_ROOT: &[u8] = include_bytes!("../../tests/data/ocsp/root.pem");
const OCSP_LEAF: &[u8] = include_bytes!("../../tests/data/ocsp/leaf.pem");
const RESPONSES: [&[u8]; 4] = [
    include_bytes!("../../tests/data/ocsp/by-issuer.der"),
    include_bytes!("../../tests/data/ocsp/by-delegate.der"),
    include_bytes!("../../tests/data/ocsp/revoked.der"),
    include_bytes!("../data/server.ocsp.der"),
];
const CRL: &[u8] = include_bytes!("../data/root.crl.der");

static ISSUED: LazyLock<Issued> = LazyLock::new(|| {
    let read = |pem| CertificateDer::from_pem_slice(pem).expect("a certificate");
    let [server, client] = [PARTS.server(false), &PARTS.client].map(|identity| identity.chain()[0].clone());
    Issued { all: vec![read(OCSP_LEAF), server, client], roots: vec![read(OCSP_ROOT), PARTS.root.clone()] }
});

/// Verifies what an input says: a byte for the settings; then, each behind a length of two bytes, an OCSP response, a CRL, and
/// certificates. Says whether the peer is accepted.
pub fn verify(data: &[u8]) -> bool {
    let Some((choice, mut rest)) = data.split_first() else { return false };
    let mut next = || {
        let (length, behind) = rest.split_first_chunk()?;
        let (part, behind) = behind.split_at(usize::from(u16::from_be_bytes(*length)).min(behind.len()));
        rest = behind;
        Some(part)
    };
    let [response, crl] = [next(), next()].map(|part| part.filter(|part| !part.is_empty()));
    let chain: Vec<_> = std::iter::from_fn(next).map(CertificateDer::from).collect();
    let length: usize = chain.iter().map(|certificate| 3 + certificate.len()).sum();
    // What is longer no verifier sees.
    if length > 32 << 10 || response.is_some_and(|response| response.len() > 8 << 10) {
        return false;
    }
    let Ok(certificates) = PeerCertificates::new(&chain) else { return false };
    let has = |bit: u8| choice & (1 << bit) != 0;
    // A list that cannot be read is the application's own.
    let Some(verifier) = verifier(has(0), crl, *choice) else { return false };

    // Of the responses one is good for a day; the other certificates are for a hundred years.
    let now = UnixTime::since_unix_epoch(Duration::from_secs(if has(1) { 1_795_250_000 } else { 1_893_456_000 }));
    let name = ServerName::try_from("server.example").expect("a good name");
    let mut peer = Peer::new(&certificates, now);
    peer.server_name = has(0).then_some(&name);
    peer.ocsp_response = response;
    peer.resumed = has(2);
    let mut held = Held::default();
    let Decision::Now(verdict) = held.during(|| verifier.verify(&peer)) else { panic!("it decides at once") };
    match &verdict {
        Ok(verified) => {
            let own = certificates.end_entity().expect("there is one");
            assert!(ISSUED.all.contains(&own), "a certificate that nobody has issued: {verified:?}");
            assert!(response != Some(RESPONSES[2]) || peer.resumed || !has(0), "it was revoked");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    held.during(|| certificates.views().for_each(|view| _ = format!("{view:?}")));
    assert!(held.peak <= MOST_HELD, "it held {} bytes", held.peak);
    verdict.is_ok()
}

fn verifier(for_servers: bool, crl: Option<&[u8]>, choice: u8) -> Option<WebPkiVerifier> {
    let roots = ISSUED.roots.iter().cloned();
    let verifier = if for_servers { WebPkiVerifier::new(roots) } else { WebPkiVerifier::for_clients(roots) };
    let verifier = verifier.expect("good roots").with_crl_policy(CrlPolicy {
        end_entity_only: choice & 8 != 0,
        allow_unknown: choice & 16 != 0,
        allow_expired: choice & 32 != 0,
    });
    let verifier = verifier.with_ocsp(if choice & 64 != 0 { OcspPolicy::Required } else { OcspPolicy::Check });
    match crl {
        Some(crl) => verifier.with_crls([CertificateRevocationListDer::from(crl)]).ok(),
        None => Some(verifier),
    }
}

/// What there is to start from: all that our roots have said, with the certificates that it is about. One of the servers is
/// revoked, and the others are accepted.
pub fn certificate_seeds() -> impl Iterator<Item = Vec<u8>> {
    let part = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
    let whole = move |choice: u8, response: &[u8], crl: &[u8], own: &CertificateDer<'_>, root: &CertificateDer<'_>| {
        [&[choice], &part(response)[..], &part(crl), &part(own), &part(root)].concat()
    };
    let [root, other] = [&ISSUED.roots[0], &ISSUED.roots[1]];
    let responses = RESPONSES[..3].iter().map(move |response| whole(3, response, &[], &ISSUED.all[0], root));
    let server = [0x01, 0x41].map(|choice| whole(choice, RESPONSES[3], CRL, &ISSUED.all[1], other));
    responses.chain(server).chain([whole(0, &[], CRL, &ISSUED.all[2], other)])
}
