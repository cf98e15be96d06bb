//! What every encoding has to stand: the entry for fuzzers, and for the tests of this layer.

use alloc::format;
use alloc::vec::Vec;

use super::*;
use crate::codec::Writer;

/// Reads `bytes`, a handshake message without its length, and checks that what was read can be written and read again.
///
/// # Panics
///
/// If it cannot, which is a defect of this library.
pub fn fuzz_codecs(bytes: &[u8]) {
    if let Some((typ, body)) = bytes.split_first() {
        // What is malformed is refused, and that is all there is to it.
        let _ = reencode(HandshakeType(*typ), body);
    }
}

/// Reads a body and writes it again.
pub(super) fn reencode(typ: HandshakeType, body: &[u8]) -> Result<Vec<u8>, Malformed> {
    macro_rules! reencode {
        ($name:ident) => {{
            let read = $name::read(body)?;
            // Goes through every list and extension.
            let _ = format!("{read:?}");
            let encoded = encode(|w| read.write(w));
            if body != encoded {
                // Only a hello has more than one encoding: extensions come in any order, and unknown ones are left out.
                assert!(matches!(typ, HandshakeType::CLIENT_HELLO | HandshakeType::SERVER_HELLO), "{read:?}");
                let again = $name::read(&encoded).map(|again| encode(|w| again.write(w)));
                assert_eq!(again.as_ref(), Ok(&encoded), "{read:?}");
            }
            Ok(encoded)
        }};
    }
    match typ {
        HandshakeType::HELLO_REQUEST => reencode!(HelloRequest),
        HandshakeType::CLIENT_HELLO => reencode!(ClientHello),
        HandshakeType::SERVER_HELLO => reencode!(ServerHello),
        HandshakeType::NEW_SESSION_TICKET => reencode!(NewSessionTicket),
        HandshakeType::CERTIFICATE => {
            // As either of the two that it can be.
            let read = Certificate::read(body)?;
            let _ = format!("{:?} {:?}", read.chain(), read.raw_public_key());
            reencode!(Certificate)
        }
        HandshakeType::SERVER_KEY_EXCHANGE => reencode!(ServerKeyExchange),
        HandshakeType::CERTIFICATE_REQUEST => reencode!(CertificateRequest),
        HandshakeType::SERVER_HELLO_DONE => reencode!(ServerHelloDone),
        HandshakeType::CERTIFICATE_VERIFY => reencode!(CertificateVerify),
        HandshakeType::CLIENT_KEY_EXCHANGE => reencode!(ClientKeyExchange),
        HandshakeType::FINISHED => reencode!(Finished),
        HandshakeType::CERTIFICATE_STATUS => reencode!(CertificateStatus),
        _ => Err(Malformed::Value("msg_type")),
    }
}

/// The bytes that `write` makes, whose lengths all fit.
pub(super) fn encode(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out);
    write(&mut w);
    assert_eq!(w.finish(), Ok(()));
    out
}
