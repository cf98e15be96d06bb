//! Public keys (RFC 5280 §4.1, RFC 8422 §5.3).

use alloc::string::ToString;
use alloc::sync::Arc;
use core::fmt;
use core::ops::RangeInclusive;

use pki_types::{AlgorithmIdentifier, CertificateDer, alg_id};

use crate::error::CertificateError;
use crate::message::{NamedGroup, SignatureScheme};

use super::asn1::{self, Spki};
#[cfg(feature = "aws-lc-rs")]
use super::aws_lc;
#[cfg(feature = "ring")]
use super::ring;
use super::{Backend, SuiteAuth, sha256};

/// Sizes of RSA keys, in bits, whose signatures are verified (RFC 9325 §4.5). Larger ones cost a peer nothing and us
/// seconds.
pub(crate) const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// The type of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// `rsaEncryption`
    Rsa {
        /// Size of the modulus.
        bits: usize,
    },
    /// A point on a named curve.
    Ecdsa(NamedGroup),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Something else, which fits no cipher suite of this library.
    Unknown,
}

impl KeyAlgorithm {
    fn of(spki: &Spki<'_>) -> der::Result<Self> {
        const ALGORITHMS: [(AlgorithmIdentifier, KeyAlgorithm); 4] = [
            (alg_id::ECDSA_P256, KeyAlgorithm::Ecdsa(NamedGroup::SECP256R1)),
            (alg_id::ECDSA_P384, KeyAlgorithm::Ecdsa(NamedGroup::SECP384R1)),
            (alg_id::ECDSA_P521, KeyAlgorithm::Ecdsa(NamedGroup::SECP521R1)),
            (alg_id::ED25519, KeyAlgorithm::Ed25519),
        ];
        if spki.algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
            return Ok(KeyAlgorithm::Rsa { bits: asn1::rsa_public_bits(spki.key)? });
        }
        let known = ALGORITHMS.iter().find(|(algorithm, _)| algorithm.as_ref() == spki.algorithm);
        Ok(known.map_or(KeyAlgorithm::Unknown, |(_, known)| *known))
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyAlgorithm::Rsa { bits } => write!(f, "RSA {bits} bits"),
            KeyAlgorithm::Ecdsa(group) => write!(f, "ECDSA {group}"),
            KeyAlgorithm::Ed25519 => f.write_str("Ed25519"),
            KeyAlgorithm::Unknown => f.write_str("unknown"),
        }
    }
}

/// A public key, as certificates have them: a `SubjectPublicKeyInfo`. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    spki: Arc<[u8]>,
    algorithm: KeyAlgorithm,
}

impl PublicKey {
    /// Reads the DER encoding of a SubjectPublicKeyInfo (RFC 5280 §4.1).
    ///
    /// A key of a type that this library doesn't know is [`KeyAlgorithm::Unknown`], and an RSA key can have any size;
    /// neither verifies a signature.
    ///
    /// # Errors
    /// [`CertificateError::BadEncoding`].
    pub fn from_spki(der: &[u8]) -> Result<Self, CertificateError> {
        let algorithm = Spki::read(der).and_then(|spki| KeyAlgorithm::of(&spki)).map_err(bad_encoding)?;
        Ok(PublicKey { spki: der.into(), algorithm })
    }

    /// Takes the key out of a certificate, of which nothing is verified here.
    ///
    /// # Errors
    /// [`CertificateError::BadEncoding`].
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        PublicKey::from_spki(asn1::certificate_spki(certificate).map_err(bad_encoding)?)
    }

    /// The public half of a private key.
    pub(super) fn from_parts(algorithm: AlgorithmIdentifier, key: &[u8]) -> der::Result<Self> {
        let spki = Spki { algorithm: algorithm.as_ref(), key };
        Ok(PublicKey { algorithm: KeyAlgorithm::of(&spki)?, spki: spki.write()?.into() })
    }

    /// The DER encoding of the SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of the SubjectPublicKeyInfo, by which keys are pinned (RFC 7469 §2.4).
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        sha256(Backend::default(), &self.spki)
    }

    /// The key's type, and size or curve.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Whether TLS 1.2 lets this key sign with `scheme`.
    ///
    /// An ECDSA scheme names the hash alone and fits any curve (RFC 8422 §5.1.3); SHA-1 fits nothing (RFC 9155 §2).
    #[must_use]
    pub fn allows(&self, scheme: SignatureScheme) -> bool {
        match self.algorithm {
            KeyAlgorithm::Rsa { .. } => SuiteAuth::Rsa.signs_with(scheme),
            KeyAlgorithm::Ecdsa(_) => SuiteAuth::Ecdsa.signs_with(scheme) && scheme != SignatureScheme::ED25519,
            KeyAlgorithm::Ed25519 => scheme == SignatureScheme::ED25519,
            KeyAlgorithm::Unknown => false,
        }
    }

    /// Whether a server with this key can use the cipher suites of `auth` (RFC 8422 §5.3).
    pub(crate) fn fits(&self, auth: SuiteAuth) -> bool {
        match self.algorithm {
            KeyAlgorithm::Rsa { .. } => auth == SuiteAuth::Rsa,
            KeyAlgorithm::Ecdsa(_) | KeyAlgorithm::Ed25519 => auth == SuiteAuth::Ecdsa,
            KeyAlgorithm::Unknown => false,
        }
    }

    /// Verifies the signature of `message`, which is not hashed yet.
    ///
    /// # Errors
    /// The signature is wrong, the key does not allow the scheme, the backend cannot verify this key with it, or an RSA
    /// key's size is not within [`RSA_BITS`]: that is known before any work is done.
    pub(crate) fn verify(
        &self,
        backend: Backend,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        if let KeyAlgorithm::Rsa { bits } = self.algorithm
            && !size_is_accepted(bits)
        {
            return Err(BadSignature);
        }
        let key = Spki::read(&self.spki).map_err(|_| BadSignature)?.key;
        match backend {
            #[cfg(feature = "ring")]
            Backend::Ring => ring::verify::verify(self.algorithm, scheme, key, message, signature),
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => aws_lc::verify::verify(self.algorithm, scheme, key, message, signature),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.algorithm)
    }
}

/// Whether the signatures of an RSA key of this size are verified.
fn size_is_accepted(bits: usize) -> bool {
    RSA_BITS.contains(&bits)
}

/// A signature is wrong, or none that this key can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadSignature;

/// The issuer's Name of a certificate as DER (RFC 5280 §4.1.2.4).
pub(crate) fn certificate_issuer<'a>(certificate: &'a CertificateDer<'_>) -> Result<&'a [u8], CertificateError> {
    asn1::certificate_issuer(certificate).map_err(bad_encoding)
}

fn bad_encoding(error: der::Error) -> CertificateError {
    CertificateError::BadEncoding(error.to_string())
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;
    use alloc::vec::Vec;

    use pki_types::PrivateKeyDer;
    use pki_types::pem::PemObject;

    use super::*;
    use crate::decision::Decision;

    fn of_private(pem: &str) -> PublicKey {
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("PEM");
        Backend::default().load_key(&key).expect("a good key").public_key()
    }

    /// An RSA key of `bits` bits that has no private half.
    fn rsa(bits: usize) -> PublicKey {
        // A zero in front if the first bit would be taken for a sign.
        let mut modulus = vec![0xff; bits / 8 + 1];
        modulus[0] = u8::try_from(0xff_u32 >> (8 * modulus.len() - bits)).expect("a byte");
        let length = |length: usize| u16::try_from(length).expect("a short key").to_be_bytes();
        // SEQUENCE { INTEGER modulus, INTEGER 65537 }, all lengths in two bytes.
        let mut integer = vec![0x02, 0x82];
        integer.extend(length(modulus.len()));
        integer.extend(modulus);
        integer.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
        let key = [&[0x30, 0x82][..], &length(integer.len()), &integer].concat();
        PublicKey::from_parts(alg_id::RSA_ENCRYPTION, &key).expect("a well-formed key")
    }

    #[test]
    fn the_key_of_a_certificate_is_that_of_its_private_key() {
        for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
            let pair = rcgen::KeyPair::generate_for(algorithm).expect("a key");
            let params = rcgen::CertificateParams::new(vec!["localhost".to_string()]).expect("a good name");
            let certificate = params.self_signed(&pair).expect("a certificate");
            let private = PrivateKeyDer::try_from(pair.serialize_der()).expect("PKCS#8");
            let ours = Backend::default().load_key(&private).expect("a good key").public_key();
            let theirs = PublicKey::from_certificate(certificate.der()).expect("a good certificate");
            assert_eq!(theirs, ours);
            assert_eq!(theirs.spki(), ours.spki());

            for length in 0..certificate.der().len() {
                let cut = CertificateDer::from(&certificate.der()[..length]);
                let error = PublicKey::from_certificate(&cut).expect_err("the end is missing");
                assert!(matches!(error, CertificateError::BadEncoding(_)), "the first {length} bytes: {error}");
            }
            let longer = CertificateDer::from([certificate.der(), &[0][..]].concat());
            assert!(PublicKey::from_certificate(&longer).is_err(), "a byte too many");
        }
    }

    #[test]
    fn types_are_told_apart_and_printed() {
        for (key, printed) in [
            (of_private(include_str!("testdata/p256.pkcs8.pem")), "ECDSA secp256r1"),
            (of_private(include_str!("testdata/p384.pkcs8.pem")), "ECDSA secp384r1"),
            (of_private(include_str!("testdata/ed25519.pkcs8.pem")), "Ed25519"),
            (of_private(include_str!("testdata/rsa2048.pkcs8.pem")), "RSA 2048 bits"),
            (rsa(2041), "RSA 2041 bits"),
            (rsa(8193), "RSA 8193 bits"),
            (PublicKey::from_parts(alg_id::ECDSA_P521, &[4]).expect("a key"), "ECDSA secp521r1"),
            (PublicKey::from_parts(alg_id::ED448, &[0; 57]).expect("a key"), "unknown"),
        ] {
            assert_eq!(key.algorithm().to_string(), printed);
            assert_eq!(format!("{key:?}"), format!("PublicKey({printed})"));
            assert_eq!(PublicKey::from_spki(key.spki()), Ok(key), "its encoding is read as it was written");
        }
    }

    #[test]
    fn the_encoding_is_that_of_openssl() {
        let spki = include_bytes!("testdata/rsa2047.spki.der");
        let key = PublicKey::from_spki(spki).expect("a good key");
        assert_eq!(key.algorithm(), KeyAlgorithm::Rsa { bits: 2047 });
        let Spki { key, .. } = Spki::read(spki).expect("a good key");
        assert_eq!(PublicKey::from_parts(alg_id::RSA_ENCRYPTION, key).expect("a good key").spki(), spki);
    }

    #[test]
    fn each_type_allows_its_own_schemes_and_never_sha1() {
        let all = (0..=0x08ff).map(SignatureScheme);
        let allowed = |key: &PublicKey| -> Vec<u16> {
            all.clone().filter(|scheme| key.allows(*scheme)).map(|scheme| scheme.0).collect()
        };
        assert_eq!(allowed(&rsa(2048)), [0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806]);
        assert_eq!(allowed(&of_private(include_str!("testdata/p256.pkcs8.pem"))), [0x0403, 0x0503, 0x0603]);
        assert_eq!(allowed(&of_private(include_str!("testdata/p384.pkcs8.pem"))), [0x0403, 0x0503, 0x0603]);
        assert_eq!(allowed(&of_private(include_str!("testdata/ed25519.pkcs8.pem"))), [0x0807]);
        assert_eq!(allowed(&PublicKey::from_parts(alg_id::ED448, &[0; 57]).expect("a key")), [0; 0]);
    }

    #[test]
    fn each_type_fits_its_own_cipher_suites() {
        for (key, ecdsa, rsa) in [
            (rsa(2048), false, true),
            (of_private(include_str!("testdata/p256.pkcs8.pem")), true, false),
            (of_private(include_str!("testdata/ed25519.pkcs8.pem")), true, false),
            (PublicKey::from_parts(alg_id::ED448, &[0; 57]).expect("a key"), false, false),
        ] {
            assert_eq!((key.fits(SuiteAuth::Ecdsa), key.fits(SuiteAuth::Rsa)), (ecdsa, rsa), "{key:?}");
        }
    }

    #[test]
    fn in_tls_1_2_an_ecdsa_scheme_does_not_bind_the_curve() {
        let p256 = of_private(include_str!("testdata/p256.pkcs8.pem"));
        let p384 = of_private(include_str!("testdata/p384.pkcs8.pem"));
        let (sha256, sha384) = (SignatureScheme::ECDSA_SECP256R1_SHA256, SignatureScheme::ECDSA_SECP384R1_SHA384);
        let message = b"signed by openssl";
        let by_p256 = include_bytes!("testdata/p256.sha384.sig");
        let by_p384 = include_bytes!("testdata/p384.sha256.sig");
        for &backend in Backend::ALL {
            assert_eq!(p256.verify(backend, sha384, message, by_p256), Ok(()), "{backend:?}");
            assert_eq!(p384.verify(backend, sha256, message, by_p384), Ok(()), "{backend:?}");
            assert!(p256.verify(backend, sha256, message, by_p256).is_err(), "{backend:?}: another hash");
            assert!(p384.verify(backend, sha256, message, by_p256).is_err(), "{backend:?}: another key");
        }
    }

    /// Of these, ring has none.
    #[test]
    fn p521_and_sha512_with_ecdsa_are_verified_where_the_backend_has_them() {
        let [sha256, sha384, sha512] = [0x0403, 0x0503, 0x0603].map(SignatureScheme);
        let p256 = of_private(include_str!("testdata/p256.pkcs8.pem"));
        let p384 = of_private(include_str!("testdata/p384.pkcs8.pem"));
        let p521 = PublicKey::from_spki(include_bytes!("testdata/p521.spki.der")).expect("a good key");
        for (key, scheme, signature) in [
            (&p256, sha512, &include_bytes!("testdata/p256.sha512.sig")[..]),
            (&p384, sha512, include_bytes!("testdata/p384.sha512.sig")),
            (&p521, sha256, include_bytes!("testdata/p521.sha256.sig")),
            (&p521, sha384, include_bytes!("testdata/p521.sha384.sig")),
            (&p521, sha512, include_bytes!("testdata/p521.sha512.sig")),
        ] {
            for &backend in Backend::ALL {
                let expected = match backend {
                    #[cfg(feature = "ring")]
                    Backend::Ring => Err(BadSignature),
                    #[cfg(feature = "aws-lc-rs")]
                    Backend::AwsLc => Ok(()),
                };
                let verified = key.verify(backend, scheme, b"signed by openssl", signature);
                assert_eq!(verified, expected, "{backend:?}, {key:?}, {scheme}");
                let other = key.verify(backend, scheme, b"signed by openssl?", signature);
                assert_eq!(other, Err(BadSignature), "{backend:?}, {key:?}, {scheme}");
            }
        }
    }

    #[test]
    fn a_signature_with_a_scheme_of_another_type_of_key_is_bad() {
        for key in [
            of_private(include_str!("testdata/p256.pkcs8.pem")),
            of_private(include_str!("testdata/ed25519.pkcs8.pem")),
            of_private(include_str!("testdata/rsa2048.pkcs8.pem")),
        ] {
            for &backend in Backend::ALL {
                for scheme in backend.verify_schemes() {
                    let verified = key.verify(backend, *scheme, b"message", &[1; 64]);
                    assert_eq!(verified, Err(BadSignature), "{backend:?}, {key:?}, {scheme}");
                }
            }
        }
    }

    #[test]
    fn true_signatures_of_rsa_keys_below_2048_bits_are_refused() {
        for (spki, signature) in [
            (&include_bytes!("testdata/rsa1024.spki.der")[..], &include_bytes!("testdata/rsa1024.sha256.sig")[..]),
            (include_bytes!("testdata/rsa2047.spki.der"), include_bytes!("testdata/rsa2047.sha256.sig")),
        ] {
            let key = PublicKey::from_spki(spki).expect("any size can be read");
            for &backend in Backend::ALL {
                let verified = key.verify(backend, SignatureScheme::RSA_PKCS1_SHA256, b"signed by openssl", signature);
                assert_eq!(verified, Err(BadSignature), "{backend:?}, {key:?}");
            }
        }
    }

    #[cfg(feature = "ring")]
    #[test]
    fn ring_by_itself_rounds_the_size_of_an_rsa_key_up_to_bytes() {
        let spki = Spki::read(include_bytes!("testdata/rsa2047.spki.der")).expect("a good key");
        let by_ring = ring::verify::verify(
            KeyAlgorithm::Rsa { bits: 2047 },
            SignatureScheme::RSA_PKCS1_SHA256,
            spki.key,
            b"signed by openssl",
            include_bytes!("testdata/rsa2047.sha256.sig"),
        );
        assert_eq!(by_ring, Ok(()));
    }

    #[test]
    fn rsa_keys_above_8192_bits_are_refused_before_any_work() {
        let der = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/rsa2048.pkcs8.pem")).expect("PEM");
        let private = Backend::default().load_key(&der).expect("a good key");
        let scheme = SignatureScheme::RSA_PKCS1_SHA256;
        let Decision::Now(Ok(signature)) = private.sign(scheme, b"message") else { panic!("it signs at once") };
        for (bits, accepted) in [(0, false), (2047, false), (2048, true), (8192, true), (8193, false), (200_000, false)]
        {
            assert_eq!(size_is_accepted(bits), accepted, "{bits} bits");
            // Each backend has limits of its own and refuses such a key too. So here is one that it would take, and whose size is
            // said to be another: what refuses it looks at nothing else.
            let key = PublicKey { algorithm: KeyAlgorithm::Rsa { bits }, ..private.public_key() };
            for &backend in Backend::ALL {
                let verified = key.verify(backend, scheme, b"message", &signature);
                assert_eq!(verified.is_ok(), accepted, "{backend:?}, {bits} bits");
            }
        }
        let huge = rsa(200_000);
        assert_eq!(huge.algorithm(), KeyAlgorithm::Rsa { bits: 200_000 }, "the size is known from the key itself");
        for &backend in Backend::ALL {
            assert_eq!(huge.verify(backend, scheme, b"message", &[1; 25_000]), Err(BadSignature));
        }
    }

    #[test]
    fn parameters_that_the_algorithm_does_not_have_make_a_key_unknown() {
        // Ed25519 with NULL: RFC 8410 §3 says that parameters must be absent.
        let mut spki = vec![0x30, 0x2c, 0x30, 0x07, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x05, 0x00, 0x03, 0x21, 0x00];
        spki.extend([7; 32]);
        assert_eq!(PublicKey::from_spki(&spki).expect("it can be parsed").algorithm(), KeyAlgorithm::Unknown);
    }
}
