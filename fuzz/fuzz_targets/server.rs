//! Any bytes to a server, directly and by way of an acceptor, behind four that choose its settings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls12_fuzz::{Setup, same, same_accepted, write_seeds};

fuzz_target!(
    init: write_seeds("server"),
    |data: &[u8]| {
        if let Some((setup, bytes)) = Setup::split(data) {
            same(setup, |keepers| setup.server(keepers, 0), bytes);
            same_accepted(setup, bytes);
        }
    }
);
