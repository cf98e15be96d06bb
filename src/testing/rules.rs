//! The legal orders, transcribed from the RFCs and from nothing else: neither the flow tables nor the states were looked at.
//!
//! A sequence is what one side *receives*. It is finite: two letters of traffic stand for all traffic.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use super::puppet::Letter;
use crate::alert::AlertDescription;
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

/// How the client's hello names an earlier session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    Nothing,
    /// By its session ID (RFC 5246 §7.4.1.2).
    Id,
    /// By a ticket in session_ticket (RFC 5077 §3.2).
    Ticket,
}

/// Whether the server asks for the client's certificate, and how it takes an empty list (RFC 5246 §7.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authentication {
    NotRequested,
    /// It goes on without.
    Optional,
    /// It refuses.
    Required,
}

/// What was agreed on in the hellos, and what both sides were set to, as far as the order depends on it; or does not, and
/// the check shows so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct World {
    pub(super) offered: Offered,
    /// The server goes on with the session that was offered.
    pub(super) resumed: bool,
    /// The client's hello had session_ticket: empty, or with a ticket.
    pub(super) ticket_offered: bool,
    /// The server's hello had session_ticket.
    pub(super) ticket_promised: bool,
    /// The client's hello had status_request.
    pub(super) status_offered: bool,
    /// The server's hello had status_request.
    pub(super) status_promised: bool,
    /// Both hellos had extended_master_secret.
    pub(super) extended_master_secret: bool,
    /// What the server wants of its client. What a client receives depends on it only by way of CertificateRequest, which
    /// may always come.
    pub(super) authentication: Authentication,
    /// The client has a certificate. What it receives does not depend on it.
    pub(super) identity: bool,
}

impl World {
    /// Nothing but what every handshake has.
    pub(super) const PLAIN: World = World {
        offered: Offered::Nothing,
        resumed: false,
        ticket_offered: false,
        ticket_promised: false,
        status_offered: false,
        status_promised: false,
        extended_master_secret: true,
        authentication: Authentication::NotRequested,
        identity: false,
    };

    /// Whether two hellos can agree on this.
    fn can_be(self) -> bool {
        // RFC 5246 §7.4.1.3: the server resumes what was offered. §7.4.1.4: it answers extensions that were offered.
        (!self.resumed || self.offered != Offered::Nothing)
            && (!self.ticket_promised || self.ticket_offered)
            && (!self.status_promised || self.status_offered)
            // RFC 5077 §3.2: a ticket stands in the extension.
            && (self.offered != Offered::Ticket || self.ticket_offered)
            // RFC 5246 §7.4.1.4: "when an older session is resumed, the server does not process these extensions […] and
            // does not include them in Server Hello".
            && !(self.resumed && self.status_promised)
    }
}

/// All worlds of one side: what only the other side has is left alone.
pub(super) fn worlds(client: bool) -> Vec<World> {
    let mut worlds = vec![World::PLAIN];
    let mut vary = |variants: &[fn(&mut World)]| {
        worlds = worlds
            .iter()
            .flat_map(|world| {
                variants.iter().map(|change| {
                    let mut world = *world;
                    change(&mut world);
                    world
                })
            })
            .collect();
    };
    vary(&[|w| w.offered = Offered::Nothing, |w| w.offered = Offered::Id, |w| w.offered = Offered::Ticket]);
    vary(&[|_| (), |w| w.resumed = true]);
    vary(&[|_| (), |w| w.ticket_offered = true]);
    vary(&[|_| (), |w| w.ticket_promised = true]);
    vary(&[|_| (), |w| w.status_offered = true]);
    vary(&[|_| (), |w| w.extended_master_secret = false]);
    if client {
        vary(&[|_| (), |w| w.status_promised = true]);
        vary(&[|_| (), |w| w.identity = true]);
    } else {
        vary(&[
            |_| (),
            |w| w.authentication = Authentication::Optional,
            |w| w.authentication = Authentication::Required,
        ]);
    }
    worlds.retain(|world| world.can_be());
    worlds
}

/// One world for each figure: RFC 5246 §7.3 figures 1 and 2, RFC 5077 §3.1 figures 1 to 4, with all that may come in
/// between.
pub(super) fn figures(client: bool) -> Vec<World> {
    let status = World { status_offered: true, status_promised: client, identity: client, ..World::PLAIN };
    let new_ticket = World { ticket_offered: true, ticket_promised: true, ..status };
    // RFC 5077 §3.2: a client that has no ticket and would take one says so.
    let by_id = World { offered: Offered::Id, resumed: true, ticket_offered: client, ..World::PLAIN };
    let by_ticket = World { offered: Offered::Ticket, resumed: true, ticket_offered: true, ..World::PLAIN };
    let rejected = World { resumed: false, ..by_ticket };
    let mut worlds = vec![
        World::PLAIN,
        by_id,
        new_ticket,
        by_ticket,
        World { ticket_promised: true, ..by_ticket },
        World { ticket_offered: true, ..World::PLAIN },
        World { ticket_promised: true, ..rejected },
    ];
    if !client {
        for authentication in [Authentication::Optional, Authentication::Required] {
            worlds.push(World { authentication, ..World::PLAIN });
            worlds.push(World { authentication, ..by_id });
        }
    }
    worlds
}

/// RFC 5246 §7.3, figures 1 and 2, the arrows to the client, with what later RFCs put between them. The key exchange is
/// ECDHE, and the server has a certificate.
fn handshake_to_client(world: World) -> Vec<(Letter, Comes)> {
    // RFC 5246 §7.3: "both client and server MUST send ChangeCipherSpec messages and proceed directly to Finished
    // messages" if the session is resumed.
    let if_full = |comes| if world.resumed { Never } else { comes };
    vec![
        (Letter::Handshake(H::SERVER_HELLO), Always),
        // RFC 5246 §7.4.2: "The server MUST send a Certificate message whenever the agreed-upon key exchange method uses
        // certificates for authentication".
        (Letter::Handshake(H::CERTIFICATE), if_full(Always)),
        // RFC 6066 §8: "immediately after the Certificate message"; "it MAY" be left out though it was promised, and
        // without the promise it "MUST NOT" come.
        (Letter::Handshake(H::CERTIFICATE_STATUS), if_full(if world.status_promised { Maybe } else { Never })),
        // RFC 8422 §5.4: "This message is sent when using the ECDHE_ECDSA [and] ECDHE_RSA […] key exchange algorithms".
        (Letter::Handshake(H::SERVER_KEY_EXCHANGE), if_full(Always)),
        // RFC 5246 §7.4.4: "A non-anonymous server can optionally request a certificate from the client"; it "will
        // immediately follow the ServerKeyExchange message".
        (Letter::Handshake(H::CERTIFICATE_REQUEST), if_full(Maybe)),
        (Letter::Handshake(H::SERVER_HELLO_DONE), if_full(Always)),
        // RFC 5077 §3.3: "before the ChangeCipherSpec message"; it "MUST be sent if the server included a SessionTicket
        // extension in the ServerHello" and "MUST NOT be sent" if not, in full and in abbreviated handshakes.
        (Letter::Handshake(H::NEW_SESSION_TICKET), if world.ticket_promised { Always } else { Never }),
        (Letter::ChangeCipherSpec, Always),
        (Letter::Handshake(H::FINISHED), Always),
    ]
}

/// What a client shows of itself in a full handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// It was not asked.
    Nothing,
    /// RFC 5246 §7.4.6: "If no suitable certificate is available, the client MUST send a certificate message containing no
    /// certificates."
    NoCertificate,
    Chain,
}

/// RFC 5246 §7.3, figures 1 and 2, the arrows to the server.
fn handshake_to_server(world: World, shown: Shown) -> Vec<(Letter, Comes)> {
    let if_full = |comes| if world.resumed { Never } else { comes };
    let if_shown = |this| if_full(if shown == this { Always } else { Never });
    vec![
        (Letter::Handshake(H::CLIENT_HELLO), Always),
        // RFC 5246 §7.3: "If the server has sent a CertificateRequest message, the client MUST send the Certificate
        // message"; §7.4.6: it "is only sent if the server requests a certificate".
        (Letter::EmptyCertificate, if_shown(Shown::NoCertificate)),
        (Letter::Handshake(H::CERTIFICATE), if_shown(Shown::Chain)),
        // RFC 5246 §7.4.7: "It MUST immediately follow the client certificate message, if it is sent."
        (Letter::Handshake(H::CLIENT_KEY_EXCHANGE), if_full(Always)),
        // RFC 5246 §7.4.8: "only sent following a client certificate that has signing capability", as all have that are
        // used with ECDHE; "it MUST immediately follow the client key exchange message". §7.3: "If the client has sent a
        // certificate with signing ability, a digitally-signed CertificateVerify message is sent".
        (Letter::Handshake(H::CERTIFICATE_VERIFY), if_shown(Shown::Chain)),
        (Letter::ChangeCipherSpec, Always),
        (Letter::Handshake(H::FINISHED), Always),
    ]
}

/// The handshakes alone.
pub(super) fn handshakes(client: bool, world: World) -> Vec<Sequence> {
    if client {
        return sequences(&handshake_to_client(world));
    }
    let shown: &[Shown] = match world.authentication {
        // RFC 5246 §7.3 figure 2: nobody shows a certificate when a session is resumed.
        _ if world.resumed => &[Shown::Nothing],
        Authentication::NotRequested => &[Shown::Nothing],
        Authentication::Optional => &[Shown::NoCertificate, Shown::Chain],
        Authentication::Required => &[Shown::Chain],
    };
    shown.iter().flat_map(|shown| sequences(&handshake_to_server(world, *shown))).collect()
}

/// What may come of a figure: with and without each message that may be left out.
fn sequences(figure: &[(Letter, Comes)]) -> Vec<Sequence> {
    let mut sequences = vec![Sequence::new()];
    for (letter, comes) in figure {
        let without = if *comes == Maybe { sequences.clone() } else { Vec::new() };
        if *comes != Never {
            sequences.iter_mut().for_each(|sequence| sequence.push(*letter));
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

/// What has to become of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Taken,
    /// `unexpected_message`.
    OutOfOrder,
    /// It is in its place, but says too little.
    Refused(AlertDescription),
}

/// What has to become of the letter behind the prefix. A client's HelloRequests may go on and on ("at any time"), which no
/// finite tree can say; how many are too many is not a matter of order.
pub(super) fn fate(client: bool, prefixes: &BTreeSet<Sequence>, prefix: &[Letter], letter: Letter) -> Fate {
    let is_legal = |letter| prefixes.contains(&[prefix, &[letter]].concat());
    if is_legal(letter) || client && letter == Letter::Handshake(H::HELLO_REQUEST) {
        return Fate::Taken;
    }
    if letter == Letter::EmptyCertificate && is_legal(Letter::Handshake(H::CERTIFICATE)) {
        // RFC 5246 §7.4.2: a server has a certificate; here that is a matter of the message's form. §7.4.6: "If the client
        // does not send any certificates, the server MAY […] respond with a fatal handshake_failure alert."
        let alert = if client { AlertDescription::DECODE_ERROR } else { AlertDescription::HANDSHAKE_FAILURE };
        return Fate::Refused(alert);
    }
    Fate::OutOfOrder
}

/// Everything that a peer could say next: every handshake type there is (256 of them), Certificate also without a
/// certificate, ChangeCipherSpec, and data.
pub(super) fn alphabet() -> impl Iterator<Item = Letter> {
    let messages = (0..=u8::MAX).map(|number| Letter::Handshake(H(number)));
    messages.chain([Letter::EmptyCertificate, Letter::ChangeCipherSpec, Letter::ApplicationData])
}

/// Types that a peer of TLS 1.2 knows, and such as other protocols give a meaning to: DTLS, TLS 1.3, NPN, supplemental
/// data; and the last one.
pub(super) fn meaningful(letter: Letter) -> bool {
    match letter {
        Letter::Handshake(message) => {
            message.name().is_some() || [3, 5, 6, 8, 21, 23, 24, 67, 254, 255].contains(&message.0)
        }
        Letter::EmptyCertificate | Letter::ChangeCipherSpec | Letter::ApplicationData => true,
    }
}
