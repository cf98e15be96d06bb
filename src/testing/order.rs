//! The order check: every beginning of every legal sequence, with every letter behind it, against the real connections.
//!
//! A letter has to be taken exactly where [`rules`] says so; anywhere else it is `unexpected_message`.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::println;

use super::bench::Bench;
use super::identities::{P256, Quick, SlowResolver, Trusting, client_config, quick_groups, server_config, slow};
use super::puppet::{self, Letter, Side};
use super::rules::{self, Authentication, Fate, Offered, Sequence, World};
use super::sessions::{self, At, FLEET, ID, Keeper, MASTER_SECRET, NOW, TICKET};
use super::wire;
use crate::alert::AlertDescription;
use crate::error::{Error, Reason};
use crate::flow::{self, Edge};
use crate::identity::PeerCertificates;
use crate::message::{ContentType, HandshakeType};
use crate::session::{ClientAuthPolicy, Handle};
use crate::{ClientConfig, ServerConfig};

/// What a check looks at.
#[derive(Clone, Copy, Debug)]
struct Subject {
    side: Side,
    world: World,
    /// Decisions are put off.
    later: bool,
    /// An arrow that should not be there.
    planted: Option<(&'static str, &'static str)>,
}

impl Subject {
    fn is_client(self) -> bool {
        self.side == Side::Client
    }

    fn bench(self) -> Bench {
        let World { offered, resumed, status_offered, status_promised, ticket_offered, ticket_promised, .. } =
            self.world;
        let keeper = Arc::new(self.keeper());
        let mut bench = match self.side {
            Side::Client => Bench::client(self.client(&keeper)),
            Side::Server => Bench::server(self.server(&keeper)),
        };
        bench.keeper = keeper;
        bench.client_identity = self.world.identity.then(|| slow(&P256));
        let puppet = &mut bench.puppet;
        puppet.exchange = Some(Box::new(Quick));
        puppet.extended_master_secret = self.world.extended_master_secret;
        puppet.session = resumed.then_some(MASTER_SECRET);
        if self.is_client() {
            puppet.status_request = status_promised;
            puppet.ticket_promised = ticket_promised.then(|| TICKET.to_vec());
        } else {
            puppet.status_request = status_offered;
            // RFC 5077 §3.4: a session ID beside a ticket is the client's to choose.
            puppet.session_id = if offered == Offered::Nothing { Vec::new() } else { ID.to_vec() };
            puppet.ticket_offered = ticket_offered.then(|| match offered {
                Offered::Ticket => TICKET.to_vec(),
                Offered::Nothing | Offered::Id => Vec::new(),
            });
        }
        if let Some((state, letter)) = self.planted {
            // The deviation is the connection's alone.
            bench.twin = None;
            bench.real.plant(state, letter);
        }
        bench
    }

    fn client(self, keeper: &Arc<Keeper>) -> Arc<ClientConfig> {
        let mut config = client_config(self.world.status_offered, self.later)
            .groups(quick_groups())
            .clock(Arc::new(At(NOW)))
            .session_context(FLEET)
            .verify_on_resumption(self.later);
        if self.world.offered != Offered::Nothing || self.world.ticket_offered {
            config = config.sessions(keeper.clone());
        }
        if self.later {
            config = config.identity_resolver(Arc::new(SlowResolver));
        } else if self.world.identity {
            config = config.identity(P256.clone());
        }
        config.build().expect("a configuration")
    }

    fn server(self, keeper: &Arc<Keeper>) -> Arc<ServerConfig> {
        let mut config = server_config(&P256, self.later)
            .groups(quick_groups())
            .clock(Arc::new(At(NOW)))
            .session_context(FLEET)
            .verify_on_resumption(self.later);
        if self.world.offered == Offered::Id {
            config = config.session_store(keeper.clone());
        }
        // Who seals tickets promises one whenever it is asked to.
        if self.world.ticket_promised || self.world.offered == Offered::Ticket && self.world.resumed {
            config = config.tickets(keeper.clone());
        }
        let verifier = Arc::new(Trusting { later: self.later, wants_status: false });
        config = match self.world.authentication {
            Authentication::NotRequested => config,
            Authentication::Optional => config.client_authentication(ClientAuthPolicy::Optional, verifier),
            Authentication::Required => config.client_authentication(ClientAuthPolicy::Required, verifier),
        };
        config.build().expect("a configuration")
    }

    /// Who has the session that is offered, and on a server one that fits only if it is to be resumed.
    fn keeper(self) -> Keeper {
        let World { offered, resumed, .. } = self.world;
        let mut session = sessions::session_of(self.side, self.world.identity && !self.later);
        session.extended_master_secret = self.world.extended_master_secret;
        if offered == Offered::Ticket {
            session.handle = if self.is_client() { Handle::Ticket(TICKET.into()) } else { Handle::None };
        }
        if !self.is_client() && self.world.authentication != Authentication::NotRequested {
            session.client_auth = match self.world.authentication {
                Authentication::Required => ClientAuthPolicy::Required,
                _ => ClientAuthPolicy::Optional,
            };
            session.peer_certificates = Some(PeerCertificates::new(P256.chain()).expect("a chain"));
        }
        let is_there = offered != Offered::Nothing && (self.is_client() || resumed);
        Keeper {
            session: is_there.then(|| Arc::new(session)),
            later: self.later,
            renew: self.world.ticket_promised,
            ..Keeper::default()
        }
    }

    /// How many questions a handshake puts to the outside if decisions are put off.
    fn questions(self, handshake: &[Letter]) -> usize {
        let World { offered, resumed, identity, ticket_promised, .. } = self.world;
        let has = |message| handshake.contains(&Letter::Handshake(message));
        if self.is_client() {
            // Which identity; and if there is one, its signature.
            let asked = if has(HandshakeType::CERTIFICATE_REQUEST) { 1 + usize::from(identity) } else { 0 };
            // The server is verified, or verified again.
            return 1 + asked;
        }
        let found = usize::from(offered == Offered::Id || offered == Offered::Ticket && (resumed || ticket_promised));
        let full = if resumed { 0 } else { 2 };
        let verified_again = resumed && self.world.authentication != Authentication::NotRequested;
        let verified = usize::from(has(HandshakeType::CERTIFICATE) || verified_again);
        // A session that is in the store is not sealed.
        let sealed = ticket_promised && !(resumed && offered == Offered::Id);
        found + full + verified + usize::from(sealed)
    }

    /// Whether our side agrees to such a world: a client that keeps sessions asks for tickets, too.
    fn is_ours(self) -> bool {
        let World { offered, ticket_offered, .. } = self.world;
        !self.is_client() || offered == Offered::Nothing || ticket_offered
    }

    /// A fresh connection that has received this prefix.
    fn after(self, prefix: &[Letter]) -> Result<Bench, String> {
        let mut bench = self.bench();
        for (index, letter) in prefix.iter().enumerate() {
            bench.say(*letter).map_err(|error| format!("{:?}, then {letter:?}: {error}", &prefix[..index]))?;
        }
        Ok(bench)
    }
}

#[derive(Default)]
struct Report {
    sequences: usize,
    prefixes: usize,
    checks: usize,
    mismatches: Vec<String>,
}

impl Report {
    fn add(&mut self, other: Report) {
        self.sequences += other.sequences;
        self.prefixes += other.prefixes;
        self.checks += other.checks;
        self.mismatches.extend(other.mismatches);
    }

    #[track_caller]
    fn has_no_mismatch(&self) {
        let few: Vec<&String> = self.mismatches.iter().take(20).collect();
        assert!(few.is_empty(), "{} mismatches, of which the first: {few:#?}", self.mismatches.len());
    }
}

/// Tries each letter of `alphabet` behind each prefix. Behind a whole sequence nothing is tried: its last letters stand
/// for the traffic that goes on for ever.
fn check(subject: Subject, tried: fn(Letter) -> bool) -> Report {
    let sequences = rules::legal(subject.is_client(), subject.world);
    let prefixes = rules::prefixes(&sequences);
    let whole: BTreeSet<&Sequence> = sequences.iter().collect();
    let mut report = Report { sequences: sequences.len(), ..Report::default() };
    for prefix in prefixes.iter().filter(|prefix| !whole.contains(prefix)) {
        report.prefixes += 1;
        for letter in rules::alphabet().filter(|letter| tried(*letter)) {
            report.checks += 1;
            let fate = rules::fate(subject.is_client(), &prefixes, prefix, letter);
            if let Err(mismatch) = subject.after(prefix).and_then(|bench| try_letter(bench, letter, fate)) {
                report.mismatches.push(format!("{subject:?}: {prefix:?}, then {letter:?}: {mismatch}"));
            }
        }
    }
    report
}

fn try_letter(mut bench: Bench, letter: Letter, fate: Fate) -> Result<(), String> {
    let state = bench.real.state();
    let error = match (bench.say(letter), fate) {
        (Ok(()), Fate::Taken) => return Ok(()),
        (Ok(()), _) => return Err(format!("taken in state {state}, and should not be")),
        (Err(error), Fate::Taken) => return Err(format!("refused, and should be taken: {error}")),
        (Err(error), _) => error,
    };
    refused(&mut bench, &error, fate)?;
    if error.state() == state { Ok(()) } else { Err(format!("refused in {}, not in {state}", error.state())) }
}

/// It was refused for the reason that is due, and the peer was told so.
fn refused(bench: &mut Bench, error: &Error, fate: Fate) -> Result<(), String> {
    let heard = bench.alerts().last().copied();
    let out_of_order = matches!(error.reason(), Reason::UnexpectedMessage { .. } | Reason::ExcessHandshakeData);
    let alert = match fate {
        Fate::Refused(alert) if !out_of_order => Some((2, alert)),
        Fate::OutOfOrder if out_of_order => Some((2, AlertDescription::UNEXPECTED_MESSAGE)),
        _ => None,
    };
    if heard.is_none() || heard != alert {
        return Err(format!("refused for another reason: {error}; the alert is {heard:?}"));
    }
    bench.stays_failed(error);
    Ok(())
}

/// All worlds. At once, each figure of the RFCs is tried with all 256 types of handshake messages; the other worlds, and
/// decisions that are put off, with those that mean something, unless ORDER_CHECK is `full` (.ci/long).
fn check_all(side: Side, later: bool) -> Report {
    let is_client = side == Side::Client;
    let (worlds, figures) = (rules::worlds(is_client), rules::figures(is_client));
    assert!(figures.iter().all(|figure| worlds.contains(figure)), "a figure is a world");
    let full = std::env::var_os("ORDER_CHECK").is_some_and(|value| value == "full");
    let mut report = Report::default();
    let ours = worlds.iter().filter(|world| Subject { side, world: **world, later, planted: None }.is_ours());
    let mut count = 0;
    for world in ours {
        let every_letter = full || !later && figures.contains(world);
        let tried = if every_letter { |_| true } else { rules::meaningful };
        report.add(check(Subject { side, world: *world, later, planted: None }, tried));
        count += 1;
    }
    let Report { sequences, prefixes, checks, mismatches } = &report;
    let when = if later { "put off" } else { "at once" };
    println!(
        "order check, {side:?}, decisions {when}: {count} worlds, {sequences} sequences, {prefixes} prefixes, {checks} checks, \
         {} mismatches",
        mismatches.len()
    );
    report
}

#[test]
fn a_client_takes_exactly_the_legal_orders() {
    check_all(Side::Client, false).has_no_mismatch();
}

#[test]
fn a_server_takes_exactly_the_legal_orders() {
    check_all(Side::Server, false).has_no_mismatch();
}

#[test]
fn a_client_takes_exactly_the_legal_orders_when_its_decisions_are_put_off() {
    check_all(Side::Client, true).has_no_mismatch();
}

#[test]
fn a_server_takes_exactly_the_legal_orders_when_its_decisions_are_put_off() {
    check_all(Side::Server, true).has_no_mismatch();
}

#[test]
fn an_arrow_too_many_is_found() {
    let plain = World::PLAIN;
    let by_id = World { offered: Offered::Id, resumed: true, ticket_offered: true, ..plain };
    let new_ticket = World { ticket_offered: true, ticket_promised: true, ..plain };
    let renewed = World { offered: Offered::Ticket, resumed: true, ..new_ticket };
    let asked = World { authentication: Authentication::Optional, ..plain };
    for (side, world, state, letter) in [
        (Side::Client, plain, "WaitServerHello", "Finished"),
        (Side::Client, plain, "WaitKeys", "CertificateStatus"),
        (Side::Client, plain, "WaitChangeCipherSpec", "Certificate"),
        (Side::Client, plain, "WaitFinished", "NewSessionTicket"),
        // A session is resumed that was not offered, or not accepted.
        (Side::Client, plain, "WaitCertificate", "ChangeCipherSpec"),
        // A ticket that was promised does not come; one comes that was not.
        (Side::Client, renewed, "WaitNewTicket", "ChangeCipherSpec"),
        (Side::Client, new_ticket, "WaitNewTicket", "ChangeCipherSpec"),
        (Side::Client, by_id, "WaitChangeCipherSpec", "NewSessionTicket"),
        // EarlyCCS in the abbreviated handshake: Finished in the clear.
        (Side::Client, by_id, "WaitChangeCipherSpec", "Finished"),
        (Side::Server, plain, "WaitClientHello", "ClientKeyExchange"),
        (Side::Server, plain, "WaitClientKeyExchange", "CertificateVerify"),
        (Side::Server, plain, "WaitChangeCipherSpec", "Finished"),
        (Side::Server, plain, "WaitFinished", "ClientHello"),
        (Side::Server, by_id, "WaitChangeCipherSpec", "Finished"),
        (Side::Server, by_id, "WaitChangeCipherSpec", "ClientKeyExchange"),
        // A client that was asked says nothing of a certificate, says it twice, or does not prove that it has the key.
        (Side::Server, asked, "WaitCertificate", "ClientKeyExchange"),
        (Side::Server, asked, "WaitClaimantKeyExchange", "Certificate"),
        (Side::Server, asked, "WaitCertificateVerify", "ChangeCipherSpec"),
        // It has none, and signs.
        (Side::Server, asked, "WaitClientKeyExchange", "CertificateVerify"),
    ] {
        let planted = Some((state, letter));
        let report = check(Subject { side, world, later: false, planted }, rules::meaningful);
        println!("planted, {side:?}: {letter} in {state} shows as {} mismatches", report.mismatches.len());
        assert!(!report.mismatches.is_empty(), "{letter} in {state} is not found");
        let named = report.mismatches.iter().all(|mismatch| mismatch.contains(&format!("taken in state {state}")));
        assert!(named, "nothing else is found: {:#?}", report.mismatches);
    }
}

/// The words that lead through a flow table, without the answers to questions: the states that ask are named so.
fn words(edges: &[Edge]) -> BTreeSet<Vec<&'static str>> {
    fn walk(edges: &[Edge], state: &str, word: &[&'static str], words: &mut BTreeSet<Vec<&'static str>>) {
        if state == "Established" {
            words.insert(word.to_vec());
        }
        for edge in edges.iter().filter(|edge| edge.state == state) {
            let letter = (!edge.state.starts_with("Ask")).then_some(edge.letter);
            let longer: Vec<&'static str> = word.iter().copied().chain(letter).collect();
            edge.next.iter().for_each(|next| walk(edges, next, &longer, words));
        }
    }
    let mut words = BTreeSet::new();
    walk(edges, edges.first().expect("a table has an edge").state, &[], &mut words);
    words
}

#[test]
fn the_flow_tables_have_the_words_of_the_rfcs() {
    for (side, edges) in [(Side::Client, flow::CLIENT), (Side::Server, flow::SERVER)] {
        let is_client = side == Side::Client;
        let handshakes = rules::worlds(is_client).into_iter().flat_map(|world| rules::handshakes(is_client, world));
        // A table does not look into a Certificate.
        let name = |letter: &Letter| match letter.message_type() {
            Some(message_type) => format!("{message_type}"),
            None => format!("{letter:?}"),
        };
        let by_rfc: BTreeSet<Vec<String>> = handshakes.map(|handshake| handshake.iter().map(name).collect()).collect();
        let by_table: BTreeSet<Vec<String>> =
            words(edges).into_iter().map(|word| word.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(by_table, by_rfc, "{side:?}");
        println!("flow table, {side:?}: {} edges, {} words, those of the RFCs", edges.len(), by_table.len());
    }
}

/// How one letter's message is put into records.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Each record has one byte.
    Split,
    /// All messages up to where the other side has to speak, or keys change, are in one record.
    Coalesced,
}

/// Sends a whole sequence in that shape.
fn send_shaped(bench: &mut Bench, sequence: &[Letter], shape: Shape) -> Result<(), Error> {
    let mut run = Vec::new();
    for (index, letter) in sequence.iter().enumerate() {
        let Some(message_type) = letter.message_type() else {
            bench.say(*letter)?;
            continue;
        };
        let message = match letter {
            Letter::EmptyCertificate => puppet::empty_certificate(),
            _ => bench.puppet.message(message_type),
        };
        run.extend_from_slice(&message);
        bench.puppet.note(message_type, &message);
        let next = sequence.get(index + 1).and_then(|next| next.message_type());
        let ends_flight = [HandshakeType::CLIENT_HELLO, HandshakeType::SERVER_HELLO_DONE, HandshakeType::FINISHED]
            .contains(&message_type);
        let answered = ends_flight || next.is_none();
        match shape {
            Shape::Coalesced if !answered => continue,
            Shape::Coalesced => bench.send(ContentType::HANDSHAKE, &run)?,
            Shape::Split => {
                for byte in &run {
                    bench.send(ContentType::HANDSHAKE, &[*byte])?;
                }
            }
        }
        run.clear();
    }
    Ok(())
}

#[test]
fn every_legal_sequence_may_be_split_and_coalesced() {
    let mut counts = BTreeMap::new();
    for side in [Side::Client, Side::Server] {
        for world in rules::worlds(side == Side::Client) {
            for sequence in rules::legal(side == Side::Client, world) {
                for shape in [Shape::Split, Shape::Coalesced] {
                    for later in [false, true] {
                        let subject = Subject { side, world, later, planted: None };
                        if !subject.is_ours() {
                            continue;
                        }
                        let mut bench = subject.bench();
                        let sent = send_shaped(&mut bench, &sequence, shape);
                        sent.unwrap_or_else(|error| panic!("{subject:?}, {sequence:?}, {shape:?}: {error}"));
                        assert!(bench.real.is_established());
                        let data = sequence.iter().filter(|letter| **letter == Letter::ApplicationData).count();
                        assert_eq!(bench.data, b"data".repeat(data));
                        let questions = if later { subject.questions(&sequence) } else { 0 };
                        assert_eq!(bench.answered, questions, "{subject:?}, {sequence:?}");
                        *counts.entry(format!("{side:?}")).or_insert(0) += 1;
                    }
                }
            }
        }
    }
    println!("split and coalesced: {counts:?} whole connections");
}

/// The first bytes of a message that may come next, and then ChangeCipherSpec.
#[test]
fn a_fragment_of_a_message_before_change_cipher_spec_is_excess_data_in_every_place() {
    let mut checks = 0;
    for side in [Side::Client, Side::Server] {
        let is_client = side == Side::Client;
        for world in rules::figures(is_client) {
            let subject = Subject { side, world, later: false, planted: None };
            let legal = rules::prefixes(&rules::legal(is_client, world));
            for prefix in rules::prefixes(&rules::handshakes(is_client, world)) {
                for letter in rules::alphabet() {
                    let Letter::Handshake(message_type) = letter else { continue };
                    let may_follow = rules::fate(is_client, &legal, &prefix, letter) == Fate::Taken;
                    // Less than a header says nothing of what follows; one message stands for all.
                    let lengths: &[usize] = match (may_follow, message_type) {
                        (true, _) => &[1, 3, 4, 5, 15],
                        (false, HandshakeType::FINISHED) => &[1, 3],
                        (false, _) => &[],
                    };
                    for length in lengths {
                        let mut bench = subject.after(&prefix).expect("a legal prefix");
                        let message = bench.puppet.message(message_type);
                        if *length >= message.len() {
                            continue;
                        }
                        let fragment = bench.send(ContentType::HANDSHAKE, &message[..*length]);
                        fragment.expect("a fragment alone says nothing");
                        let change = bench.puppet.change_cipher_spec();
                        let result = bench.deliver(&change);
                        bench.failed(result, &Reason::ExcessHandshakeData, AlertDescription::UNEXPECTED_MESSAGE);
                        checks += 1;
                    }
                }
            }
        }
    }
    println!("misaligned to ChangeCipherSpec: {checks} checks");
}

/// The rest of a Finished that began before the keys changed must not complete it.
#[test]
fn a_message_that_spans_change_cipher_spec_is_never_joined() {
    for (side, prefix) in [(Side::Client, &super::bench::TO_CLIENT[..4]), (Side::Server, &super::bench::TO_SERVER[..2])]
    {
        for length in 1..16 {
            let subject = Subject { side, world: World::PLAIN, later: false, planted: None };
            let mut bench = subject.after(prefix).expect("a legal prefix");
            let finished = bench.puppet.message(HandshakeType::FINISHED);
            let mut records = wire::bare_record(ContentType::HANDSHAKE, wire::VERSION, &finished[..length]);
            records.extend(bench.puppet.change_cipher_spec());
            records.extend(bench.puppet.record(ContentType::HANDSHAKE, &finished[length..]));
            let error = bench.deliver(&records).expect_err("a message under two keys");
            // With its header it is known to be out of order; without, the keys change within a message.
            let in_order = length < 4;
            assert_eq!(*error.reason() == Reason::ExcessHandshakeData, in_order, "{error}");
            assert_eq!(matches!(error.reason(), Reason::UnexpectedMessage { got: "Finished", .. }), !in_order);
            bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
        }
    }
}
