//! Keys and certificates, made anew for each run. `openssl` makes the keys: it also makes RSA keys, and writes PKCS#8 that
//! every peer reads.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivateKeyDer};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SerialNumber,
};

use crate::cell::Kind;

/// The name that all leaves cover, besides the address 127.0.0.1.
pub const NAME: &str = "localhost";
/// A name that no leaf covers.
pub const WRONG_NAME: &str = "other.example";

/// A certificate chain and its key, of a server or of a client.
pub struct Leaf {
    /// The kind of the key.
    pub kind: Kind,
    /// Leaf and intermediate.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub key: PrivateKeyDer<'static>,
    /// `chain` as PEM.
    pub chain_file: PathBuf,
    /// The leaf alone as PEM.
    pub leaf_file: PathBuf,
    /// The intermediate alone as PEM, for programs that take it apart from the leaf.
    pub intermediate_file: PathBuf,
    /// The intermediate's key as PEM, which signs what else the issuer has to say.
    pub intermediate_key_file: PathBuf,
    /// What its files are called.
    pub stem: String,
    /// The leaf's serial number.
    pub serial: u64,
    /// The leaf's common name.
    pub name: String,
    /// `key` as PEM (PKCS#8).
    pub key_file: PathBuf,
}

/// A root of trust.
pub struct Root {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// The certificate as PEM.
    pub file: PathBuf,
    /// Its key as PEM.
    pub key_file: PathBuf,
}

/// All that a run needs.
pub struct Certs {
    /// The root that all leaves lead to.
    pub root: Root,
    /// A root that no leaf leads to.
    pub stranger: Root,
    /// A server's leaf for each kind.
    pub leaves: Vec<Leaf>,
    /// The root that all leaves of clients lead to, and no other.
    pub client_root: Root,
    /// A client's leaf for each kind.
    pub client_leaves: Vec<Leaf>,
    /// A client's leaf that leads to the stranger.
    pub stranger_leaf: Leaf,
}

impl Certs {
    /// Makes everything and writes it into `directory`.
    pub fn make(openssl: &Path, directory: &Path) -> Result<Certs, String> {
        let made = |name: &str, common_name: &str| Authority::root(openssl, directory, name, common_name);
        let (root, clients) =
            (made("root", "tls12 interop root")?, made("client-root", "tls12 interop root of clients")?);
        let stranger = made("stranger", "a stranger's root")?;
        let (mut leaves, mut client_leaves) = (Vec::new(), Vec::new());
        for (kind, number) in Kind::ALL.into_iter().chain([Kind::EcdsaP521]).zip(1..) {
            leaves.push(root.leaf(openssl, directory, kind, Usage::Server, 0x1000 + number)?);
            client_leaves.push(clients.leaf(openssl, directory, kind, Usage::Client, 0x2000 + number)?);
        }
        let stranger_leaf = stranger.leaf(openssl, directory, Kind::EcdsaP256, Usage::Stranger, 0x3000)?;
        let (root, client_root, stranger) = (root.root, clients.root, stranger.root);
        Ok(Certs { root, stranger, leaves, client_root, client_leaves, stranger_leaf })
    }

    /// The server's leaf of this kind.
    #[must_use]
    pub fn leaf(&self, kind: Kind) -> &Leaf {
        self.leaves.iter().find(|leaf| leaf.kind == kind).expect("one leaf of each kind")
    }

    /// The client's leaf of this kind.
    #[must_use]
    pub fn client_leaf(&self, kind: Kind) -> &Leaf {
        self.client_leaves.iter().find(|leaf| leaf.kind == kind).expect("one leaf of each kind")
    }
}

/// Whose certificate it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usage {
    Server,
    Client,
    /// A client's, by an issuer that nobody trusts.
    Stranger,
}

/// A root that issues.
struct Authority {
    root: Root,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn root(openssl: &Path, directory: &Path, name: &str, common_name: &str) -> Result<Authority, String> {
        let key_file = directory.join(format!("{name}.key"));
        let key = new_key(openssl, Kind::EcdsaP256, &key_file)?;
        let params = authority(common_name);
        let certificate = params.self_signed(&key).map_err(text)?;
        let file = directory.join(format!("{name}.pem"));
        fs::write(&file, certificate.pem()).map_err(text)?;
        let root = Root { certificate: certificate.der().clone(), file, key_file };
        Ok(Authority { root, issuer: Issuer::new(params, key) })
    }

    /// A leaf behind an intermediate of its own, whose key is of the same kind.
    fn leaf(&self, openssl: &Path, directory: &Path, kind: Kind, usage: Usage, serial: u64) -> Result<Leaf, String> {
        let stem = match usage {
            Usage::Server => kind.file_stem().to_owned(),
            Usage::Client => format!("client-{}", kind.file_stem()),
            Usage::Stranger => "stranger-client".to_owned(),
        };
        let file = |end: &str| directory.join(format!("{stem}{end}"));
        let intermediate_key_file = file("-intermediate.key");
        let intermediate_key = new_key(openssl, kind, &intermediate_key_file)?;
        let params = intermediate(&stem);
        let certificate = params.signed_by(&intermediate_key, &self.issuer).map_err(text)?;
        let issuer = Issuer::new(params, intermediate_key);

        let key_file = file(".key");
        let key = new_key(openssl, kind, &key_file)?;
        let name = if usage == Usage::Server { NAME.to_owned() } else { stem.clone() };
        let leaf = leaf_params(&name, usage, serial)?.signed_by(&key, &issuer).map_err(text)?;
        let (leaf_file, intermediate_file, chain_file) = (file("-leaf.pem"), file("-intermediate.pem"), file(".pem"));
        let chain = leaf.pem() + &certificate.pem();
        for (file, pem) in [(&leaf_file, leaf.pem()), (&intermediate_file, certificate.pem()), (&chain_file, chain)] {
            fs::write(file, pem).map_err(text)?;
        }
        Ok(Leaf {
            kind,
            chain: vec![leaf.der().clone(), certificate.der().clone()],
            key: PrivateKeyDer::from_pem_file(&key_file).map_err(text)?,
            chain_file,
            leaf_file,
            intermediate_file,
            intermediate_key_file,
            stem,
            serial,
            name,
            key_file,
        })
    }
}

impl Leaf {
    /// A certificate by the same intermediate, which lets its holder answer for it in OCSP (RFC 6960 §4.2.2.2), and its key.
    pub fn delegate(&self, openssl: &Path, stem: &Path) -> Result<(PathBuf, PathBuf), String> {
        let issuer_key =
            KeyPair::from_pem(&fs::read_to_string(&self.intermediate_key_file).map_err(text)?).map_err(text)?;
        let issuer = Issuer::new(intermediate(&self.stem), issuer_key);
        let (file, key_file) = (stem.with_extension("pem"), stem.with_extension("key"));
        let key = new_key(openssl, Kind::EcdsaP256, &key_file)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "tls12 interop responder");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        params.not_before = rcgen::date_time_ymd(2024, 1, 1);
        params.not_after = rcgen::date_time_ymd(2049, 1, 1);
        fs::write(&file, params.signed_by(&key, &issuer).map_err(text)?.pem()).map_err(text)?;
        Ok((file, key_file))
    }
}

fn intermediate(stem: &str) -> CertificateParams {
    authority(&format!("tls12 interop intermediate, {stem}"))
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

fn leaf_params(name: &str, usage: Usage, serial: u64) -> Result<CertificateParams, String> {
    let (names, purpose) = match usage {
        Usage::Server => (vec![NAME.to_owned(), "127.0.0.1".to_owned()], ExtendedKeyUsagePurpose::ServerAuth),
        Usage::Client | Usage::Stranger => (Vec::new(), ExtendedKeyUsagePurpose::ClientAuth),
    };
    let mut params = CertificateParams::new(names).map_err(text)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(serial));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 1, 1);
    Ok(params)
}

fn new_key(openssl: &Path, kind: Kind, file: &Path) -> Result<KeyPair, String> {
    let arguments: &[&str] = match kind {
        Kind::EcdsaP256 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        Kind::EcdsaP384 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        Kind::EcdsaP521 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
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
