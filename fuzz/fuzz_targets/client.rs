//! Any bytes to a client, behind four that choose its settings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls12_fuzz::{Setup, same, write_seeds};

fuzz_target!(
    init: write_seeds("client"),
    |data: &[u8]| {
        if let Some((setup, bytes)) = Setup::split(data) {
            same(setup, |keepers| setup.client(keepers, 0), bytes);
        }
    }
);
