//! `tshark` reads what our client and our server said to each other, with the key log of either.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::{fs, thread};

use interop::capture::{self, Capture, Plaintext};
use interop::cell::SUITES;
use interop::net::{self, Socket};
use interop::ours::{self, ClientSetup, ServerSetup};
use interop::peers::Lab;
use interop::{matrix, talk};
use tls12::Backend;
use tls12::message::CipherSuite;

/// What each side sends, in bytes: more than a record.
const TEXT: usize = 20_000;

#[test]
fn tshark_decrypts_our_connections_with_the_key_log_of_either_side() {
    let lab = Lab::set_up(Path::new(env!("CARGO_TARGET_TMPDIR")), Backend::default())
        .unwrap_or_else(|error| panic!("{error}"));
    let logs = ["client", "server"].map(|role| lab.directory.join(format!("{role}.keys")));
    let (captures, said): (Vec<_>, Vec<_>) =
        SUITES.map(|suite| talk_to_ourselves(&lab, suite, &logs)).into_iter().unzip();
    let decrypt = |key_log: &Path| {
        let read = capture::decrypt(&lab.programs.tshark, &captures, key_log, &lab.directory);
        read.unwrap_or_else(|error| panic!("{}: {error}", key_log.display()))
    };
    for log in &logs {
        for ((suite, read), said) in SUITES.iter().zip(decrypt(log)).zip(&said) {
            let lengths = format!("{} bytes of the client, {} of the server", read.client.len(), read.server.len());
            assert!(read == *said, "{suite}, {}: tshark read {lengths}", log.display());
        }
    }
    // It has to be the key log that opens them.
    let nothing = lab.directory.join("empty.keys");
    fs::write(&nothing, "").unwrap();
    assert!(decrypt(&nothing).iter().all(|read| *read == Plaintext::default()), "read without a key");
}

/// One connection; both sides log its keys, and both send at the same time.
fn talk_to_ourselves(lab: &Lab, suite: CipherSuite, key_logs: &[PathBuf; 2]) -> (Capture, Plaintext) {
    let said = Plaintext { client: talk::text(TEXT, 1), server: talk::text(TEXT, 2) };
    let (listener, port) = net::listen().unwrap();
    let leaf = lab.certs.leaves.iter().find(|leaf| leaf.kind.fits(suite)).unwrap();
    let mut client = ClientSetup::new(lab);
    client.suites = vec![suite];
    let mut server = ServerSetup::new(lab, leaf);
    [client.key_log, server.key_log] = key_logs.clone().map(Some);
    let capture = Capture::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            let socket = net::accept(&listener, net::deadline(), &AtomicBool::new(false)).unwrap();
            let mut session = ours::server(&server.config().unwrap(), socket).unwrap();
            session.write_all(&said.server).unwrap();
            let mut received = vec![0; TEXT];
            session.read_exact(&mut received).unwrap();
            assert!(received == said.client);
            matrix::close(&mut session).unwrap();
        });
        let socket = Socket::connect(port, net::deadline()).unwrap().captured(&capture);
        let mut session = ours::client(&client.config().unwrap(), &client.name, socket).unwrap();
        assert_eq!(session.report().suite, Some(suite));
        assert_eq!(session.report().extended_master_secret, Some(true));
        session.write_all(&said.client).unwrap();
        let mut received = vec![0; TEXT];
        session.read_exact(&mut received).unwrap();
        assert!(received == said.server);
        matrix::close(&mut session).unwrap();
    });
    (capture, said)
}
