//! What `client` and `server` read alike.

use std::error::Error;
use std::fs;
use std::path::Path;

use tls12::pki_types::CertificateDer;
use tls12::pki_types::pem::PemObject;
use tls12::{Backend, Identity, RecordSize};
use zeroize::Zeroizing;

/// A certificate, with the intermediate ones behind it, and its private key, from PEM files.
pub(crate) fn read_identity(cert: &Path, key: &Path) -> Result<Identity, Box<dyn Error>> {
    let (certificates, private_key) = (read(cert)?, Zeroizing::new(read(key)?));
    let identity = Identity::from_pem(Backend::default(), &certificates, &private_key);
    Ok(identity.map_err(|error| format!("{} with {}: {error}", cert.display(), key.display()))?)
}

/// All certificates of a PEM file.
pub(crate) fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Box<dyn Error>> {
    let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    Ok(certificates.map_err(|error| format!("{}: {error}", file.display()))?)
}

/// A file; an error names it.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?)
}

/// What `--record-size` can be.
pub(crate) fn parse_record_size(text: &str) -> Result<RecordSize, String> {
    match text {
        "growing" => Ok(RecordSize::Growing),
        _ => text.parse().map(RecordSize::Fixed).map_err(|_| "say \"growing\", or a number of bytes".to_string()),
    }
}
