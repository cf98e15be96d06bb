//! Inputs to start from: what a good peer says. They are made anew each time, so that they always fit the library.

use std::path::Path;
use std::{env, fs, io};

use crate::certificates::certificate_seeds;
use crate::end::{End, pump, same};
use crate::keepers::Keepers;
use crate::parts::prepare;
use crate::sealer::plain_messages;
use crate::setup::Setup;

/// The setups whose peers are recorded.
const SETUPS: [Setup; 16] = [
    Setup(0),
    Setup::WEBPKI.with(Setup::STAPLES).with(Setup::SPLITS),
    Setup::LATER.with(Setup::STAPLES).with(Setup::ALPN),
    Setup::EXTENDED_MASTER_SECRET.with(Setup::AES_256).with(Setup::SECURE_RENEGOTIATION).with(Setup::SIBLING),
    Setup::CHACHA20.with(Setup::GROWING_RECORDS).with(Setup::OTHER_ALPN).with(Setup::SPLITS),
    Setup::SHORT_RECORDS.with(Setup::WEBPKI),
    Setup::SHORT_FRAGMENTS,
    CLIENT_AND_TICKET,
    CLIENT_AND_TICKET.with(Setup::LATER).with(Setup::SPLITS),
    CLIENT_AND_TICKET.with(Setup::RESUMES).with(Setup::VERIFIES_AGAIN).with(Setup::RENEWS),
    CLIENT_AND_TICKET.with(Setup::RESUMES).with(Setup::VERIFIES_AGAIN).with(Setup::LATER).with(Setup::RENEWS),
    Setup::NAMELESS_CLIENT.with(Setup::BARE_TICKETS).with(Setup::RESUMES).with(Setup::ALPN),
    Setup::OPTIONAL_CLIENT.with(Setup::SESSION_IDS).with(Setup::LATER),
    Setup::OPTIONAL_CLIENT.with(Setup::SESSION_IDS).with(Setup::RESUMES),
    Setup::SESSION_IDS.with(Setup::RESUMES).with(Setup::LATER).with(Setup::SKIPS),
    Setup::TICKETS.with(Setup::RESUMES).with(Setup::SPLITS).with(Setup::SHORT_RECORDS),
];

const CLIENT_AND_TICKET: Setup = Setup::REQUIRED_CLIENT.with(Setup::TICKETS).with(Setup::WEBPKI);

/// A server's session, which a test of the library holds to the format of the day.
const SESSION: &[u8] = include_bytes!("../data/session.bin");

/// A server's dormant connection, likewise.
const DORMANT: &[u8] = include_bytes!("../data/dormant.bin");

/// A good handshake with some data and a good end: what the client said, and what the server said.
fn transcript(setup: Setup) -> (Vec<u8>, Vec<u8>) {
    let keepers = Keepers::of(setup);
    let (mut client, mut server) = (End::client(setup, &keepers, 0), End::server(setup, &keepers, 0));
    pump(&mut client, &mut server);
    assert!(client.known.is_some(), "{setup:?}: {:?}, {:?}", client.error, server.error);
    client.say(b"a question");
    server.say(b"an answer");
    pump(&mut client, &mut server);
    client.link.close();
    server.link.close();
    client.flush();
    server.flush();
    pump(&mut client, &mut server);
    assert!(client.closed && server.closed);
    (client.said, server.said)
}

/// If the environment variable `SEEDS` names a folder: fills it for a target, which is then started on it.
pub fn write_seeds(target: &str) {
    prepare();
    if let Some(folder) = env::var_os("SEEDS") {
        write(target, Path::new(&folder)).expect("the seeds can be written");
    }
}

fn write(target: &str, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut count = 0;
    let mut seed = |bytes: &[u8]| {
        count += 1;
        fs::write(folder.join(format!("seed-{count}")), bytes)
    };
    if target == "codecs" {
        seed(SESSION)?;
        seed(DORMANT)?;
    }
    if target == "certificates" {
        return certificate_seeds().try_for_each(|bytes| seed(&bytes));
    }
    for setup in SETUPS {
        let (client, server) = transcript(setup);
        let chosen = &setup.bytes()[..];
        match target {
            // What was recorded has to fit again.
            "client" => {
                assert!(same(setup, |keepers| setup.client(keepers, 0), &server), "{setup:?}");
                seed(&[chosen, &[0; 3], &server].concat())?;
            }
            "server" => {
                assert!(same(setup, |keepers| setup.server(keepers, 0), &client), "{setup:?}");
                seed(&[chosen, &client].concat())?;
            }
            "codecs" => messages(&client).chain(messages(&server)).try_for_each(|message| seed(&message))?,
            // All is delivered, twice there and back; the client speaks, the server speaks, one of them closes; and once more.
            "pair" => {
                let deliver = [0x00, 255, 0x80, 255].repeat(2);
                let talk = [0x06, 220, 0x86, 100, 0x00, 255, 0x80, 255, 0x07, 0, 0x00, 60];
                let again = [0x07, 255];
                seed(&[chosen, chosen, chosen, &deliver, &talk, &again, &deliver, &talk].concat())?;
                seed(&[chosen, chosen, chosen, &again, &deliver].concat())?;
            }
            // A request for a new handshake in two parts, data, a warning, an empty record, a close_notify.
            "sealed" => {
                for choice in 0..4 {
                    let request = if choice & 1 == 0 { [0; 4] } else { [1, 0, 0, 0] };
                    let handshake = [&[22, 3][..], &request[..3], &[22, 1], &request[3..]].concat();
                    let rest = [&[23, 4][..], b"data", &[21, 2, 1, 90, 23, 0, 21, 2, 1, 0, 23, 1, 0]].concat();
                    seed(&[chosen, &[choice], &handshake, &rest].concat())?;
                }
            }
            _ => panic!("there is no target {target}"),
        }
    }
    Ok(())
}

/// The handshake messages that can be read, each without its length.
fn messages(said: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let plain = plain_messages(said);
    let mut at = 0;
    std::iter::from_fn(move || {
        let [message_type, a, b, c] = *plain.get(at..)?.first_chunk()?;
        let end = at + 4 + u32::from_be_bytes([0, a, b, c]) as usize;
        let message = [&[message_type], plain.get(at + 4..end)?].concat();
        at = end;
        Some(message)
    })
}
