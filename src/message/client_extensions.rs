use super::extensions::{Extensions, write, write_block};
use super::{
    CertificateType, ExtensionType as E, List, MaxFragmentLength, NamedGroup, OpaqueList, ProtocolVersion,
    SignatureScheme, TrustedAuthorities,
};
use crate::codec::{Malformed, Prefix, Reader, Writer};

/// The extensions of a ClientHello that this library understands; absent ones are `None` or `false`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientExtensions<'a> {
    /// The name of the server that is asked for: bytes that should be a DNS name in ASCII (RFC 6066 §3).
    pub server_name: Option<&'a [u8]>,
    /// Whether the master secret is to be bound to the whole handshake (RFC 7627).
    pub extended_master_secret: bool,
    /// The `renegotiated_connection`, empty in a first handshake (RFC 5746 §3.2).
    pub renegotiation_info: Option<&'a [u8]>,
    /// Groups for the key exchange and curves of certificates, best first (RFC 8422 §5.1.1).
    pub supported_groups: Option<List<'a, NamedGroup>>,
    /// Encodings of points; 0 is the uncompressed one (RFC 8422 §5.1.2).
    pub ec_point_formats: Option<&'a [u8]>,
    /// The signatures that the client can verify, best first (RFC 5246 §7.4.1.4.1).
    pub signature_algorithms: Option<List<'a, SignatureScheme>>,
    /// Names of application protocols, best first (RFC 7301 §3.1).
    pub alpn: Option<OpaqueList<'a>>,
    /// The client wants to know the status of the server's certificate (RFC 6066 §8).
    pub status_request: Option<StatusRequest<'a>>,
    /// Whether the client takes signed certificate timestamps (RFC 6962 §3.3.1).
    pub signed_certificate_timestamp: bool,
    /// Codes of the types of certificates that the client can show, best first (RFC 7250 §4.1). See
    /// [`Self::client_certificate_types`].
    pub client_certificate_type: Option<&'a [u8]>,
    /// Codes of the types of certificates that the client takes, best first (RFC 7250 §4.1). See
    /// [`Self::server_certificate_types`].
    pub server_certificate_type: Option<&'a [u8]>,
    /// A ticket of an earlier session, or nothing to ask for one (RFC 5077 §3.2).
    pub session_ticket: Option<&'a [u8]>,
    /// The longest fragment that is wanted (RFC 6066 §4). Not checked to be one of the four that there are.
    pub max_fragment_length: Option<MaxFragmentLength>,
    /// The longest plaintext of a record, in bytes, that the client takes (RFC 8449 §4). Not checked to be at least 64.
    pub record_size_limit: Option<u16>,
    /// The versions that the client speaks, best first (RFC 8446 §4.2.1).
    pub supported_versions: Option<List<'a, ProtocolVersion>>,
    /// The authorities whose keys the client has (RFC 6066 §6).
    pub trusted_ca_keys: Option<TrustedAuthorities<'a>>,
    /// The names of authorities that the client trusts, each the DER of a `Name` (RFC 8446 §4.2.4).
    pub certificate_authorities: Option<OpaqueList<'a>>,
    /// All extensions as they came, also those that stand in no other field. Not written.
    pub all: Extensions<'a>,
}

impl<'a> ClientExtensions<'a> {
    /// Reads the end of a hello.
    #[inline]
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut extensions = ClientExtensions::default();
        extensions.all = Extensions::read(r, |typ, r| extensions.read_one(typ, r))?;
        Ok(extensions)
    }

    #[inline]
    fn read_one(&mut self, typ: E, r: &mut Reader<'a>) -> Result<(), Malformed> {
        match typ {
            E::SERVER_NAME => self.server_name = Some(read_server_name(r)?),
            E::EXTENDED_MASTER_SECRET => self.extended_master_secret = true,
            E::RENEGOTIATION_INFO => self.renegotiation_info = Some(r.vector(Prefix::U8, "renegotiated_connection")?),
            E::SUPPORTED_GROUPS => self.supported_groups = Some(List::read(r, Prefix::U16, "named_group_list")?),
            E::EC_POINT_FORMATS => self.ec_point_formats = Some(r.filled(Prefix::U8, "ec_point_format_list")?),
            E::SIGNATURE_ALGORITHMS => {
                self.signature_algorithms = Some(List::read(r, Prefix::U16, "supported_signature_algorithms")?);
            }
            E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => {
                self.alpn = Some(OpaqueList::filled(r, Prefix::U16, Prefix::U8, "protocol_name_list")?);
            }
            E::STATUS_REQUEST => self.status_request = Some(StatusRequest::read(r)?),
            E::SIGNED_CERTIFICATE_TIMESTAMP => self.signed_certificate_timestamp = true,
            E::CLIENT_CERTIFICATE_TYPE => {
                self.client_certificate_type = Some(r.filled(Prefix::U8, "client_certificate_types")?);
            }
            E::SERVER_CERTIFICATE_TYPE => {
                self.server_certificate_type = Some(r.filled(Prefix::U8, "server_certificate_types")?);
            }
            E::SESSION_TICKET => self.session_ticket = Some(r.rest()),
            E::MAX_FRAGMENT_LENGTH => self.max_fragment_length = Some(r.u8("max_fragment_length")?.into()),
            E::RECORD_SIZE_LIMIT => self.record_size_limit = Some(r.u16("record_size_limit")?),
            E::SUPPORTED_VERSIONS => self.supported_versions = Some(List::read(r, Prefix::U8, "versions")?),
            E::TRUSTED_CA_KEYS => self.trusted_ca_keys = Some(TrustedAuthorities::read(r)?),
            E::CERTIFICATE_AUTHORITIES => {
                self.certificate_authorities = Some(OpaqueList::filled(r, Prefix::U16, Prefix::U16, "authorities")?);
            }
            // RFC 5246 §7.4.1.4: a server ignores what it does not know.
            _ => _ = r.rest(),
        }
        Ok(())
    }

    /// The types of certificates that the client can show if it is asked for one, best first: without the extension X.509
    /// alone.
    pub fn client_certificate_types(&self) -> impl Iterator<Item = CertificateType> + Clone + use<'a> {
        types(self.client_certificate_type)
    }

    /// The types of certificates that the client takes from the server, best first: without the extension X.509 alone.
    pub fn server_certificate_types(&self) -> impl Iterator<Item = CertificateType> + Clone + use<'a> {
        types(self.server_certificate_type)
    }

    /// The names of all authorities that the client says it trusts, each the DER of a `Name`: those of `trusted_ca_keys`, then
    /// those of `certificate_authorities`.
    pub fn authorities(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let keys = self.trusted_ca_keys.into_iter().flat_map(TrustedAuthorities::names);
        keys.chain(self.certificate_authorities.into_iter().flat_map(OpaqueList::iter))
    }

    /// Writes the whole block, or nothing if there is no extension.
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        write_block(w, |w| {
            if let Some(name) = self.server_name {
                write(w, E::SERVER_NAME, |w| write_server_name(w, name));
            }
            if self.extended_master_secret {
                write(w, E::EXTENDED_MASTER_SECRET, |_| ());
            }
            if let Some(verify_data) = self.renegotiation_info {
                write(w, E::RENEGOTIATION_INFO, |w| w.vector(Prefix::U8, "renegotiated_connection", verify_data));
            }
            if let Some(names) = self.alpn {
                write(w, E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, |w| {
                    names.write(w, Prefix::U16, "protocol_name_list");
                });
            }
            if let Some(request) = self.status_request {
                write(w, E::STATUS_REQUEST, |w| request.write(w));
            }
            if self.signed_certificate_timestamp {
                write(w, E::SIGNED_CERTIFICATE_TIMESTAMP, |_| ());
            }
            if let Some(types) = self.client_certificate_type {
                write(w, E::CLIENT_CERTIFICATE_TYPE, |w| w.vector(Prefix::U8, "client_certificate_types", types));
            }
            if let Some(types) = self.server_certificate_type {
                write(w, E::SERVER_CERTIFICATE_TYPE, |w| w.vector(Prefix::U8, "server_certificate_types", types));
            }
            if let Some(ticket) = self.session_ticket {
                write(w, E::SESSION_TICKET, |w| w.bytes(ticket));
            }
            if let Some(length) = self.max_fragment_length {
                write(w, E::MAX_FRAGMENT_LENGTH, |w| w.u8(length.0));
            }
            if let Some(limit) = self.record_size_limit {
                write(w, E::RECORD_SIZE_LIMIT, |w| w.u16(limit));
            }
            if let Some(versions) = self.supported_versions {
                write(w, E::SUPPORTED_VERSIONS, |w| versions.write(w, Prefix::U8, "versions"));
            }
            if let Some(authorities) = self.trusted_ca_keys {
                write(w, E::TRUSTED_CA_KEYS, |w| authorities.write(w));
            }
            if let Some(authorities) = self.certificate_authorities {
                write(w, E::CERTIFICATE_AUTHORITIES, |w| authorities.write(w, Prefix::U16, "authorities"));
            }
            // Last, since some old servers stumble over an empty extension at the end.
            if let Some(groups) = self.supported_groups {
                write(w, E::SUPPORTED_GROUPS, |w| groups.write(w, Prefix::U16, "named_group_list"));
            }
            if let Some(formats) = self.ec_point_formats {
                write(w, E::EC_POINT_FORMATS, |w| w.vector(Prefix::U8, "ec_point_format_list", formats));
            }
            if let Some(schemes) = self.signature_algorithms {
                write(w, E::SIGNATURE_ALGORITHMS, |w| schemes.write(w, Prefix::U16, "supported_signature_algorithms"));
            }
        });
    }
}

fn types(offered: Option<&[u8]>) -> impl Iterator<Item = CertificateType> + Clone + use<'_> {
    offered.unwrap_or(&[CertificateType::X509.0]).iter().copied().map(CertificateType)
}

const HOST_NAME: u8 = 0;

/// RFC 6066 §3: no more than one name of a type, and `host_name` is the only type there is.
fn read_server_name<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    r.sub(Prefix::U16, "server_name_list", |r| match r.u8("name_type")? {
        HOST_NAME => r.filled(Prefix::U16, "host_name"),
        _ => Err(Malformed::Value("name_type")),
    })
}

fn write_server_name(w: &mut Writer<'_>, name: &[u8]) {
    w.sub(Prefix::U16, "server_name_list", |w| {
        w.u8(HOST_NAME);
        w.vector(Prefix::U16, "host_name", name);
    });
}

/// CertificateStatusRequest (RFC 6066 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusRequest<'a> {
    /// The client asks for an OCSP response.
    Ocsp {
        /// The responders that it trusts, each the DER of a `ResponderID`; none if the server knows them already.
        responder_ids: OpaqueList<'a>,
        /// The DER of extensions of the request, or nothing.
        request_extensions: &'a [u8],
    },
    /// The client asks for a status of a type that this library does not know, and which a server may leave out.
    Other {
        /// Which one.
        status_type: u8,
        /// All that follows.
        request: &'a [u8],
    },
}

/// The one CertificateStatusType (RFC 6066 §8).
pub(super) const OCSP: u8 = 1;

impl<'a> StatusRequest<'a> {
    /// A request for an OCSP response from whichever responder, without extensions.
    pub const OCSP: StatusRequest<'static> =
        StatusRequest::Ocsp { responder_ids: OpaqueList::from_encoded(Prefix::U16, &[]), request_extensions: &[] };

    fn read(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(match r.u8("status_type")? {
            OCSP => StatusRequest::Ocsp {
                responder_ids: OpaqueList::read(r, Prefix::U16, Prefix::U16, "responder_id_list")?,
                request_extensions: r.vector(Prefix::U16, "request_extensions")?,
            },
            status_type => StatusRequest::Other { status_type, request: r.rest() },
        })
    }

    fn write(self, w: &mut Writer<'_>) {
        match self {
            StatusRequest::Ocsp { responder_ids, request_extensions } => {
                w.u8(OCSP);
                responder_ids.write(w, Prefix::U16, "responder_id_list");
                w.vector(Prefix::U16, "request_extensions", request_extensions);
            }
            StatusRequest::Other { status_type, request } => {
                w.u8(status_type);
                w.bytes(request);
            }
        }
    }
}
