//! Whole handshakes between our own two ends.

use crate::pair::Pair;

#[test]
fn a_client_and_a_server_agree_and_exchange_data() {
    let mut pair = Pair::replayable();
    pair.drive();
    assert!(pair.client.established() && pair.server.established(), "{pair:?}");
    pair.client_says(b"ping");
    pair.server_says(b"pong");
    assert_eq!(pair.server.data(), b"ping");
    assert_eq!(pair.client.data(), b"pong");
}
