//! OpenSSL talks to one process, and then, on the same connection, to another.

use std::net::TcpListener;
use std::path::Path;
use std::thread;

use interop::cell::{Kind, SUITES};
use interop::certs::NAME;
use interop::handover::{self, Woken};
use interop::ours::{ClientSetup, ServerSetup};
use interop::peers::{ClientPeer, Job, Lab, OpenSslClient, Versions, s_server};
use interop::{net, talk};
use tls12::Backend;
use tls12::message::CipherSuite;

/// The process that takes over.
const WOKEN: &str = env!("CARGO_BIN_EXE_woken");

const BACKENDS: [Backend; 2] = [Backend::Ring, Backend::AwsLc];

fn lab(backend: Backend) -> Lab {
    Lab::set_up(Path::new(env!("CARGO_TARGET_TMPDIR")), backend).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_live_connection_goes_to_another_process_and_openssl_does_not_notice() {
    for before in BACKENDS {
        let lab = lab(before);
        for after in BACKENDS {
            let woken = Woken { program: Path::new(WOKEN), backend: after };
            SUITES[..3].iter().for_each(|suite| hand_over(&lab, *suite, &woken));
        }
    }
}

/// Our client to OpenSSL's server, and our server to OpenSSL's client.
fn hand_over(lab: &Lab, suite: CipherSuite, woken: &Woken<'_>) {
    let what = format!("{suite}, from {:?} to {:?}", lab.backend, woken.backend);
    let (process, port) = s_server(lab, Kind::EcdsaP256, &["-rev"]).unwrap();
    let mut setup = ClientSetup::new(lab);
    setup.suites = vec![suite];
    let done = handover::client(setup.config().unwrap(), setup.name.clone(), port, woken);
    done.unwrap_or_else(|error| panic!("our client, {what}: {error}\n{}", process.take_output()));

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let payload = talk::text(handover::ECHOED, 1);
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let job = Job {
                port,
                name: NAME,
                roots: &lab.certs.root.file,
                payload: &payload,
                payload_file: Path::new(""),
                versions: Versions::Both,
                alpn: None,
                upload: false,
                identity: None,
                deadline: net::deadline(),
            };
            OpenSslClient::new(&["-max_send_frag", "512"]).connect(lab, &job)
        });
        let mut setup = ServerSetup::new(lab, lab.certs.leaf(Kind::EcdsaP256));
        setup.suites = vec![suite];
        let (socket, _) = listener.accept().unwrap();
        let done = handover::server(setup.config().unwrap(), socket, woken);
        done.unwrap_or_else(|error| panic!("our server, {what}: {error}"));
        // It printed all that it had sent, and saw our close_notify.
        client.join().unwrap().unwrap_or_else(|error| panic!("OpenSSL's client, {what}: {error}"));
    });
}
