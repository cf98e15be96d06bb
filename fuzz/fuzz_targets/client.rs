//! Any bytes to a client, behind four that choose its settings, and three that change the session that it has.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tls12_fuzz::{Keepers, Setup, same, write_seeds};

fuzz_target!(
    init: write_seeds("client"),
    |data: &[u8]| {
        let Some((setup, data)) = Setup::split(data) else { return };
        let Some(([high, low, bits], bytes)) = data.split_first_chunk() else { return };
        let connect = |keepers: &Arc<Keepers>| {
            keepers.change_session(u16::from_be_bytes([*high, *low]), *bits);
            setup.client(keepers, 0)
        };
        same(setup, connect, bytes);
    }
);
