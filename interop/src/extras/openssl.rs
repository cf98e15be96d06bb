//! What only OpenSSL can be made to do: signature schemes one by one, small records, renegotiation, a death in mid-connection.

use tls12::message::{CipherSuite, NamedGroup, SignatureScheme};
use tls12::{AlertDescription, Backend};

use super::{Checked, want};
use crate::cell::{GROUPS, Kind};
use crate::matrix::{self, Order};
use crate::net;
use crate::ours::{self, Cause, ClientSetup, Failure, ServerSetup};
use crate::peers::{Lab, OpenSslClient, OpenSslServer, ServerPeer, Versions, Want, s_server};
use crate::process::Process;
use crate::talk;

/// Schemes, the certificates that they fit, and OpenSSL's names for them.
const SCHEMES: [(SignatureScheme, Kind, &str); 11] = [
    (SignatureScheme::RSA_PKCS1_SHA256, Kind::Rsa2048, "RSA+SHA256"),
    (SignatureScheme::RSA_PKCS1_SHA384, Kind::Rsa2048, "RSA+SHA384"),
    (SignatureScheme::RSA_PKCS1_SHA512, Kind::Rsa2048, "RSA+SHA512"),
    (SignatureScheme::RSA_PSS_RSAE_SHA256, Kind::Rsa2048, "rsa_pss_rsae_sha256"),
    (SignatureScheme::RSA_PSS_RSAE_SHA384, Kind::Rsa2048, "rsa_pss_rsae_sha384"),
    (SignatureScheme::RSA_PSS_RSAE_SHA512, Kind::Rsa2048, "rsa_pss_rsae_sha512"),
    (SignatureScheme::ECDSA_SECP256R1_SHA256, Kind::EcdsaP256, "ECDSA+SHA256"),
    (SignatureScheme::ECDSA_SECP384R1_SHA384, Kind::EcdsaP384, "ECDSA+SHA384"),
    (SignatureScheme::ED25519, Kind::Ed25519, "ed25519"),
    // In TLS 1.2 a scheme does not bind the curve.
    (SignatureScheme::ECDSA_SECP384R1_SHA384, Kind::EcdsaP256, "ECDSA+SHA384"),
    (SignatureScheme::ECDSA_SECP256R1_SHA256, Kind::EcdsaP384, "ECDSA+SHA256"),
];
/// How many of them our server can sign with: neither backend knows ECDSA with the hash of the other curve.
const SIGNED: usize = 9;

/// What only aws-lc-rs has.
const OF_AWS_LC: [(SignatureScheme, Kind, &str); 5] = [
    (SignatureScheme::ECDSA_SECP521R1_SHA512, Kind::EcdsaP521, "ECDSA+SHA512"),
    (SignatureScheme::ECDSA_SECP384R1_SHA384, Kind::EcdsaP521, "ECDSA+SHA384"),
    (SignatureScheme::ECDSA_SECP256R1_SHA256, Kind::EcdsaP521, "ECDSA+SHA256"),
    (SignatureScheme::ECDSA_SECP521R1_SHA512, Kind::EcdsaP256, "ECDSA+SHA512"),
    (SignatureScheme::ECDSA_SECP521R1_SHA512, Kind::EcdsaP384, "ECDSA+SHA512"),
];
/// How many of these it signs with.
const SIGNED_OF_AWS_LC: usize = 3;

/// Those of the backend: the first so many of those that both have, and of its own.
fn schemes(lab: &Lab, common: usize, own: usize) -> impl Iterator<Item = (SignatureScheme, Kind, &'static str)> {
    let own = if lab.backend == Backend::AwsLc { own } else { 0 };
    SCHEMES.into_iter().take(common).chain(OF_AWS_LC.into_iter().take(own))
}

/// All groups, and the certificate's curve: a backend without it has no such certificate here.
fn groups(kind: Kind) -> Vec<NamedGroup> {
    let curve = kind.curve().filter(|curve| !GROUPS.contains(curve));
    GROUPS.into_iter().chain(curve).collect()
}

/// Checks against `openssl s_server`.
pub fn servers(lab: &Lab) -> Vec<Checked> {
    vec![
        ("each signature scheme by itself", schemes_of_server(lab)),
        ("records of 512 bytes", small_records_of_server(lab)),
        ("its HelloRequest is declined", hello_request(lab)),
        ("a death is no close_notify", death(lab)),
        ("the same keying material", keying_material_of_server(lab)),
    ]
}

/// Checks against `openssl s_client`.
pub fn clients(lab: &Lab) -> Vec<Checked> {
    vec![
        ("each signature scheme by itself", schemes_of_client(lab)),
        ("records of 512 bytes", small_records_of_client(lab)),
        ("four certificates, the right one", right_certificate(lab)),
        ("its renegotiation is declined", client_hello_again(lab)),
        ("the same keying material", keying_material_of_client(lab)),
    ]
}

fn of_kind(kind: Kind) -> Want {
    let mut want = want(Versions::Both);
    want.cell.kind = kind;
    want
}

fn schemes_of_server(lab: &Lab) -> Result<String, String> {
    let mut peer = OpenSslServer::new(&[]);
    let schemes = schemes(lab, SCHEMES.len(), OF_AWS_LC.len());
    let mut count = 0;
    for (scheme, kind, name) in schemes {
        let mut setup = ClientSetup::new(lab);
        setup.groups = groups(kind);
        setup.schemes = Some(vec![scheme]);
        let mut talk = || -> Result<(), String> {
            let mut session = matrix::connect(peer.port(lab, &of_kind(kind))?, &setup)?;
            if session.scheme() != Some(scheme) {
                return Err(format!("{:?} was used", session.scheme()));
            }
            peer.talk(&mut session, &talk::text(1000, 1))?;
            matrix::close(&mut session)
        };
        talk().map_err(|error| format!("{name} with {kind}: {error}\n{}", peer.output()))?;
        count += 1;
    }
    Ok(format!("{count} of them"))
}

fn schemes_of_client(lab: &Lab) -> Result<String, String> {
    let mut count = 0;
    for (scheme, kind, name) in schemes(lab, SIGNED, SIGNED_OF_AWS_LC) {
        let mut peer = OpenSslClient::new(&["-sigalgs", name]);
        let setup = ServerSetup::new(lab, lab.certs.leaf(kind));
        let served = matrix::serve(&mut peer, lab, &setup, &Order::new(lab, talk::text(1000, 1)));
        match (&served.ours, &served.peer) {
            (Ok(ours), Ok(_)) if ours.scheme == Some(scheme) => count += 1,
            _ => return Err(served.explain(&format!("{name} with {kind}"), &mut peer)),
        }
    }
    Ok(format!("{count} of them"))
}

fn small_records_of_server(lab: &Lab) -> Result<String, String> {
    let mut peer = OpenSslServer::new(&["-max_send_frag", "512"]);
    let mut session = matrix::connect(peer.port(lab, &of_kind(Kind::Rsa2048))?, &ClientSetup::new(lab))?;
    peer.talk(&mut session, &talk::text(100_000, 1))?;
    matrix::close(&mut session)?;
    Ok("a certificate over several records".to_owned())
}

fn small_records_of_client(lab: &Lab) -> Result<String, String> {
    let mut peer = OpenSslClient::new(&["-max_send_frag", "512"]);
    let setup = ServerSetup::new(lab, lab.certs.leaf(Kind::Rsa2048));
    let served = matrix::serve(&mut peer, lab, &setup, &Order::new(lab, talk::text(100_000, 1)));
    match (&served.ours, &served.peer) {
        (Ok(_), Ok(_)) => Ok(String::new()),
        _ => Err(served.explain("the connection failed", &mut peer)),
    }
}

/// A server with a certificate of each kind shows each client the one that it can verify.
fn right_certificate(lab: &Lab) -> Result<String, String> {
    let mut setup = ServerSetup::new(lab, lab.certs.leaf(Kind::EcdsaP384));
    setup.leaves =
        [Kind::EcdsaP384, Kind::Ed25519, Kind::Rsa2048, Kind::EcdsaP256].map(|kind| lab.certs.leaf(kind)).into();
    let ecdsa = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    let rsa = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    // What a client offers, and the suite and scheme that are then to be used.
    let cases: [(&[&str], CipherSuite, SignatureScheme); 5] = [
        (&["-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], rsa, SignatureScheme::RSA_PSS_RSAE_SHA256),
        (&["-cipher", "AES128", "-sigalgs", "RSA+SHA512"], rsa, SignatureScheme::RSA_PKCS1_SHA512),
        (&["-cipher", "AES128", "-sigalgs", "ed25519"], ecdsa, SignatureScheme::ED25519),
        (&["-cipher", "AES128", "-sigalgs", "ECDSA+SHA384"], ecdsa, SignatureScheme::ECDSA_SECP384R1_SHA384),
        // RFC 8422 §5.3: without P-384 among the client's groups, the certificate on P-384 is not for it.
        (
            &["-cipher", "AES128", "-sigalgs", "ECDSA+SHA256:ECDSA+SHA384", "-groups", "X25519:P-256"],
            ecdsa,
            SignatureScheme::ECDSA_SECP256R1_SHA256,
        ),
    ];
    for (arguments, suite, scheme) in cases {
        let mut all = vec!["-no_tls1_3"];
        all.extend(arguments);
        let mut peer = OpenSslClient::new(&all);
        setup.suites = vec![ecdsa, rsa];
        let served = matrix::serve(&mut peer, lab, &setup, &Order::new(lab, talk::text(1000, 1)));
        match (&served.ours, &served.peer) {
            (Ok(ours), Ok(_)) if ours.report.suite == Some(suite) && ours.scheme == Some(scheme) => {}
            _ => return Err(served.explain(&format!("{arguments:?} should give {suite} and {scheme}"), &mut peer)),
        }
    }
    Ok(String::new())
}

/// OpenSSL's server takes the warning no_renegotiation as a failure of its own wish and ends with handshake_failure.
fn hello_request(lab: &Lab) -> Result<String, String> {
    let (mut process, port) = s_server(lab, Kind::EcdsaP256, &["-tls1_2"])?;
    let mut session = matrix::connect(port, &ClientSetup::new(lab))?;
    process.send_line("r")?;
    let result = session.wait_for_close();
    expect(result, &Cause::PeerAlert(AlertDescription::HANDSHAKE_FAILURE))
        .map_err(|error| format!("{error}\n{}", process.take_output()))
}

fn death(lab: &Lab) -> Result<String, String> {
    let (process, port) = s_server(lab, Kind::EcdsaP256, &["-rev"])?;
    let mut session = matrix::connect(port, &ClientSetup::new(lab))?;
    talk::expect_echo(&mut session, b"abc\n", b"cba\n")?;
    drop(process);
    expect(session.wait_for_close(), &Cause::Truncated)
}

/// `R` makes s_client send a ClientHello in the open connection; it takes our warning no_renegotiation for a failure.
fn client_hello_again(lab: &Lab) -> Result<String, String> {
    let (listener, port) = net::listen().map_err(|error| error.to_string())?;
    let address = format!("127.0.0.1:{port}");
    let mut process = Process::start(&lab.programs.openssl, ["s_client", "-tls1_2", "-connect", &address])?;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let socket = net::accept(&listener, net::deadline(), &stop).map_err(|error| error.to_string())?;
    let mut session = ours::server(&ServerSetup::new(lab, lab.certs.leaf(Kind::EcdsaP256)).config()?, socket)?;
    process.send_line("before")?;
    talk::echo(&mut session, "before\n".len())?;
    process.send_line("R")?;
    let result = session.wait_for_close();
    expect(result, &Cause::PeerAlert(AlertDescription::HANDSHAKE_FAILURE))
        .map_err(|error| format!("{error}\n{}", process.take_output()))
}

const EXPORT: [&str; 5] = ["-tls1_2", "-keymatexport", ours::LABEL, "-keymatexportlen", "32"];

fn keying_material_of_server(lab: &Lab) -> Result<String, String> {
    let (process, port) = s_server(lab, Kind::EcdsaP256, &EXPORT)?;
    let mut session = matrix::connect(port, &ClientSetup::new(lab))?;
    let result = same_keying_material(&process, &session);
    session.close()?;
    result
}

fn keying_material_of_client(lab: &Lab) -> Result<String, String> {
    let (listener, port) = net::listen().map_err(|error| error.to_string())?;
    let address = format!("127.0.0.1:{port}");
    let process = Process::start(&lab.programs.openssl, ["s_client", "-connect", &address].iter().chain(&EXPORT))?;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let socket = net::accept(&listener, net::deadline(), &stop).map_err(|error| error.to_string())?;
    let mut session = ours::server(&ServerSetup::new(lab, lab.certs.leaf(Kind::EcdsaP256)).config()?, socket)?;
    let result = same_keying_material(&process, &session);
    session.close()?;
    result
}

/// OpenSSL prints `    Keying material: 0123…`.
fn same_keying_material(process: &Process, session: &ours::Session) -> Result<String, String> {
    let ours = session.bound().material?;
    let theirs = process.wait_for_line(net::deadline(), |line| {
        line.trim_start().strip_prefix("Keying material: ").map(str::to_lowercase)
    })?;
    if ours == theirs { Ok(String::new()) } else { Err(format!("we export {ours}, OpenSSL {theirs}")) }
}

fn expect(result: Result<(), Failure>, cause: &Cause) -> Result<String, String> {
    match result {
        Err(failure) if failure.cause == *cause => Ok(failure.text),
        other => Err(format!("{other:?} instead of {cause:?}")),
    }
}
