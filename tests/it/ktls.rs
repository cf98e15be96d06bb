//! The keys for kernel TLS: the layout of Linux, and that records can be made and read with nothing else, by bare ring.

use tls12::{Connection, WakeError};

use crate::credentials::{ECDSA_SUITES, Kind, backend_groups, identity};
use crate::kernel::Kernel;
use crate::pair::{Pair, client_config, server_config};

fn pair(suite: tls12::message::CipherSuite) -> Pair {
    let client = client_config(crate::credentials::authority(), 1).groups(backend_groups());
    let server = server_config(2).groups(backend_groups()).identity(identity(Kind::P256)).cipher_suites(&[suite]);
    let mut pair = Pair::driven(client, server);
    pair.assert_established();
    pair.client_says(b"some records");
    pair.client_says(b"before");
    pair.server_says(b"and back");
    pair
}

/// `end` rests and the kernel goes on for it; its peer does not notice.
fn goes_on<C: Connection, P: Connection>(
    end: crate::pair::End<C>,
    mut peer: crate::pair::End<P>,
    size: usize,
    without_exporters: bool,
) {
    let mut dormant = end.connection.export().unwrap();
    if without_exporters {
        dormant = dormant.without_exporters();
    }
    let secrets = dormant.into_ktls_secrets().unwrap();
    assert_eq!((secrets.transmit.as_bytes().len(), secrets.receive.as_bytes().len()), (size, size));
    let (mut transmit, mut receive) =
        (Kernel::new(secrets.transmit.as_bytes()), Kernel::new(secrets.receive.as_bytes()));
    let before = peer.data().len();
    for round in 0..5_u8 {
        assert_eq!(receive.open(&peer.write(&[round; 1000])), [round; 1000]);
        peer.inbox.extend(transmit.seal(23, &[round; 100]));
        peer.read();
    }
    let expected: Vec<u8> = (0..5).flat_map(|round| [round; 100]).collect();
    assert_eq!(peer.data()[before..], expected);
    peer.inbox = transmit.seal(21, &[1, 0]);
    peer.read();
    assert!(peer.closed(), "{:?}", peer.happened);
}

#[test]
fn records_go_on_in_the_kernel_with_the_keys_and_numbers_that_it_is_given() {
    for (suite, size) in ECDSA_SUITES.into_iter().zip([40, 56, 56]) {
        for without_exporters in [false, true] {
            let Pair { client, server } = pair(suite);
            goes_on(client, server, size, without_exporters);
            let Pair { client, server } = pair(suite);
            goes_on(server, client, size, without_exporters);
        }
    }
}

#[test]
fn a_peer_that_wants_short_records_is_not_the_kernels() {
    let client = client_config(crate::credentials::authority(), 1).groups(backend_groups()).record_size_limit(700);
    let server = server_config(2).groups(backend_groups()).identity(identity(Kind::P256));
    let pair = Pair::driven(client, server);
    pair.assert_established();
    let refused = pair.server.connection.export().unwrap().into_ktls_secrets().map(|_| ()).unwrap_err();
    assert_eq!(refused.error(), WakeError::RecordSize(700));
    assert!(refused.into_inner().to_bytes().len() > 100, "it is still there");
    assert!(pair.client.connection.export().unwrap().into_ktls_secrets().is_ok(), "the server takes long ones");
}

#[test]
fn a_connection_that_is_closed_in_a_direction_is_not_the_kernels() {
    let mut pair = pair(ECDSA_SUITES[0]);
    pair.client.connection.close();
    pair.drive();
    for dormant in [pair.client.connection.export().unwrap(), pair.server.connection.export().unwrap()] {
        let refused = dormant.into_ktls_secrets().map(|_| ()).unwrap_err();
        assert_eq!(refused.error(), WakeError::Closed);
        assert!(refused.into_inner().to_bytes().len() > 100, "it is still there");
    }
}
