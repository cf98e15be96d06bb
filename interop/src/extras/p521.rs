//! P-521, which of our backends only aws-lc-rs has.

use tls12::Backend;
use tls12::message::{CipherSuite, NamedGroup};

use super::Checked;
use crate::cell::{Cell, Kind, SUITES};
use crate::matrix;
use crate::peers::{AnyClient, AnyServer, Lab};

const NAME: &str = "P-521, exchanged and signed";

/// Our client with it against this server.
pub fn as_client(peer: &mut AnyServer, lab: &Lab) -> Vec<Checked> {
    check(lab, |cell| matrix::as_client(peer, lab, cell))
}

/// This client against our server with it.
pub fn as_server(peer: &mut AnyClient, lab: &Lab) -> Vec<Checked> {
    check(lab, |cell| matrix::as_server(peer, lab, cell))
}

fn check(lab: &Lab, mut run: impl FnMut(&Cell) -> Result<(), String>) -> Vec<Checked> {
    if lab.backend != Backend::AwsLc {
        return Vec::new();
    }
    let (kind, group) = (Kind::EcdsaP521, NamedGroup::SECP521R1);
    let suites = SUITES.into_iter().filter(|suite: &CipherSuite| kind.fits(*suite));
    let mut cells = suites.map(|suite| Cell { suite, kind, group });
    vec![(NAME, cells.try_for_each(|cell| run(&cell)).map(|()| "with each ECDSA suite".to_owned()))]
}
