//! Any bytes to a client, behind a byte that chooses its settings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls12_fuzz::{Setup, same, write_seeds};

fuzz_target!(
    init: write_seeds("client"),
    |data: &[u8]| {
        if let Some((setup, bytes)) = data.split_first() {
            let setup = Setup(*setup);
            same(setup, || setup.client(), bytes);
        }
    }
);
