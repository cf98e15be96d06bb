use super::extensions::{Extensions, write, write_block};
use super::{CertificateType, ExtensionType as E, MaxFragmentLength, OpaqueList};
use crate::codec::{Malformed, Prefix, Reader, Writer};

/// The extensions of a ServerHello that this library understands; absent ones are `None` or `false`.
///
/// Whether the client offered them is for the state to check, by [`Extensions::types`] of `all`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerExtensions<'a> {
    /// Whether the server used the name that it was asked for (RFC 6066 §3).
    pub server_name: bool,
    /// Whether the master secret is bound to the whole handshake (RFC 7627).
    pub extended_master_secret: bool,
    /// The `renegotiated_connection`, empty in a first handshake (RFC 5746 §3.2).
    pub renegotiation_info: Option<&'a [u8]>,
    /// Encodings of points; 0 is the uncompressed one (RFC 8422 §5.1.2).
    pub ec_point_formats: Option<&'a [u8]>,
    /// The name of the one application protocol that was chosen (RFC 7301 §3.1).
    pub alpn: Option<&'a [u8]>,
    /// Whether the server used the authorities that it was told of (RFC 6066 §6).
    pub trusted_ca_keys: bool,
    /// Whether a CertificateStatus may come (RFC 6066 §8).
    pub status_request: bool,
    /// Signed certificate timestamps, each a `SerializedSCT` (RFC 6962 §3.3).
    pub signed_certificate_timestamp: Option<OpaqueList<'a>>,
    /// The type of certificate that the client is asked for (RFC 7250 §4.2).
    pub client_certificate_type: Option<CertificateType>,
    /// The type of the server's certificate (RFC 7250 §4.2).
    pub server_certificate_type: Option<CertificateType>,
    /// Whether a NewSessionTicket will come (RFC 5077 §3.2).
    pub session_ticket: bool,
    /// The longest fragment (RFC 6066 §4). Not checked to be the client's.
    pub max_fragment_length: Option<MaxFragmentLength>,
    /// The longest plaintext of a record, in bytes, that the server takes (RFC 8449 §4). Not checked to be at least 64.
    pub record_size_limit: Option<u16>,
    /// All extensions as they came, also those that stand in no other field. Not written.
    pub all: Extensions<'a>,
}

impl<'a> ServerExtensions<'a> {
    /// Reads the end of a hello.
    #[inline]
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut extensions = ServerExtensions::default();
        extensions.all = Extensions::read(r, |typ, r| extensions.read_one(typ, r))?;
        Ok(extensions)
    }

    #[inline]
    fn read_one(&mut self, typ: E, r: &mut Reader<'a>) -> Result<(), Malformed> {
        match typ {
            E::SERVER_NAME => self.server_name = true,
            E::EXTENDED_MASTER_SECRET => self.extended_master_secret = true,
            E::RENEGOTIATION_INFO => self.renegotiation_info = Some(r.vector(Prefix::U8, "renegotiated_connection")?),
            E::EC_POINT_FORMATS => self.ec_point_formats = Some(r.filled(Prefix::U8, "ec_point_format_list")?),
            // RFC 7301 §3.1: the list of the server has exactly one name.
            E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => {
                let what = "protocol_name_list";
                self.alpn = Some(r.sub(Prefix::U16, what, |r| r.filled(Prefix::U8, what))?);
            }
            E::TRUSTED_CA_KEYS => self.trusted_ca_keys = true,
            E::STATUS_REQUEST => self.status_request = true,
            E::SIGNED_CERTIFICATE_TIMESTAMP => {
                self.signed_certificate_timestamp = Some(OpaqueList::filled(r, Prefix::U16, Prefix::U16, "sct_list")?);
            }
            E::CLIENT_CERTIFICATE_TYPE => {
                self.client_certificate_type = Some(r.u8("client_certificate_type")?.into());
            }
            E::SERVER_CERTIFICATE_TYPE => {
                self.server_certificate_type = Some(r.u8("server_certificate_type")?.into());
            }
            E::SESSION_TICKET => self.session_ticket = true,
            E::MAX_FRAGMENT_LENGTH => self.max_fragment_length = Some(r.u8("max_fragment_length")?.into()),
            E::RECORD_SIZE_LIMIT => self.record_size_limit = Some(r.u16("record_size_limit")?),
            _ => _ = r.rest(),
        }
        Ok(())
    }

    /// Writes the whole block, or nothing if there is no extension.
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        write_block(w, |w| {
            if self.server_name {
                write(w, E::SERVER_NAME, |_| ());
            }
            if self.extended_master_secret {
                write(w, E::EXTENDED_MASTER_SECRET, |_| ());
            }
            if let Some(verify_data) = self.renegotiation_info {
                write(w, E::RENEGOTIATION_INFO, |w| w.vector(Prefix::U8, "renegotiated_connection", verify_data));
            }
            if let Some(formats) = self.ec_point_formats {
                write(w, E::EC_POINT_FORMATS, |w| w.vector(Prefix::U8, "ec_point_format_list", formats));
            }
            if let Some(name) = self.alpn {
                write(w, E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, |w| {
                    let what = "protocol_name_list";
                    w.sub(Prefix::U16, what, |w| w.vector(Prefix::U8, what, name));
                });
            }
            if self.trusted_ca_keys {
                write(w, E::TRUSTED_CA_KEYS, |_| ());
            }
            if self.status_request {
                write(w, E::STATUS_REQUEST, |_| ());
            }
            if let Some(scts) = self.signed_certificate_timestamp {
                write(w, E::SIGNED_CERTIFICATE_TIMESTAMP, |w| scts.write(w, Prefix::U16, "sct_list"));
            }
            if let Some(certificate_type) = self.client_certificate_type {
                write(w, E::CLIENT_CERTIFICATE_TYPE, |w| w.u8(certificate_type.0));
            }
            if let Some(certificate_type) = self.server_certificate_type {
                write(w, E::SERVER_CERTIFICATE_TYPE, |w| w.u8(certificate_type.0));
            }
            if self.session_ticket {
                write(w, E::SESSION_TICKET, |_| ());
            }
            if let Some(length) = self.max_fragment_length {
                write(w, E::MAX_FRAGMENT_LENGTH, |w| w.u8(length.0));
            }
            if let Some(limit) = self.record_size_limit {
                write(w, E::RECORD_SIZE_LIMIT, |w| w.u16(limit));
            }
        });
    }
}
