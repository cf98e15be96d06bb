//! Generators: what a message is made of, owned, so that a structure can borrow from it.

use alloc::vec;
use alloc::vec::Vec;

use proptest::collection::{self, SizeRange};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;

use super::super::fuzz::encode;
use super::super::*;
use crate::codec::Prefix;

/// Bytes of an opaque vector: sizes as the protocol allows, but small.
pub(super) fn bytes(size: impl Into<SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    collection::vec(any::<u8>(), size)
}

/// Code points: any, but those with a name and GREASE more often.
pub(super) fn codes<T: From<u16> + core::fmt::Debug>() -> impl Strategy<Value = Vec<T>> {
    let code = prop_oneof![any::<u16>(), Just(0x0303), Just(0xc02b), Just(23), Just(0x0403), Just(0xdada)];
    collection::vec(code.prop_map(T::from), 1..8)
}

/// The encoded content of a list.
pub(super) fn list(prefix: Prefix, size: impl Into<SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    collection::vec(bytes(1..40), size).prop_map(move |elements| {
        OpaqueList::encode(prefix, "list", elements.iter().map(Vec::as_slice)).expect("no element is empty")
    })
}

/// The encoded content of a list of trusted authorities.
fn trusted_authorities() -> impl Strategy<Value = Vec<u8>> {
    let digest = (prop_oneof![Just(1), Just(3)], bytes(20)).prop_map(|(typ, digest)| [vec![typ], digest].concat());
    let name = list(Prefix::U16, 1).prop_map(|name| [vec![2], name].concat());
    collection::vec(prop_oneof![Just(vec![0]), digest, name], 0..4).prop_map(|authorities| authorities.concat())
}

#[derive(Clone, Debug)]
pub(super) struct ClientHelloParts {
    version: u16,
    random: [u8; 32],
    session_id: Vec<u8>,
    cipher_suites: Vec<CipherSuite>,
    compression_methods: Vec<u8>,
    extensions: ClientExtensionsParts,
}

#[derive(Clone, Debug)]
struct ClientExtensionsParts {
    server_name: Option<Vec<u8>>,
    renegotiation_info: Option<Vec<u8>>,
    supported_groups: Option<Vec<NamedGroup>>,
    ec_point_formats: Option<Vec<u8>>,
    signature_algorithms: Option<Vec<SignatureScheme>>,
    alpn: Option<Vec<u8>>,
    status_request: Option<(bool, Vec<u8>, Vec<u8>)>,
    certificate_types: [Option<Vec<u8>>; 2],
    session_ticket: Option<Vec<u8>>,
    supported_versions: Option<Vec<ProtocolVersion>>,
    max_fragment_length: Option<u8>,
    record_size_limit: Option<u16>,
    trusted_ca_keys: Option<Vec<u8>>,
    certificate_authorities: Option<Vec<u8>>,
    flags: [bool; 2],
}

prop_compose! {
    pub(super) fn client_hello()(
        version in any::<u16>(),
        random in any::<[u8; 32]>(),
        session_id in bytes(0..=32),
        cipher_suites in codes(),
        compression_methods in bytes(1..4),
        extensions in client_extensions(),
    ) -> ClientHelloParts {
        ClientHelloParts { version, random, session_id, cipher_suites, compression_methods, extensions }
    }
}

prop_compose! {
    fn client_extensions()(
        server_name in option::of(bytes(1..40)),
        renegotiation_info in option::of(bytes(0..40)),
        supported_groups in option::of(codes()),
        ec_point_formats in option::of(bytes(1..4)),
        signature_algorithms in option::of(codes()),
        alpn in option::of(list(Prefix::U8, 1..4)),
        status_request in option::of((any::<bool>(), list(Prefix::U16, 0..3), bytes(0..20))),
        certificate_types in [option::of(bytes(1..4)), option::of(bytes(1..4))],
        session_ticket in option::of(bytes(0..200)),
        supported_versions in option::of(codes()),
        (max_fragment_length, record_size_limit, flags) in any::<(Option<u8>, Option<u16>, [bool; 2])>(),
        (trusted_ca_keys, certificate_authorities) in
            (option::of(trusted_authorities()), option::of(list(Prefix::U16, 1..4))),
    ) -> ClientExtensionsParts {
        ClientExtensionsParts {
            server_name, renegotiation_info, supported_groups, ec_point_formats, signature_algorithms, alpn,
            status_request, certificate_types, session_ticket, supported_versions, max_fragment_length,
            record_size_limit, trusted_ca_keys, certificate_authorities, flags,
        }
    }
}

impl ClientHelloParts {
    pub(super) fn hello(&self) -> ClientHello<'_> {
        ClientHello {
            version: ProtocolVersion(self.version),
            random: &self.random,
            session_id: &self.session_id,
            cipher_suites: List::from(&self.cipher_suites[..]),
            compression_methods: &self.compression_methods,
            extensions: self.extensions.extensions(),
        }
    }
}

impl ClientExtensionsParts {
    fn extensions(&self) -> ClientExtensions<'_> {
        ClientExtensions {
            server_name: self.server_name.as_deref(),
            extended_master_secret: self.flags[0],
            renegotiation_info: self.renegotiation_info.as_deref(),
            supported_groups: self.supported_groups.as_deref().map(List::from),
            ec_point_formats: self.ec_point_formats.as_deref(),
            signature_algorithms: self.signature_algorithms.as_deref().map(List::from),
            alpn: self.alpn.as_deref().map(|names| OpaqueList::from_encoded(Prefix::U8, names)),
            status_request: self.status_request.as_ref().map(|(ocsp, ids, rest)| match ocsp {
                true => StatusRequest::Ocsp {
                    responder_ids: OpaqueList::from_encoded(Prefix::U16, ids),
                    request_extensions: rest,
                },
                false => StatusRequest::Other { status_type: 2, request: rest },
            }),
            signed_certificate_timestamp: self.flags[1],
            client_certificate_type: self.certificate_types[0].as_deref(),
            server_certificate_type: self.certificate_types[1].as_deref(),
            session_ticket: self.session_ticket.as_deref(),
            max_fragment_length: self.max_fragment_length.map(MaxFragmentLength),
            record_size_limit: self.record_size_limit,
            supported_versions: self.supported_versions.as_deref().map(List::from),
            trusted_ca_keys: self.trusted_ca_keys.as_deref().map(TrustedAuthorities::from_encoded),
            certificate_authorities: self
                .certificate_authorities
                .as_deref()
                .map(|names| OpaqueList::from_encoded(Prefix::U16, names)),
            all: Extensions::default(),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct ServerHelloParts {
    version: u16,
    random: [u8; 32],
    session_id: Vec<u8>,
    choice: (u16, u8),
    renegotiation_info: Option<Vec<u8>>,
    ec_point_formats: Option<Vec<u8>>,
    alpn: Option<Vec<u8>>,
    scts: Option<Vec<u8>>,
    limits: (Option<u8>, Option<u16>),
    certificate_types: [Option<u8>; 2],
    flags: [bool; 5],
}

prop_compose! {
    pub(super) fn server_hello()(
        version in any::<u16>(),
        random in any::<[u8; 32]>(),
        session_id in bytes(0..=32),
        choice in any::<(u16, u8)>(),
        renegotiation_info in option::of(bytes(0..40)),
        ec_point_formats in option::of(bytes(1..4)),
        alpn in option::of(bytes(1..20)),
        scts in option::of(list(Prefix::U16, 1..4)),
        limits in any::<(Option<u8>, Option<u16>)>(),
        certificate_types in any::<[Option<u8>; 2]>(),
        flags in any::<[bool; 5]>(),
    ) -> ServerHelloParts {
        ServerHelloParts {
            version, random, session_id, choice, renegotiation_info, ec_point_formats, alpn, scts, limits,
            certificate_types, flags,
        }
    }
}

impl ServerHelloParts {
    pub(super) fn hello(&self) -> ServerHello<'_> {
        let [server_name, extended_master_secret, trusted_ca_keys, status_request, session_ticket] = self.flags;
        let (cipher_suite, compression_method) = self.choice;
        let (max_fragment_length, record_size_limit) = self.limits;
        let [client_certificate_type, server_certificate_type] =
            self.certificate_types.map(|code| code.map(CertificateType));
        ServerHello {
            version: ProtocolVersion(self.version),
            random: &self.random,
            session_id: &self.session_id,
            cipher_suite: CipherSuite(cipher_suite),
            compression_method,
            extensions: ServerExtensions {
                server_name,
                extended_master_secret,
                renegotiation_info: self.renegotiation_info.as_deref(),
                ec_point_formats: self.ec_point_formats.as_deref(),
                alpn: self.alpn.as_deref(),
                trusted_ca_keys,
                status_request,
                signed_certificate_timestamp: self
                    .scts
                    .as_deref()
                    .map(|scts| OpaqueList::from_encoded(Prefix::U16, scts)),
                client_certificate_type,
                server_certificate_type,
                session_ticket,
                max_fragment_length: max_fragment_length.map(MaxFragmentLength),
                record_size_limit,
                all: Extensions::default(),
            },
        }
    }
}

/// Any message that this library can write, by its type and body.
pub(super) fn message() -> impl Strategy<Value = (HandshakeType, Vec<u8>)> {
    Union::new(each_message())
}

/// A generator for each type of message that this library can write.
pub(super) fn each_message() -> Vec<BoxedStrategy<(HandshakeType, Vec<u8>)>> {
    let opaque = || bytes(0..150);
    let filled = || bytes(1..150);
    vec![
        Just((HandshakeType::HELLO_REQUEST, Vec::new())).boxed(),
        client_hello().prop_map(|parts| (HandshakeType::CLIENT_HELLO, encode(|w| parts.hello().write(w)))).boxed(),
        server_hello().prop_map(|parts| (HandshakeType::SERVER_HELLO, encode(|w| parts.hello().write(w)))).boxed(),
        (any::<u32>(), opaque())
            .prop_map(|(lifetime_hint, ticket)| {
                let message = NewSessionTicket { lifetime_hint, ticket: &ticket };
                (HandshakeType::NEW_SESSION_TICKET, encode(|w| message.write(w)))
            })
            .boxed(),
        prop_oneof![list(Prefix::U24, 0..4), opaque()]
            .prop_map(|content| (HandshakeType::CERTIFICATE, encode(|w| Certificate::from_encoded(&content).write(w))))
            .boxed(),
        (any::<[u16; 2]>(), filled(), opaque())
            .prop_map(|([group, scheme], public_key, signature)| {
                let params = EcdhParams { group: NamedGroup(group), public_key: &public_key };
                let message = ServerKeyExchange { params, scheme: SignatureScheme(scheme), signature: &signature };
                (HandshakeType::SERVER_KEY_EXCHANGE, encode(|w| message.write(w)))
            })
            .boxed(),
        (bytes(1..4), codes(), list(Prefix::U16, 0..4))
            .prop_map(|(types, schemes, authorities)| {
                let message = CertificateRequest {
                    certificate_type: CertificateType::X509,
                    certificate_types: &types,
                    schemes: List::from(&schemes[..]),
                    authorities: OpaqueList::from_encoded(Prefix::U16, &authorities),
                };
                (HandshakeType::CERTIFICATE_REQUEST, encode(|w| message.write(w)))
            })
            .boxed(),
        Just((HandshakeType::SERVER_HELLO_DONE, Vec::new())).boxed(),
        (any::<u16>(), opaque())
            .prop_map(|(scheme, signature)| {
                let message = CertificateVerify { scheme: SignatureScheme(scheme), signature: &signature };
                (HandshakeType::CERTIFICATE_VERIFY, encode(|w| message.write(w)))
            })
            .boxed(),
        filled()
            .prop_map(|public_key| {
                let message = ClientKeyExchange { public_key: &public_key };
                (HandshakeType::CLIENT_KEY_EXCHANGE, encode(|w| message.write(w)))
            })
            .boxed(),
        any::<[u8; 12]>()
            .prop_map(|verify_data| {
                let message = Finished { verify_data: &verify_data };
                (HandshakeType::FINISHED, encode(|w| message.write(w)))
            })
            .boxed(),
        filled()
            .prop_map(|response| {
                let message = CertificateStatus { response: &response };
                (HandshakeType::CERTIFICATE_STATUS, encode(|w| message.write(w)))
            })
            .boxed(),
    ]
}
