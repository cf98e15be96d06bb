//! The legal orders, transcribed from the RFCs and from nothing else: neither the flow tables nor the states were looked at.
//!
//! A sequence is what one side *receives*. It is finite: two letters of traffic stand for all traffic.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use super::puppet::Letter;
use crate::message::HandshakeType as H;

/// A sequence of letters that one side receives.
pub(super) type Sequence = Vec<Letter>;

/// Whether a message of the figure comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comes {
    Always,
    /// The sender may leave it out.
    Maybe,
    Never,
}

use Comes::{Always, Maybe, Never};

/// What was agreed on in the hellos, as far as the order depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct World {
    /// The client's hello had status_request.
    pub(super) status_offered: bool,
    /// The server's hello had status_request.
    pub(super) status_promised: bool,
    /// Both hellos had extended_master_secret: it changes no order, and the check shows so.
    pub(super) extended_master_secret: bool,
}

/// All worlds: a server can only promise what was offered (RFC 5246 §7.4.1.4).
pub(super) fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for (status_offered, status_promised) in [(false, false), (true, false), (true, true)] {
        for extended_master_secret in [true, false] {
            worlds.push(World { status_offered, status_promised, extended_master_secret });
        }
    }
    worlds
}

/// RFC 5246 §7.3, figure 1, the arrows to the client, with what later RFCs put between them. The key exchange is ECDHE,
/// the server has a certificate, and no session_ticket was offered.
fn handshake_to_client(world: World) -> Vec<(Letter, Comes)> {
    vec![
        (Letter::Handshake(H::SERVER_HELLO), Always),
        // RFC 5246 §7.4.2: "The server MUST send a Certificate message whenever the agreed-upon key exchange method uses
        // certificates for authentication".
        (Letter::Handshake(H::CERTIFICATE), Always),
        // RFC 6066 §8: "immediately after the Certificate message"; "it MAY" be left out though it was promised, and
        // without the promise it "MUST NOT" come.
        (Letter::Handshake(H::CERTIFICATE_STATUS), if world.status_promised { Maybe } else { Never }),
        // RFC 8422 §5.4: "This message is sent when using the ECDHE_ECDSA [and] ECDHE_RSA […] key exchange algorithms".
        (Letter::Handshake(H::SERVER_KEY_EXCHANGE), Always),
        // RFC 5246 §7.4.4: "A non-anonymous server can optionally request a certificate from the client"; it "will
        // immediately follow the ServerKeyExchange message".
        (Letter::Handshake(H::CERTIFICATE_REQUEST), Maybe),
        (Letter::Handshake(H::SERVER_HELLO_DONE), Always),
        // RFC 5077 §3.3: "MUST NOT be sent if the server did not include a SessionTicket extension".
        (Letter::Handshake(H::NEW_SESSION_TICKET), Never),
        (Letter::ChangeCipherSpec, Always),
        (Letter::Handshake(H::FINISHED), Always),
    ]
}

/// RFC 5246 §7.3, figure 1, the arrows to the server, which asked for no certificate.
fn handshake_to_server(_: World) -> Vec<(Letter, Comes)> {
    vec![
        (Letter::Handshake(H::CLIENT_HELLO), Always),
        // RFC 5246 §7.4.6: "only sent if the server requests a certificate"; §7.4.8: only with a certificate.
        (Letter::Handshake(H::CERTIFICATE), Never),
        (Letter::Handshake(H::CLIENT_KEY_EXCHANGE), Always),
        (Letter::Handshake(H::CERTIFICATE_VERIFY), Never),
        (Letter::ChangeCipherSpec, Always),
        (Letter::Handshake(H::FINISHED), Always),
    ]
}

/// The handshakes alone.
pub(super) fn handshakes(client: bool, world: World) -> Vec<Sequence> {
    let figure = if client { handshake_to_client(world) } else { handshake_to_server(world) };
    let mut sequences = vec![Sequence::new()];
    for (letter, comes) in figure {
        let without = if comes == Maybe { sequences.clone() } else { Vec::new() };
        if comes != Never {
            sequences.iter_mut().for_each(|sequence| sequence.push(letter));
        }
        sequences.extend(without);
    }
    sequences
}

/// All that a side may receive in this world.
pub(super) fn legal(client: bool, world: World) -> Vec<Sequence> {
    // RFC 5246 §7.4.1.1: a HelloRequest "MAY be sent by the server at any time", and the client may answer
    // no_renegotiation; §7.2.2: so may a server, to a ClientHello. Both go on as they were.
    let asks = Letter::Handshake(if client { H::HELLO_REQUEST } else { H::CLIENT_HELLO });
    let traffic = [Letter::ApplicationData, asks];
    let mut sequences = BTreeSet::new();
    for handshake in handshakes(client, world) {
        for first in traffic {
            for second in traffic {
                sequences.insert([&handshake[..], &[first, second]].concat());
            }
        }
        if client {
            // "at any time" is also within the handshake, where it is ignored.
            for place in 0..handshake.len() {
                let mut interrupted = handshake.clone();
                interrupted.insert(place, asks);
                interrupted.push(Letter::ApplicationData);
                sequences.insert(interrupted);
            }
        }
    }
    sequences.into_iter().collect()
}

/// Every beginning of every sequence, the empty one and the whole ones included.
pub(super) fn prefixes(sequences: &[Sequence]) -> BTreeSet<Sequence> {
    sequences.iter().flat_map(|sequence| (0..=sequence.len()).map(|end| sequence[..end].to_vec())).collect()
}

/// Whether the letter may come behind the prefix. A client's HelloRequests may go on and on ("at any time"), which no
/// finite tree can say; how many are too many is not a matter of order.
pub(super) fn may_follow(client: bool, prefixes: &BTreeSet<Sequence>, prefix: &[Letter], letter: Letter) -> bool {
    let always = client && letter == Letter::Handshake(H::HELLO_REQUEST);
    always || prefixes.contains(&[prefix, &[letter]].concat())
}

/// Everything that a peer could say next: every handshake type there is (256 of them), ChangeCipherSpec, and data.
pub(super) fn alphabet() -> impl Iterator<Item = Letter> {
    let messages = (0..=u8::MAX).map(|number| Letter::Handshake(H(number)));
    messages.chain([Letter::ChangeCipherSpec, Letter::ApplicationData])
}

/// Types that a peer of TLS 1.2 knows, and such as other protocols give a meaning to: DTLS, TLS 1.3, NPN, supplemental
/// data; and the last one.
pub(super) fn meaningful(letter: Letter) -> bool {
    match letter {
        Letter::Handshake(message) => {
            message.name().is_some() || [3, 5, 6, 8, 21, 23, 24, 67, 254, 255].contains(&message.0)
        }
        Letter::ChangeCipherSpec | Letter::ApplicationData => true,
    }
}
