//! Mistakes in a configuration are found when it is built, and say in which field.

use std::sync::Arc;

use tls12::message::{CipherSuite, MaxFragmentLength, NamedGroup, SignatureScheme};
use tls12::pki_types::CertificateDer;
use tls12::{
    Backend, ClientConfig, ClientConfigBuilder, ConfigError, Identities, Identity, MessageLimits, RecordSize,
    ServerConfig, ServerConfigBuilder, WebPkiVerifier, dangerous,
};

use crate::credentials::{ECDSA_SUITES, Kind, RSA_SUITES, authority, backend_groups, identity};
use crate::pair::{Authority, NAME};

fn client() -> ClientConfigBuilder {
    ClientConfig::builder().roots([authority().root()])
}

fn server() -> ServerConfigBuilder {
    ServerConfig::builder().identity(identity(Kind::P256))
}

#[track_caller]
fn assert_names<T: std::fmt::Debug>(built: Result<T, ConfigError>, field: &str, problem: &str) {
    let error = built.expect_err("this configuration is wrong");
    assert_eq!(error.field(), field);
    assert_eq!(error.to_string(), format!("configuration field `{field}`: {problem}"));
}

/// The settings that both roles have.
macro_rules! common_mistakes {
    ($builder:ident) => {
        let twice = [ECDSA_SUITES[0], ECDSA_SUITES[1], ECDSA_SUITES[0]];
        let with = |suites: &[CipherSuite]| $builder().cipher_suites(suites).build();
        assert_names(with(&[]), "cipher_suites", "at least one cipher suite is needed");
        assert_names(with(&twice), "cipher_suites", "a cipher suite stands there twice");
        let cbc = [ECDSA_SUITES[0], CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA];
        let problem = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA is none that this library speaks";
        assert_names(with(&cbc), "cipher_suites", problem);
        assert_names(with(&[CipherSuite(0x1234)]), "cipher_suites", "0x1234 is none that this library speaks");

        assert_names($builder().groups(vec![]).build(), "groups", "at least one group is needed");
        assert_names($builder().group_names(&[]).build(), "group_names", "at least one group is needed");
        let groups = [NamedGroup::X25519, NamedGroup::X448];
        let problem = "x448 is none of the groups there are";
        assert_names($builder().group_names(&groups).build(), "group_names", problem);
        let groups = [NamedGroup::X25519; 2];
        assert_names($builder().group_names(&groups).build(), "group_names", "a group stands there twice");
        let twice = [backend_groups(), backend_groups()].concat();
        assert_names($builder().groups(twice).build(), "groups", "a group stands there twice");

        let with = |names: &[&[u8]]| $builder().alpn_protocols(names).build();
        assert_names(with(&[b"h2", b"h2"]), "alpn_protocols", "a protocol stands there twice");
        for wrong in [&b""[..], &[b'x'; 256]] {
            assert_eq!(with(&[b"h2", wrong]).unwrap_err().field(), "alpn_protocols", "{} bytes", wrong.len());
        }
        let many: Vec<Vec<u8>> = (0..300u16).map(|number| [&number.to_be_bytes()[..], &[b'x'; 253]].concat()).collect();
        let problem = "the names have more than 32 KiB in all";
        assert_names($builder().alpn_protocols(many).build(), "alpn_protocols", problem);

        let mut limits = MessageLimits::client();
        limits.certificate = 0;
        assert_names($builder().message_limits(limits).build(), "message_limits.certificate", "it is 0");
        let mut limits = MessageLimits::client();
        limits.other = 0;
        assert_names($builder().message_limits(limits).build(), "message_limits.other", "it is 0");

        for wrong in [0, 63, 16_385, u16::MAX] {
            let problem = "it is not 64 to 16384";
            assert_names($builder().record_size(RecordSize::Fixed(wrong)).build(), "record_size", problem);
            assert_names($builder().record_size_limit(wrong).build(), "record_size_limit", problem);
        }
        for right in [64, 16_384] {
            $builder().record_size(RecordSize::Fixed(right)).record_size_limit(right).build().unwrap();
        }
    };
}

#[test]
fn mistakes_in_a_client_s_settings_name_the_field() {
    common_mistakes!(client);

    let with = |schemes: &[SignatureScheme]| client().signature_schemes(schemes).build();
    assert_names(with(&[]), "signature_schemes", "at least one signature scheme is needed");
    let twice = [SignatureScheme::ED25519; 2];
    assert_names(with(&twice), "signature_schemes", "a signature scheme stands there twice");
    let sha1 = [SignatureScheme::ED25519, SignatureScheme::RSA_PKCS1_SHA1];
    assert_names(with(&sha1), "signature_schemes", "rsa_pkcs1_sha1 is none that the backend can verify");

    let rsa_alone = client().cipher_suites(&RSA_SUITES).signature_schemes(&[SignatureScheme::ED25519]);
    assert_names(rsa_alone.build(), "signature_schemes", "none of them fits one of the cipher suites");

    for wrong in [0, 5, 255].map(MaxFragmentLength) {
        let problem = "it is none of the four that there are";
        assert_names(client().max_fragment_length(wrong).build(), "max_fragment_length", problem);
    }

    let problem = "say whom to trust: `roots` or a `verifier`";
    assert_names(ClientConfig::builder().build(), "verifier", problem);
    let problem = "give either `roots` or a `verifier`";
    assert_names(client().verifier(Arc::new(dangerous::AcceptAnything)).build(), "verifier", problem);
    assert_names(ClientConfig::builder().roots([]).build(), "roots", "there is no certificate to trust");
    assert_names(WebPkiVerifier::new([]), "roots", "there is no certificate to trust");
    let garbage = CertificateDer::from(&b"not a certificate"[..]);
    let error = ClientConfig::builder().roots([authority().root(), garbage]).build().unwrap_err();
    assert_eq!(error.field(), "roots");
    assert!(error.to_string().starts_with("configuration field `roots`: certificate 1: "), "{error}");
}

#[test]
fn mistakes_in_a_server_s_settings_name_the_field() {
    common_mistakes!(server);

    let problem = "say who this server is: an `identity` or a `resolver`";
    assert_names(ServerConfig::builder().build(), "identity", problem);
    assert_names(ServerConfig::builder().identities([]).build(), "identity", problem);
    let resolver = Arc::new(Identities::new([identity(Kind::P256)]));
    assert_names(server().resolver(resolver).build(), "resolver", "give either identities or a `resolver`");
    let problem = "none of them fits the identity with a key of type ECDSA secp256r1";
    assert_names(server().cipher_suites(&RSA_SUITES).build(), "cipher_suites", problem);
    let nameless = || identity(Kind::P256).with_names::<String>([]).unwrap();
    let problem = "two identities have the same type of key and of certificate, the same names, or both none, and the same \
                   issuers: the second would never be shown";
    assert_names(ServerConfig::builder().identities([nameless(), nameless()]).build(), "identity.names", problem);
    let twins = [identity(Kind::P256), identity(Kind::P256)];
    assert_names(ServerConfig::builder().identities(twins).build(), "identity.names", problem);
    let another = Authority::named("another authority", 7);
    let another = another.identity_with(&[NAME], Kind::P256.key(), &Kind::P256.private_key());
    ServerConfig::builder().identities([identity(Kind::P256), another]).build().unwrap();
    let strict = ServerConfig::builder().identities([identity(Kind::Rsa2048), nameless()]).strict_server_name(true);
    let problem = "with `strict_server_name`, an identity without names is never shown";
    assert_names(strict.build(), "identity.names", problem);
    let both = ServerConfig::builder().identities([identity(Kind::P256), identity(Kind::Rsa2048)]);
    let problem = "none of them fits the identity with a key of type RSA 2048 bits";
    assert_names(both.cipher_suites(&ECDSA_SUITES).build(), "cipher_suites", problem);
}

#[test]
fn mistakes_in_an_identity_name_the_field() {
    let load = |kind: Kind| Backend::default().load_key(&kind.private_key()).unwrap();
    let certificate = || authority().certify(&[NAME], Kind::P256.key());
    assert_names(Identity::new(vec![], load(Kind::P256)), "identity.chain", "there is no certificate");
    let problem = "the key (Ed25519) is not that of the first certificate (ECDSA secp256r1)";
    assert_names(Identity::new(vec![certificate()], load(Kind::Ed25519)), "identity.key", problem);
    let garbage = CertificateDer::from(&b"not a certificate"[..]);
    let error = Identity::new(vec![certificate(), garbage], load(Kind::P256)).unwrap_err();
    assert_eq!(error.field(), "identity.chain");
    assert!(error.to_string().starts_with("configuration field `identity.chain`: certificate 1: "), "{error}");
    let named = identity(Kind::P256).with_names(["not a name"]);
    assert_names(named, "identity.names", "\"not a name\" is not a DNS name");

    let key = Kind::P256.key().serialize_pem();
    let pem = Identity::from_pem(Backend::default(), b"nothing", key.as_bytes());
    assert_names(pem, "identity.cert_pem", "there is no section CERTIFICATE");
    let chain = rcgen::generate_simple_self_signed([NAME.to_string()]).unwrap();
    let pem = Identity::from_pem(Backend::default(), chain.cert.pem().as_bytes(), b"nothing");
    assert_eq!(pem.unwrap_err().field(), "identity.key_pem");
    let pem = Identity::from_pem(Backend::default(), chain.cert.pem().as_bytes(), key.as_bytes());
    assert_eq!(pem.unwrap_err().field(), "identity.key", "the key is of another certificate");
}
