//! Any bytes to a server, directly and by way of an acceptor, behind a byte that chooses its settings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls12_fuzz::{Setup, same, same_accepted, write_seeds};

fuzz_target!(
    init: write_seeds("server"),
    |data: &[u8]| {
        if let Some((setup, bytes)) = data.split_first() {
            let setup = Setup(*setup);
            same(setup, || setup.server(), bytes);
            same_accepted(setup, bytes);
        }
    }
);
