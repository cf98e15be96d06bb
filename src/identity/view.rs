//! A certificate as people read it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use crate::crypto::{Backend, KeyAlgorithm, PublicKey, sha256};
use crate::date::Date;
use crate::error::CertificateError;

/// What stands in a certificate, for logs and for people. [`fmt::Display`] writes it in several lines.
///
/// A view is no verdict: nothing in it was checked. Characters that would steer a terminal are escaped in its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateView {
    /// Whom the certificate is about, such as `CN=a.example, O=Example`.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// Serial number in hexadecimal, bytes separated by colons.
    pub serial: String,
    /// The DNS names that it covers, some perhaps with a wildcard (RFC 5280 §4.2.1.6 dNSName).
    pub dns_names: Vec<String>,
    /// The IP addresses that it covers (iPAddress).
    pub ip_addresses: Vec<IpAddr>,
    /// The mail addresses that it covers (rfc822Name).
    pub emails: Vec<String>,
    /// First second of validity, since 1970-01-01 00:00 UTC; 0 if it lies before that.
    pub not_before: u64,
    /// Last second of validity, since 1970-01-01 00:00 UTC; 0 if it lies before that.
    pub not_after: u64,
    /// Type and size of the public key.
    pub key: KeyAlgorithm,
    /// SHA-256 of the whole certificate.
    pub sha256: [u8; 32],
}

impl CertificateView {
    /// Reads `certificate`.
    ///
    /// # Errors
    /// [`CertificateError::BadEncoding`] if it is no X.509 certificate.
    pub fn new(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let parsed = parse(certificate)?;
        let mut view = CertificateView {
            subject: printable(&parsed.subject().to_string()),
            issuer: printable(&parsed.issuer().to_string()),
            serial: parsed.raw_serial_as_string(),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            emails: Vec::new(),
            not_before: seconds(parsed.validity().not_before),
            not_after: seconds(parsed.validity().not_after),
            key: PublicKey::from_certificate(certificate)?.algorithm(),
            sha256: sha256(Backend::default(), certificate),
        };
        let names = parsed.subject_alternative_name().map_err(bad_encoding)?;
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            match name {
                GeneralName::DNSName(name) => view.dns_names.push(printable(name)),
                GeneralName::RFC822Name(name) => view.emails.push(printable(name)),
                GeneralName::IPAddress(bytes) => view.ip_addresses.extend(ip_address(bytes)),
                _ => {}
            }
        }
        Ok(view)
    }

    /// All names that it covers, as text.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let addresses = self.ip_addresses.iter().map(IpAddr::to_string);
        self.dns_names.iter().cloned().chain(addresses).chain(self.emails.iter().cloned()).collect()
    }
}

impl fmt::Display for CertificateView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "subject:    {}", self.subject)?;
        writeln!(f, "issuer:     {}", self.issuer)?;
        writeln!(f, "names:      {}", self.names().join(", "))?;
        writeln!(f, "not before: {}", Date(self.not_before))?;
        writeln!(f, "not after:  {}", Date(self.not_after))?;
        writeln!(f, "key:        {}", self.key)?;
        writeln!(f, "serial:     {}", self.serial)?;
        write!(f, "SHA-256:    ")?;
        self.sha256.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The certificate in full, with nothing behind it.
fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CertificateError> {
    let (rest, parsed) = X509Certificate::from_der(certificate).map_err(bad_encoding)?;
    if rest.is_empty() {
        Ok(parsed)
    } else {
        Err(CertificateError::BadEncoding("bytes are left over behind it".into()))
    }
}

pub(super) fn bad_encoding(error: impl fmt::Display) -> CertificateError {
    CertificateError::BadEncoding(error.to_string())
}

/// Seconds since 1970-01-01 00:00 UTC; 0 for what lies before.
fn seconds(time: ASN1Time) -> u64 {
    u64::try_from(time.timestamp()).unwrap_or(0)
}

/// Text from a certificate, which must not steer the terminal or break the lines of the log it ends up in.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) { out.extend(character.escape_default()) } else { out.push(character) }
    }
    out
}

/// Control characters, and those of Unicode that change the direction of the text behind them.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// RFC 5280 §4.2.1.6: four octets or sixteen, in network byte order.
pub(super) fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
