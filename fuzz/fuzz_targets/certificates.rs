//! Any bytes as an OCSP response, a list of revoked certificates and a chain, to the default verifier: nobody is accepted whom
//! no root of ours has issued.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls12_fuzz::{certificate_seeds, verify, write_seeds};

fuzz_target!(
    init: {
        write_seeds("certificates");
        // What should be accepted is, or nothing below would be worth anything.
        let accepted: Vec<bool> = certificate_seeds().map(|seed| verify(&seed)).collect();
        assert_eq!(accepted, [true, true, false, true, true, true]);
    },
    |data: &[u8]| {
        verify(data);
    }
);
