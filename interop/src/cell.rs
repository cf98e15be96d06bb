//! What is negotiated in one connection, and how both sides report it.

use std::fmt;

use tls12::message::{CipherSuite, NamedGroup};

/// The cipher suites of the product.
pub const SUITES: [CipherSuite; 6] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// The groups of the product.
pub const GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// A kind of certificate, by the key of its leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ECDSA on P-256
    EcdsaP256,
    /// ECDSA on P-384
    EcdsaP384,
    /// ECDSA on P-521, which is beyond the product: only one backend has it
    EcdsaP521,
    /// RSA with 2048 bits
    Rsa2048,
    /// Ed25519, which TLS 1.2 uses with the ECDSA suites (RFC 8422 §5.10)
    Ed25519,
}

impl Kind {
    /// The kinds of the product.
    pub const ALL: [Kind; 4] = [Kind::EcdsaP256, Kind::EcdsaP384, Kind::Rsa2048, Kind::Ed25519];

    /// Whether a certificate of this kind authenticates this suite.
    #[must_use]
    pub fn fits(self, suite: CipherSuite) -> bool {
        let rsa = suite.name().is_some_and(|name| name.contains("_RSA_"));
        rsa == (self == Kind::Rsa2048)
    }

    /// The group that a client has to offer so that the certificate may be used at all (RFC 8422 §5.3).
    #[must_use]
    pub fn curve(self) -> Option<NamedGroup> {
        match self {
            Kind::EcdsaP256 => Some(NamedGroup::SECP256R1),
            Kind::EcdsaP384 => Some(NamedGroup::SECP384R1),
            Kind::EcdsaP521 => Some(NamedGroup::SECP521R1),
            Kind::Rsa2048 | Kind::Ed25519 => None,
        }
    }

    /// As a file name.
    #[must_use]
    pub fn file_stem(self) -> &'static str {
        match self {
            Kind::EcdsaP256 => "ecdsa-p256",
            Kind::EcdsaP384 => "ecdsa-p384",
            Kind::EcdsaP521 => "ecdsa-p521",
            Kind::Rsa2048 => "rsa-2048",
            Kind::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::EcdsaP256 => "ECDSA P-256",
            Kind::EcdsaP384 => "ECDSA P-384",
            Kind::EcdsaP521 => "ECDSA P-521",
            Kind::Rsa2048 => "RSA 2048",
            Kind::Ed25519 => "Ed25519",
        })
    }
}

/// One point of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The cipher suite.
    pub suite: CipherSuite,
    /// The server's certificate.
    pub kind: Kind,
    /// The group of the key exchange.
    pub group: NamedGroup,
}

impl Cell {
    /// All points: each suite with the certificates that fit it, in each group.
    #[must_use]
    pub fn all() -> Vec<Cell> {
        let mut cells = Vec::new();
        for kind in Kind::ALL {
            for suite in SUITES.into_iter().filter(|suite| kind.fits(*suite)) {
                cells.extend(GROUPS.map(|group| Cell { suite, kind, group }));
            }
        }
        cells
    }

    /// The groups that a client offers in this cell: the cell's own first, then the certificate's curve.
    #[must_use]
    pub fn offered_groups(&self) -> Vec<NamedGroup> {
        let mut groups = vec![self.group];
        groups.extend(self.kind.curve().filter(|curve| *curve != self.group));
        groups
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {} × {}", self.kind, self.suite, self.group)
    }
}

/// What one side says was negotiated; `None` is what it cannot say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The cipher suite.
    pub suite: Option<CipherSuite>,
    /// The group of the key exchange.
    pub group: Option<NamedGroup>,
    /// Whether the extended master secret is used (RFC 7627).
    pub extended_master_secret: Option<bool>,
    /// The application protocol; an empty string for none.
    pub alpn: Option<String>,
    /// The name of the server that the client sent; an empty string for none.
    pub server_name: Option<String>,
    /// Whether the session is one of an earlier connection.
    pub resumed: Option<bool>,
    /// The common name in the client's certificate; an empty string for none.
    pub client: Option<String>,
}

impl Report {
    /// Checks that suite and group are the cell's, as far as the report says; `who` made it.
    pub fn check(&self, cell: &Cell, who: &str) -> Result<(), String> {
        if self.suite.is_some_and(|suite| suite != cell.suite) {
            return Err(format!("{who} reports the suite {:?} instead of {}", self.suite, cell.suite));
        }
        if self.group.is_some_and(|group| group != cell.group) {
            return Err(format!("{who} reports the group {:?} instead of {}", self.group, cell.group));
        }
        Ok(())
    }

    /// As [`Self::check`], and the report must name the suite.
    pub fn check_fully(&self, cell: &Cell, who: &str) -> Result<(), String> {
        self.suite.ok_or_else(|| format!("{who} does not say which suite is used"))?;
        self.check(cell, who)
    }

    /// Checks that the extended master secret is used, unless the peer `lacks` it.
    pub fn check_extended_master_secret(&self, lacks: Option<&str>, who: &str) -> Result<(), String> {
        if self.extended_master_secret.is_some_and(|used| used == lacks.is_some()) {
            let how = if lacks.is_some() { "with" } else { "without" };
            return Err(format!("{who} reports a connection {how} the extended master secret"));
        }
        Ok(())
    }

    /// Reads the report of our own programs for Go and Java: words such as `suite=c02b`, `alpn=h2`, `sni=localhost`.
    #[must_use]
    pub fn parse(line: &str) -> Report {
        let mut report = Report::default();
        for (key, value) in line.split_whitespace().filter_map(|word| word.split_once('=')) {
            match key {
                "suite" => {
                    report.suite = u16::from_str_radix(value, 16)
                        .ok()
                        .map(CipherSuite)
                        .or_else(|| SUITES.into_iter().find(|suite| suite.name() == Some(value)));
                }
                "group" => report.group = u16::from_str_radix(value, 16).ok().map(NamedGroup),
                "ems" => report.extended_master_secret = Some(value == "true"),
                "alpn" => report.alpn = Some(value.to_owned()),
                "sni" => report.server_name = Some(value.to_owned()),
                "resumed" => report.resumed = Some(value == "true"),
                "client" => report.client = Some(value.to_owned()),
                _ => {}
            }
        }
        report
    }
}

/// The suite that OpenSSL (and curl, nginx) calls by this name.
#[must_use]
pub fn suite_by_openssl_name(name: &str) -> Option<CipherSuite> {
    SUITES.into_iter().find(|suite| openssl_name(*suite) == name)
}

/// What OpenSSL calls this suite.
#[must_use]
pub fn openssl_name(suite: CipherSuite) -> String {
    // TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is ECDHE-RSA-AES128-GCM-SHA256, and ChaCha20's names leave out the hash.
    let name = suite.name().unwrap_or_default().trim_start_matches("TLS_").replace("_WITH_", "_");
    name.replace("AES_", "AES").replace("POLY1305_SHA256", "POLY1305").replace('_', "-")
}

/// The group that OpenSSL (and nginx) calls by this name.
#[must_use]
pub fn group_by_openssl_name(name: &str) -> Option<NamedGroup> {
    match name {
        "X25519" => Some(NamedGroup::X25519),
        "prime256v1" | "P-256" => Some(NamedGroup::SECP256R1),
        "secp384r1" | "P-384" => Some(NamedGroup::SECP384R1),
        "secp521r1" | "P-521" => Some(NamedGroup::SECP521R1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_has_thirty_six_cells_for_each_peer_and_role() {
        assert_eq!(Cell::all().len(), 36);
    }

    #[test]
    fn suites_have_openssls_names() {
        assert_eq!(openssl_name(CipherSuite(0xc02b)), "ECDHE-ECDSA-AES128-GCM-SHA256");
        assert_eq!(openssl_name(CipherSuite(0xcca8)), "ECDHE-RSA-CHACHA20-POLY1305");
        assert_eq!(suite_by_openssl_name("ECDHE-RSA-AES256-GCM-SHA384"), Some(CipherSuite(0xc030)));
    }
}
