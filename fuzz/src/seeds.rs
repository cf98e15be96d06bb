//! Inputs to start from: what a good peer says. They are made anew each time, so that they always fit the library.

use std::path::Path;
use std::{env, fs, io};

use crate::end::End;
use crate::parts::Setup;
use crate::sealer::plain_messages;

/// The setups whose peers are recorded: each kind of verifier, later decisions, ALPN, and all three AEADs.
const SETUPS: [u8; 6] = [0x00, 0x01, 0x0b, 0x1d, 0x2a, 0x49];

/// A server's session, which a test of the library holds to the format of the day.
const SESSION: &[u8] = include_bytes!("../data/session.bin");

/// A good handshake with some data and a good end: what the client said, and what the server said.
fn transcript(setup: Setup) -> (Vec<u8>, Vec<u8>) {
    let mut client = End::new(|| setup.client(), 2048);
    let mut server = End::new(|| setup.server(), 2048);
    let (mut to_server, mut to_client) = (0, 0);
    for round in 0..6 {
        server.receive(&client.said.clone()[to_server..]);
        to_server = client.said.len();
        client.receive(&server.said.clone()[to_client..]);
        to_client = server.said.len();
        if round == 3 {
            assert!(client.established && server.established, "{:?}, {:?}", client.error, server.error);
            client.say(b"a question");
            server.say(b"an answer");
        }
        if round == 4 {
            client.connection.close();
            server.connection.close();
            client.flush();
            server.flush();
        }
    }
    assert!(client.closed && server.closed);
    (client.said, server.said)
}

/// If the environment variable `SEEDS` names a folder: fills it for a target, which is then started on it.
pub fn write_seeds(target: &str) {
    crate::prepare();
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
    }
    for setup in SETUPS {
        let (client, server) = transcript(Setup(setup));
        match target {
            "client" => seed(&[&[setup], &server[..]].concat())?,
            "server" => seed(&[&[setup], &client[..]].concat())?,
            "codecs" => messages(&client).chain(messages(&server)).try_for_each(|message| seed(&message))?,
            // All is delivered, twice there and back; the client speaks, the server speaks, one of them closes.
            "pair" => {
                let deliver = [0x00, 255, 0x80, 255].repeat(2);
                let talk = [0x06, 220, 0x86, 100, 0x00, 255, 0x80, 255, 0x07, 0, 0x00, 60];
                seed(&[&[setup, setup], &deliver[..], &talk[..]].concat())?;
            }
            // A request for a new handshake in two parts, data, a warning, an empty record, a close_notify.
            "sealed" => {
                let request = if setup & 1 == 0 { [0; 4] } else { [1, 0, 0, 0] };
                let handshake = [&[22, 3][..], &request[..3], &[22, 1], &request[3..]].concat();
                let rest = [&[23, 4][..], b"data", &[21, 2, 1, 90, 23, 0, 21, 2, 1, 0, 23, 1, 0]].concat();
                seed(&[&[setup & 1 | 2], &handshake[..], &rest[..]].concat())?;
                seed(&[&[setup & 1], &handshake[..], &rest[..]].concat())?;
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
