//! The order check: every beginning of every legal sequence, with every letter behind it, against the real connections.
//!
//! A letter has to be taken exactly where [`rules`] says so; anywhere else it is `unexpected_message`.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::println;

use super::bench::Bench;
use super::identities::{P256, client_config, server_config};
use super::puppet::{Letter, Side};
use super::rules::{self, Sequence, World};
use super::wire;
use crate::alert::AlertDescription;
use crate::error::{Error, Reason};
use crate::flow::{self, Edge};
use crate::message::{ContentType, HandshakeType};

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
        let World { status_offered, status_promised, extended_master_secret } = self.world;
        let mut bench = match self.side {
            Side::Client => Bench::client(client_config(status_offered, self.later).build().expect("a configuration")),
            Side::Server => Bench::server(server_config(&P256, self.later).build().expect("a configuration")),
        };
        bench.puppet.status_request = if self.is_client() { status_promised } else { status_offered };
        bench.puppet.extended_master_secret = extended_master_secret;
        if let Some((state, letter)) = self.planted {
            // The deviation is the connection's alone.
            bench.twin = None;
            bench.real.plant(state, letter);
        }
        bench
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
            let is_legal = rules::may_follow(subject.is_client(), &prefixes, prefix, letter);
            if let Err(mismatch) = subject.after(prefix).and_then(|bench| try_letter(bench, letter, is_legal)) {
                report.mismatches.push(format!("{subject:?}: {prefix:?}, then {letter:?}: {mismatch}"));
            }
        }
    }
    report
}

fn try_letter(mut bench: Bench, letter: Letter, is_legal: bool) -> Result<(), String> {
    let state = bench.real.state();
    match (bench.say(letter), is_legal) {
        (Ok(()), true) => Ok(()),
        (Ok(()), false) => Err(format!("taken in state {state}, and should not be")),
        (Err(error), true) => Err(format!("refused, and should be taken: {error}")),
        (Err(error), false) => {
            refused(&mut bench, &error)?;
            if error.state() == state { Ok(()) } else { Err(format!("refused in {}, not in {state}", error.state())) }
        }
    }
}

/// It was refused for being out of order, and the peer was told so.
fn refused(bench: &mut Bench, error: &Error) -> Result<(), String> {
    let heard = bench.alerts().last().copied();
    let fatal = Some((2, AlertDescription::UNEXPECTED_MESSAGE));
    match error.reason() {
        Reason::UnexpectedMessage { .. } | Reason::ExcessHandshakeData if heard == fatal => {
            bench.stays_failed(error);
            Ok(())
        }
        _ => Err(format!("refused for another reason: {error}; the alert is {heard:?}")),
    }
}

/// All worlds; decisions at once or put off.
fn check_all(side: Side, later: bool, tried: fn(Letter) -> bool) -> Report {
    let mut report = Report::default();
    for world in rules::worlds() {
        report.add(check(Subject { side, world, later, planted: None }, tried));
    }
    let Report { sequences, prefixes, checks, mismatches } = &report;
    let when = if later { "put off" } else { "at once" };
    println!(
        "order check, {side:?}, decisions {when}: {sequences} sequences, {prefixes} prefixes, {checks} checks, {} mismatches",
        mismatches.len()
    );
    report
}

/// All 256 types of handshake messages, ChangeCipherSpec and data.
fn every_letter(_: Letter) -> bool {
    true
}

#[test]
fn a_client_takes_exactly_the_legal_orders() {
    check_all(Side::Client, false, every_letter).has_no_mismatch();
}

#[test]
fn a_server_takes_exactly_the_legal_orders() {
    check_all(Side::Server, false, every_letter).has_no_mismatch();
}

#[test]
fn a_client_takes_exactly_the_legal_orders_when_its_decisions_are_put_off() {
    check_all(Side::Client, true, rules::meaningful).has_no_mismatch();
}

#[test]
fn a_server_takes_exactly_the_legal_orders_when_its_decisions_are_put_off() {
    check_all(Side::Server, true, rules::meaningful).has_no_mismatch();
}

#[test]
fn an_arrow_too_many_is_found() {
    let [world, ..] = rules::worlds()[..] else { panic!("there is a world") };
    for (side, state, letter) in [
        (Side::Client, "WaitServerHello", "Finished"),
        (Side::Client, "WaitKeys", "CertificateStatus"),
        (Side::Client, "WaitChangeCipherSpec", "Certificate"),
        (Side::Client, "WaitFinished", "NewSessionTicket"),
        (Side::Server, "WaitClientHello", "ClientKeyExchange"),
        (Side::Server, "WaitClientKeyExchange", "CertificateVerify"),
        (Side::Server, "WaitChangeCipherSpec", "Finished"),
        (Side::Server, "WaitFinished", "ClientHello"),
    ] {
        let planted = Some((state, letter));
        let report = check(Subject { side, world, later: false, planted }, rules::meaningful);
        println!("planted, {side:?}: {letter} in {state} shows as {} mismatches", report.mismatches.len());
        assert!(!report.mismatches.is_empty(), "{letter} in {state} is not found");
        let named = report.mismatches.iter().all(|mismatch| mismatch.contains(&format!("taken in state {state}")));
        assert!(named, "nothing else is found: {:#?}", report.mismatches);
    }
}

/// The words that lead through a flow table, without the answers to questions.
fn words(edges: &[Edge]) -> BTreeSet<Vec<&'static str>> {
    const ANSWERS: [&str; 3] = ["Verdict", "Resolved", "Signature"];
    fn walk(edges: &[Edge], state: &str, word: &[&'static str], words: &mut BTreeSet<Vec<&'static str>>) {
        if state == "Established" {
            words.insert(word.to_vec());
        }
        for edge in edges.iter().filter(|edge| edge.state == state) {
            let letter = (!ANSWERS.contains(&edge.letter)).then_some(edge.letter);
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
        let handshakes = rules::worlds().into_iter().flat_map(|world| rules::handshakes(side == Side::Client, world));
        let by_rfc: BTreeSet<Vec<String>> =
            handshakes.map(|handshake| handshake.iter().map(|letter| format!("{letter:?}")).collect()).collect();
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
        let Letter::Handshake(message_type) = letter else {
            bench.say(*letter)?;
            continue;
        };
        let message = bench.puppet.message(*message_type);
        run.extend_from_slice(&message);
        bench.puppet.note(*message_type, &message);
        let next = sequence.get(index + 1);
        let ends_flight = [HandshakeType::CLIENT_HELLO, HandshakeType::SERVER_HELLO_DONE, HandshakeType::FINISHED]
            .contains(message_type);
        let answered = ends_flight || !matches!(next, Some(Letter::Handshake(_)));
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
        for world in rules::worlds() {
            for sequence in rules::legal(side == Side::Client, world) {
                for shape in [Shape::Split, Shape::Coalesced] {
                    for later in [false, true] {
                        let subject = Subject { side, world, later, planted: None };
                        let mut bench = subject.bench();
                        let sent = send_shaped(&mut bench, &sequence, shape);
                        sent.unwrap_or_else(|error| panic!("{subject:?}, {sequence:?}, {shape:?}: {error}"));
                        assert!(bench.real.is_established());
                        let data = sequence.iter().filter(|letter| **letter == Letter::ApplicationData).count();
                        assert_eq!(bench.data, b"data".repeat(data));
                        let questions = if side == Side::Client { 1 } else { 2 };
                        assert_eq!(bench.answered, if later { questions } else { 0 });
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
        for world in rules::worlds() {
            let subject = Subject { side, world, later: false, planted: None };
            let legal = rules::prefixes(&rules::legal(is_client, world));
            for prefix in rules::prefixes(&rules::handshakes(is_client, world)) {
                for letter in rules::alphabet() {
                    let Letter::Handshake(message_type) = letter else { continue };
                    let may_follow = rules::may_follow(is_client, &legal, &prefix, letter);
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
            let [world, ..] = rules::worlds()[..] else { panic!("there is a world") };
            let subject = Subject { side, world, later: false, planted: None };
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
