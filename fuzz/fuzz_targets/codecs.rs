//! Any bytes as a handshake message (its type and its body), as a session, as a ticket and as a dormant connection. What can be
//! read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls12_fuzz::write_seeds;

fuzz_target!(
    init: write_seeds("codecs"),
    |data: &[u8]| {
        tls12::message::fuzz_codecs(data);
        tls12::fuzz_sessions(data);
        tls12::fuzz_dormant(data);
    }
);
