//! OCSP responses (RFC 6960) about a server's leaf, made by `openssl ocsp`: those to trust and those to refuse.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::certs::{Leaf, Root};

/// What is in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staple {
    /// The leaf is good, says its issuer.
    Good,
    /// The leaf is good, says a responder with a certificate of the issuer's.
    Delegated,
    /// The leaf was good some years ago.
    Expired,
    /// The leaf is revoked.
    Revoked,
    /// The issuer does not know the leaf.
    Unknown,
    /// Another certificate of the same issuer is good.
    OtherCertificate,
    /// The leaf is good, with one bit of the signature turned over.
    WrongSignature,
    /// The leaf is good, says somebody else.
    Stranger,
}

impl Staple {
    /// All of them.
    pub const ALL: [Staple; 8] = [
        Staple::Good,
        Staple::Delegated,
        Staple::Expired,
        Staple::Revoked,
        Staple::Unknown,
        Staple::OtherCertificate,
        Staple::WrongSignature,
        Staple::Stranger,
    ];

    /// Makes this response about `leaf`, whose key has to be an RSA key where the response is `Expired`; returns the file, which
    /// is DER and lies in `directory`.
    pub fn make(self, openssl: &Path, leaf: &Leaf, stranger: &Root, directory: &Path) -> Result<PathBuf, String> {
        let stem = format!("staple-{}-{self:?}", leaf.kind.file_stem());
        let (index, response) = (directory.join(format!("{stem}.txt")), directory.join(format!("{stem}.der")));
        let (signer, key) = match self {
            Staple::Delegated => leaf.delegate(openssl, &directory.join(format!("{stem}-responder")))?,
            Staple::Stranger => (stranger.file.clone(), stranger.key_file.clone()),
            _ => (leaf.intermediate_file.clone(), leaf.intermediate_key_file.clone()),
        };
        let serial = if self == Staple::OtherCertificate { leaf.serial + 0x100 } else { leaf.serial };
        // As `openssl ca` keeps it: status, end of validity, date and reason of the revocation, serial number, file, name.
        let status = if self == Staple::Revoked { ("R", "240601000000Z,keyCompromise") } else { ("V", "") };
        let known = format!("{}\t490101000000Z\t{}\t{serial:04X}\tunknown\t/CN=localhost\n", status.0, status.1);
        fs::write(&index, if self == Staple::Unknown { "" } else { &known }).map_err(text)?;

        let mut command = Command::new(openssl);
        command.arg("ocsp").arg("-index").arg(&index).arg("-CA").arg(&leaf.intermediate_file);
        command.arg("-rsigner").arg(signer).arg("-rkey").arg(key).arg("-issuer").arg(&leaf.intermediate_file);
        command.args(["-serial", &format!("0x{serial:X}"), "-no_nonce", "-ndays", "7"]).arg("-respout").arg(&response);
        if self != Staple::Delegated {
            command.arg("-resp_no_certs");
        }
        let output = command.output().map_err(text)?;
        if !output.status.success() {
            return Err(format!("openssl ocsp failed: {}", String::from_utf8_lossy(&output.stderr)));
        }
        match self {
            Staple::Expired => predate(openssl, &leaf.intermediate_key_file, &response)?,
            Staple::WrongSignature => {
                let mut bytes = fs::read(&response).map_err(text)?;
                *bytes.last_mut().ok_or("an empty response")? ^= 1;
                fs::write(&response, bytes).map_err(text)?;
            }
            _ => {}
        }
        Ok(response)
    }
}

/// Bytes of an RSA signature with 2048 bits.
const SIGNATURE: usize = 256;

/// Puts all times of a response ten years back and signs it again. OpenSSL makes none that is over; times and RSA signatures
/// have the same length whatever they say, so that nothing else has to change.
fn predate(openssl: &Path, key: &Path, response: &Path) -> Result<(), String> {
    let mut bytes = fs::read(response).map_err(text)?;
    // GeneralizedTime, 15 bytes: 20261120213448Z
    let times: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, at)| at.starts_with(&[0x18, 15, b'2', b'0']))
        .map(|(at, _)| at + 2)
        .collect();
    for at in times {
        let year = &mut bytes[at..at + 4];
        let earlier =
            std::str::from_utf8(year).ok().and_then(|year| Some(year.parse::<u32>().ok()? - 10)).ok_or("no year")?;
        year.copy_from_slice(earlier.to_string().as_bytes());
    }
    // OCSPResponse { status, [0] { ResponseBytes { type, OCTET STRING { BasicOCSPResponse { tbsResponseData, …
    let (outer, _) = content(&bytes).ok_or("no OCSPResponse")?;
    let (_, after_status) = content(outer).ok_or("no status")?;
    let (tagged, _) = content(after_status).ok_or("no responseBytes")?;
    let (response_bytes, _) = content(tagged).ok_or("no ResponseBytes")?;
    let (_, after_type) = content(response_bytes).ok_or("no responseType")?;
    let (octets, _) = content(after_type).ok_or("no response")?;
    let (basic, _) = content(octets).ok_or("no BasicOCSPResponse")?;
    let (_, rest) = content(basic).ok_or("no tbsResponseData")?;
    let signed = &basic[..basic.len() - rest.len()];

    let file = response.with_extension("tbs");
    fs::write(&file, signed).map_err(text)?;
    let mut command = Command::new(openssl);
    let output = command.args(["dgst", "-sha256", "-sign"]).arg(key).arg(&file).output().map_err(text)?;
    if output.stdout.len() != SIGNATURE {
        return Err(format!("openssl dgst: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let start = bytes.len() - SIGNATURE;
    bytes[start..].copy_from_slice(&output.stdout);
    fs::write(response, bytes).map_err(text)
}

/// The content of the first element of some DER, and what follows the element.
fn content(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.get(1..)?.split_first()?;
    let (length, rest) = match first {
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?), &rest[2..]),
        short => (usize::from(short), rest),
    };
    rest.split_at_checked(length)
}

fn text(error: impl std::fmt::Display) -> String {
    format!("making an OCSP response: {error}")
}
