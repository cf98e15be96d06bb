//! Alerts (RFC 5246 §7.2).

use core::fmt;

/// How severe the sender of an alert says it is (RFC 5246 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertLevel {
    /// The connection goes on, except after `close_notify`.
    Warning,
    /// The connection is over.
    Fatal,
}

impl AlertLevel {
    /// The level's code on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            AlertLevel::Warning => 1,
            AlertLevel::Fatal => 2,
        }
    }
}

macro_rules! alerts {
    ($( $(#[$doc:meta])* $constant:ident = $code:literal, $name:literal, $cause:literal; )*) => {
        /// What an alert says (RFC 5246 §7.2, RFC 6066 §9, RFC 7301 §3.2, RFC 7507 §2).
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct AlertDescription(pub u8);

        impl AlertDescription {
            $( $(#[$doc])* pub const $constant: AlertDescription = AlertDescription($code); )*

            /// The registered name, where there is one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $( $code => Some($name), )* _ => None }
            }

            /// What usually makes a peer send this alert, for the person who reads the error.
            #[must_use]
            pub const fn usual_cause(self) -> &'static str {
                match self.0 {
                    $( $code => $cause, )*
                    _ => "this alert is not registered for TLS 1.2; the peer's own log may say more",
                }
            }
        }
    };
}

alerts! {
    /// close_notify
    CLOSE_NOTIFY = 0, "close_notify", "the peer closed the connection";
    /// unexpected_message
    UNEXPECTED_MESSAGE = 10, "unexpected_message", "the peer got a message that it did not wait for; one of the two sides has a defect, or something in between changed the order";
    /// bad_record_mac
    BAD_RECORD_MAC = 20, "bad_record_mac", "the peer could not decrypt a record; something in between changed bytes, or one of the two sides has a defect";
    /// decryption_failed, reserved
    DECRYPTION_FAILED = 21, "decryption_failed", "the peer could not decrypt a record and is of an old kind";
    /// record_overflow
    RECORD_OVERFLOW = 22, "record_overflow", "the peer got a record longer than it allows";
    /// decompression_failure
    DECOMPRESSION_FAILURE = 30, "decompression_failure", "compression is never offered here; one of the two sides has a defect";
    /// handshake_failure
    HANDSHAKE_FAILURE = 40, "handshake_failure", "nothing in common: compare cipher suites, groups, signature schemes and the type of the certificate on both sides; or the peer demands a client certificate";
    /// no_certificate, reserved
    NO_CERTIFICATE = 41, "no_certificate", "an alert of SSL 3.0, which no peer of TLS 1.2 may send";
    /// bad_certificate
    BAD_CERTIFICATE = 42, "bad_certificate", "the peer found a certificate of ours broken, its signatures wrong, its key or key usage unfit, or that it does not cover the name that the peer asked for";
    /// unsupported_certificate
    UNSUPPORTED_CERTIFICATE = 43, "unsupported_certificate", "the peer does not support the type of our certificate";
    /// certificate_revoked
    CERTIFICATE_REVOKED = 44, "certificate_revoked", "our certificate was revoked by its issuer";
    /// certificate_expired
    CERTIFICATE_EXPIRED = 45, "certificate_expired", "our certificate has expired or is not valid yet by the peer's clock";
    /// certificate_unknown
    CERTIFICATE_UNKNOWN = 46, "certificate_unknown", "the peer does not accept our certificate, often because it does not know the issuer or the name does not match";
    /// illegal_parameter
    ILLEGAL_PARAMETER = 47, "illegal_parameter", "the peer found a value of ours out of range or inconsistent";
    /// unknown_ca
    UNKNOWN_CA = 48, "unknown_ca", "the peer does not trust the issuer of our certificate: send the intermediate certificates, or give the peer the root";
    /// access_denied
    ACCESS_DENIED = 49, "access_denied", "our certificate is valid, but the peer's policy does not let us in";
    /// decode_error
    DECODE_ERROR = 50, "decode_error", "the peer could not parse a message of ours";
    /// decrypt_error
    DECRYPT_ERROR = 51, "decrypt_error", "the peer found a signature or a Finished of ours wrong: a private key that does not match, or something in between changed the handshake";
    /// export_restriction, reserved
    EXPORT_RESTRICTION = 60, "export_restriction", "an alert that no peer of TLS 1.2 may send";
    /// protocol_version
    PROTOCOL_VERSION = 70, "protocol_version", "the peer does not speak TLS 1.2";
    /// insufficient_security
    INSUFFICIENT_SECURITY = 71, "insufficient_security", "the peer demands stronger cipher suites, groups or keys than we offered";
    /// internal_error
    INTERNAL_ERROR = 80, "internal_error", "the peer failed for a reason of its own; its log may say more";
    /// inappropriate_fallback (RFC 7507)
    INAPPROPRIATE_FALLBACK = 86, "inappropriate_fallback", "the peer speaks a higher version than the one of this fallback attempt";
    /// user_canceled
    USER_CANCELED = 90, "user_canceled", "somebody or something on the peer's side broke the handshake off";
    /// no_renegotiation
    NO_RENEGOTIATION = 100, "no_renegotiation", "the peer does not renegotiate";
    /// unsupported_extension
    UNSUPPORTED_EXTENSION = 110, "unsupported_extension", "the peer got an extension in our hello that it did not ask for";
    /// certificate_unobtainable (RFC 6066)
    CERTIFICATE_UNOBTAINABLE = 111, "certificate_unobtainable", "the peer could not fetch a certificate from a URL";
    /// unrecognized_name (RFC 6066)
    UNRECOGNIZED_NAME = 112, "unrecognized_name", "the peer serves no host of the name that we asked for";
    /// bad_certificate_status_response (RFC 6066)
    BAD_CERTIFICATE_STATUS_RESPONSE = 113, "bad_certificate_status_response", "the peer found our stapled OCSP response missing, old or wrong";
    /// bad_certificate_hash_value (RFC 6066)
    BAD_CERTIFICATE_HASH_VALUE = 114, "bad_certificate_hash_value", "the peer fetched a certificate whose hash does not match";
    /// unknown_psk_identity (RFC 4279)
    UNKNOWN_PSK_IDENTITY = 115, "unknown_psk_identity", "the peer does not know this PSK identity";
    /// certificate_required (RFC 8446)
    CERTIFICATE_REQUIRED = 116, "certificate_required", "the peer demands a client certificate";
    /// no_application_protocol (RFC 7301)
    NO_APPLICATION_PROTOCOL = 120, "no_application_protocol", "the peer speaks none of the ALPN protocols that we offered";
}

impl AlertDescription {
    /// The level at which this library sends it: everything is fatal but `close_notify`, `user_canceled` and
    /// `no_renegotiation` (RFC 5246 §7.2.2).
    #[must_use]
    pub const fn level(self) -> AlertLevel {
        match self {
            Self::CLOSE_NOTIFY | Self::USER_CANCELED | Self::NO_RENEGOTIATION => AlertLevel::Warning,
            _ => AlertLevel::Fatal,
        }
    }
}

impl fmt::Display for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "alert {}", self.0),
        }
    }
}

impl fmt::Debug for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
