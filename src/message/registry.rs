//! Code points of the IANA TLS registries: open sets, so a value that we don't know is still a value.

use core::fmt;
use core::str::FromStr;

/// No value of the registry has this name, as far as this library knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownName(&'static str);

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} of this name is known", self.0)
    }
}

impl core::error::Error for UnknownName {}

/// A number with names for the values that we know.
macro_rules! registry {
    (
        $(#[$doc:meta])*
        $name:ident($int:ty) {
            $( $(#[$vdoc:meta])* $constant:ident = $value:literal, $text:literal; )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $int);

        impl $name {
            $( $(#[$vdoc])* pub const $constant: $name = $name($value); )*

            /// The registered name, where it is one that this library knows.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $( $value => Some($text), )*
                    _ => None,
                }
            }
        }

        /// By its registered name, in upper or lower case.
        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(name: &str) -> Result<Self, UnknownName> {
                match name {
                    $( _ if name.eq_ignore_ascii_case($text) => Ok($name::$constant), )*
                    _ => Err(UnknownName(stringify!($name))),
                }
            }
        }

        impl From<$int> for $name {
            fn from(value: $int) -> Self {
                $name(value)
            }
        }

        impl From<$name> for $int {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, "{:#06x}", self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

registry! {
    /// TLS record content type (RFC 5246 §6.2.1).
    ContentType(u8) {
        /// change_cipher_spec
        CHANGE_CIPHER_SPEC = 20, "change_cipher_spec";
        /// alert
        ALERT = 21, "alert";
        /// handshake
        HANDSHAKE = 22, "handshake";
        /// application_data
        APPLICATION_DATA = 23, "application_data";
        /// heartbeat (RFC 6520), which this library never speaks
        HEARTBEAT = 24, "heartbeat";
    }
}

registry! {
    /// Handshake message type (RFC 5246 §7.4).
    HandshakeType(u8) {
        /// hello_request
        HELLO_REQUEST = 0, "HelloRequest";
        /// client_hello
        CLIENT_HELLO = 1, "ClientHello";
        /// server_hello
        SERVER_HELLO = 2, "ServerHello";
        /// new_session_ticket (RFC 5077)
        NEW_SESSION_TICKET = 4, "NewSessionTicket";
        /// certificate
        CERTIFICATE = 11, "Certificate";
        /// server_key_exchange
        SERVER_KEY_EXCHANGE = 12, "ServerKeyExchange";
        /// certificate_request
        CERTIFICATE_REQUEST = 13, "CertificateRequest";
        /// server_hello_done
        SERVER_HELLO_DONE = 14, "ServerHelloDone";
        /// certificate_verify
        CERTIFICATE_VERIFY = 15, "CertificateVerify";
        /// client_key_exchange
        CLIENT_KEY_EXCHANGE = 16, "ClientKeyExchange";
        /// finished
        FINISHED = 20, "Finished";
        /// certificate_status (RFC 6066)
        CERTIFICATE_STATUS = 22, "CertificateStatus";
    }
}

registry! {
    /// Type of the certificates that a server asks a client for (RFC 5246 §7.4.4, RFC 8422 §5.5).
    ClientCertificateType(u8) {
        /// A certificate with an RSA key that signs
        RSA_SIGN = 1, "rsa_sign";
        /// DSA, not spoken
        DSS_SIGN = 2, "dss_sign";
        /// Static DH, not spoken
        RSA_FIXED_DH = 3, "rsa_fixed_dh";
        /// Static DH, not spoken
        DSS_FIXED_DH = 4, "dss_fixed_dh";
        /// A certificate with an ECDSA or EdDSA key
        ECDSA_SIGN = 64, "ecdsa_sign";
    }
}

registry! {
    /// Type of what a Certificate message carries (RFC 7250 §3).
    CertificateType(u8) {
        /// A chain of certificates, the default
        X509 = 0, "X.509";
        /// OpenPGP, not spoken
        OPEN_PGP = 1, "OpenPGP";
        /// A SubjectPublicKeyInfo alone
        RAW_PUBLIC_KEY = 2, "Raw Public Key";
    }
}

registry! {
    /// Protocol version as it stands on the wire (RFC 5246 §6.2.1, appendix E).
    ProtocolVersion(u16) {
        /// SSL 3.0
        SSL_3_0 = 0x0300, "SSL 3.0";
        /// TLS 1.0
        TLS_1_0 = 0x0301, "TLS 1.0";
        /// TLS 1.1
        TLS_1_1 = 0x0302, "TLS 1.1";
        /// TLS 1.2
        TLS_1_2 = 0x0303, "TLS 1.2";
        /// TLS 1.3
        TLS_1_3 = 0x0304, "TLS 1.3";
    }
}

registry! {
    /// Cipher suite (RFC 5246 appendix A.5). The named ones are those that this library speaks, the signalling values,
    /// and some that other programs offer, so that errors can name them.
    CipherSuite(u16) {
        /// RFC 5289
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
        /// RFC 5289
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
        /// RFC 5289
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        /// RFC 5289
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
        /// RFC 7905
        TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
        /// RFC 7905
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
        /// Signals secure renegotiation in a ClientHello (RFC 5746 §3.3).
        TLS_EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV";
        /// Signals a fallback to a lower version (RFC 7507).
        TLS_FALLBACK_SCSV = 0x5600, "TLS_FALLBACK_SCSV";
        /// TLS 1.3 (RFC 8446)
        TLS_AES_128_GCM_SHA256 = 0x1301, "TLS_AES_128_GCM_SHA256";
        /// TLS 1.3 (RFC 8446)
        TLS_AES_256_GCM_SHA384 = 0x1302, "TLS_AES_256_GCM_SHA384";
        /// TLS 1.3 (RFC 8446)
        TLS_CHACHA20_POLY1305_SHA256 = 0x1303, "TLS_CHACHA20_POLY1305_SHA256";
        /// static RSA, not spoken
        TLS_RSA_WITH_AES_128_CBC_SHA = 0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA";
        /// static RSA, not spoken
        TLS_RSA_WITH_AES_256_CBC_SHA = 0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA";
        /// static RSA, not spoken
        TLS_RSA_WITH_AES_128_GCM_SHA256 = 0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256";
        /// static RSA, not spoken
        TLS_RSA_WITH_AES_256_GCM_SHA384 = 0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384";
        /// finite-field DH, not spoken
        TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 = 0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256";
        /// finite-field DH, not spoken
        TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 = 0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384";
        /// CBC, not spoken
        TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA = 0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA";
        /// CBC, not spoken
        TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA = 0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA";
        /// CBC, not spoken
        TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA = 0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA";
    }
}

registry! {
    /// Named group (RFC 8422 §5.1.1).
    NamedGroup(u16) {
        /// P-256
        SECP256R1 = 23, "secp256r1";
        /// P-384
        SECP384R1 = 24, "secp384r1";
        /// P-521
        SECP521R1 = 25, "secp521r1";
        /// X25519
        X25519 = 29, "x25519";
        /// X448, not spoken
        X448 = 30, "x448";
        /// TLS 1.3 alone
        X25519_MLKEM768 = 0x11ec, "X25519MLKEM768";
    }
}

registry! {
    /// Signature scheme: in TLS 1.2 a pair of hash and signature algorithm (RFC 5246 §7.4.1.4.1, RFC 8422 §5.1.3, RFC 8446 §4.2.3).
    SignatureScheme(u16) {
        /// RSA PKCS#1 v1.5 with SHA-1, never used
        RSA_PKCS1_SHA1 = 0x0201, "rsa_pkcs1_sha1";
        /// ECDSA with SHA-1, never used
        ECDSA_SHA1 = 0x0203, "ecdsa_sha1";
        /// RSA PKCS#1 v1.5 with SHA-256
        RSA_PKCS1_SHA256 = 0x0401, "rsa_pkcs1_sha256";
        /// ECDSA with SHA-256; in TLS 1.2 the curve is the key's own
        ECDSA_SECP256R1_SHA256 = 0x0403, "ecdsa_secp256r1_sha256";
        /// RSA PKCS#1 v1.5 with SHA-384
        RSA_PKCS1_SHA384 = 0x0501, "rsa_pkcs1_sha384";
        /// ECDSA with SHA-384; in TLS 1.2 the curve is the key's own
        ECDSA_SECP384R1_SHA384 = 0x0503, "ecdsa_secp384r1_sha384";
        /// RSA PKCS#1 v1.5 with SHA-512
        RSA_PKCS1_SHA512 = 0x0601, "rsa_pkcs1_sha512";
        /// ECDSA with SHA-512; in TLS 1.2 the curve is the key's own
        ECDSA_SECP521R1_SHA512 = 0x0603, "ecdsa_secp521r1_sha512";
        /// RSASSA-PSS with SHA-256 and a key of the type rsaEncryption
        RSA_PSS_RSAE_SHA256 = 0x0804, "rsa_pss_rsae_sha256";
        /// RSASSA-PSS with SHA-384 and a key of the type rsaEncryption
        RSA_PSS_RSAE_SHA384 = 0x0805, "rsa_pss_rsae_sha384";
        /// RSASSA-PSS with SHA-512 and a key of the type rsaEncryption
        RSA_PSS_RSAE_SHA512 = 0x0806, "rsa_pss_rsae_sha512";
        /// Ed25519
        ED25519 = 0x0807, "ed25519";
        /// Ed448, not spoken
        ED448 = 0x0808, "ed448";
    }
}

registry! {
    /// Extension type (RFC 6066 §1.1 and the RFCs that added to it).
    ExtensionType(u16) {
        /// RFC 6066 §3
        SERVER_NAME = 0, "server_name";
        /// RFC 6066 §4
        MAX_FRAGMENT_LENGTH = 1, "max_fragment_length";
        /// RFC 6066 §6
        TRUSTED_CA_KEYS = 3, "trusted_ca_keys";
        /// RFC 6066 §8
        STATUS_REQUEST = 5, "status_request";
        /// RFC 8422 §5.1.1
        SUPPORTED_GROUPS = 10, "supported_groups";
        /// RFC 8422 §5.1.2
        EC_POINT_FORMATS = 11, "ec_point_formats";
        /// RFC 5246 §7.4.1.4.1
        SIGNATURE_ALGORITHMS = 13, "signature_algorithms";
        /// RFC 7301
        APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16, "application_layer_protocol_negotiation";
        /// RFC 6962 §3.3.1
        SIGNED_CERTIFICATE_TIMESTAMP = 18, "signed_certificate_timestamp";
        /// RFC 7250
        CLIENT_CERTIFICATE_TYPE = 19, "client_certificate_type";
        /// RFC 7250
        SERVER_CERTIFICATE_TYPE = 20, "server_certificate_type";
        /// RFC 7627
        EXTENDED_MASTER_SECRET = 23, "extended_master_secret";
        /// RFC 8449
        RECORD_SIZE_LIMIT = 28, "record_size_limit";
        /// RFC 5077
        SESSION_TICKET = 35, "session_ticket";
        /// RFC 8446 §4.2.1
        SUPPORTED_VERSIONS = 43, "supported_versions";
        /// RFC 8446 §4.2.4
        CERTIFICATE_AUTHORITIES = 47, "certificate_authorities";
        /// RFC 5746
        RENEGOTIATION_INFO = 0xff01, "renegotiation_info";
    }
}

registry! {
    /// Longest fragment of a record (RFC 6066 §4). The names are the lengths in bytes.
    MaxFragmentLength(u8) {
        /// 512 bytes
        BYTES_512 = 1, "512";
        /// 1,024 bytes
        BYTES_1024 = 2, "1024";
        /// 2,048 bytes
        BYTES_2048 = 3, "2048";
        /// 4,096 bytes
        BYTES_4096 = 4, "4096";
    }
}

impl MaxFragmentLength {
    /// The length in bytes, if it is one of the four that there are.
    #[must_use]
    pub const fn bytes(self) -> Option<u16> {
        match self {
            MaxFragmentLength::BYTES_512 => Some(512),
            MaxFragmentLength::BYTES_1024 => Some(1024),
            MaxFragmentLength::BYTES_2048 => Some(2048),
            MaxFragmentLength::BYTES_4096 => Some(4096),
            _ => None,
        }
    }
}

/// Whether `value` is one of the 16-bit values reserved by RFC 8701 §2 to keep the protocol extensible.
#[must_use]
pub const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}
