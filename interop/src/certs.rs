//! Keys and certificates, made anew for each run. `openssl` makes the keys: it also makes RSA keys, and writes PKCS#8 that
//! every peer reads.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivateKeyDer};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use crate::cell::Kind;

/// The name that all leaves cover, besides the address 127.0.0.1.
pub const NAME: &str = "localhost";
/// A name that no leaf covers.
pub const WRONG_NAME: &str = "other.example";

/// A server's certificate chain and key.
pub struct Leaf {
    /// The kind of the key.
    pub kind: Kind,
    /// Leaf and intermediate.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub key: PrivateKeyDer<'static>,
    /// `chain` as PEM.
    pub chain_file: PathBuf,
    /// The intermediate alone as PEM, for programs that take it apart from the leaf.
    pub intermediate_file: PathBuf,
    /// `key` as PEM (PKCS#8).
    pub key_file: PathBuf,
}

/// A root of trust.
pub struct Root {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// The certificate as PEM.
    pub file: PathBuf,
}

/// All that a run needs.
pub struct Certs {
    /// The root that all leaves lead to.
    pub root: Root,
    /// A root that no leaf leads to.
    pub stranger: Root,
    /// One leaf for each kind.
    pub leaves: Vec<Leaf>,
}

impl Certs {
    /// Makes everything and writes it into `directory`.
    pub fn make(openssl: &Path, directory: &Path) -> Result<Certs, String> {
        let new_key = |kind, name: &str| new_key(openssl, kind, &directory.join(name));
        let root_key = new_key(Kind::EcdsaP256, "root.key")?;
        let root_params = authority("tls12 interop root");
        let root = write_root(&root_params, &root_key, directory.join("root.pem"))?;
        let issuer = Issuer::new(root_params, root_key);
        let stranger_key = new_key(Kind::EcdsaP256, "stranger.key")?;
        let stranger = write_root(&authority("a stranger's root"), &stranger_key, directory.join("stranger.pem"))?;

        let mut leaves = Vec::new();
        for kind in Kind::ALL {
            let stem = kind.file_stem();
            let intermediate_key = new_key(kind, &format!("{stem}-intermediate.key"))?;
            let params = authority(&format!("tls12 interop intermediate, {kind}"));
            let intermediate = params.signed_by(&intermediate_key, &issuer).map_err(text)?;
            let issuer = Issuer::new(params, intermediate_key);

            let key_file = directory.join(format!("{stem}.key"));
            let key = new_key(kind, &format!("{stem}.key"))?;
            let leaf = leaf_params()?.signed_by(&key, &issuer).map_err(text)?;
            let chain_file = directory.join(format!("{stem}.pem"));
            fs::write(&chain_file, leaf.pem() + &intermediate.pem()).map_err(text)?;
            let intermediate_file = directory.join(format!("{stem}-intermediate.pem"));
            fs::write(&intermediate_file, intermediate.pem()).map_err(text)?;
            leaves.push(Leaf {
                kind,
                chain: vec![leaf.der().clone(), intermediate.der().clone()],
                key: PrivateKeyDer::from_pem_file(&key_file).map_err(text)?,
                chain_file,
                intermediate_file,
                key_file,
            });
        }
        Ok(Certs { root, stranger, leaves })
    }

    /// The leaf of this kind.
    #[must_use]
    pub fn leaf(&self, kind: Kind) -> &Leaf {
        self.leaves.iter().find(|leaf| leaf.kind == kind).expect("one leaf of each kind")
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 1, 1);
    params
}

fn leaf_params() -> Result<CertificateParams, String> {
    let mut params = CertificateParams::new([NAME.to_owned(), "127.0.0.1".to_owned()]).map_err(text)?;
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 1, 1);
    Ok(params)
}

fn write_root(params: &CertificateParams, key: &KeyPair, file: PathBuf) -> Result<Root, String> {
    let certificate = params.self_signed(key).map_err(text)?;
    fs::write(&file, certificate.pem()).map_err(text)?;
    Ok(Root { certificate: certificate.der().clone(), file })
}

fn new_key(openssl: &Path, kind: Kind, file: &Path) -> Result<KeyPair, String> {
    let arguments: &[&str] = match kind {
        Kind::EcdsaP256 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        Kind::EcdsaP384 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        Kind::Rsa2048 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        Kind::Ed25519 => &["-algorithm", "ED25519"],
    };
    let output = Command::new(openssl).arg("genpkey").args(arguments).arg("-out").arg(file).output().map_err(text)?;
    if !output.status.success() {
        return Err(format!("openssl genpkey failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let pem = fs::read_to_string(file).map_err(|error: io::Error| text(error))?;
    KeyPair::from_pem(&pem).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    format!("making certificates: {error}")
}
