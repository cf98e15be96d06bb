//! Any bytes as an OCSP response, a list of revoked certificates and a chain, to the default verifier: nobody is accepted whom
//! no root of ours has issued.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls12_fuzz::{verify, write_seeds};

fuzz_target!(
    init: write_seeds("certificates"),
    |data: &[u8]| {
        verify(data);
    }
);
