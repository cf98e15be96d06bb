mod client_hello;
mod messages;
mod parts;
mod properties;
mod registry;
mod server_hello;

use alloc::vec::Vec;

use super::fuzz::encode;
use crate::codec::{Prefix, Writer};

/// A hello that ends before its extensions, and a block of extensions given by type and content.
fn with_extensions(hello: &[u8], extensions: &[(u16, &[u8])]) -> Vec<u8> {
    encode(|w| {
        w.bytes(hello);
        w.sub(Prefix::U16, "extensions", |w| extensions.iter().for_each(|(typ, data)| extension(w, *typ, data)));
    })
}

fn extension(w: &mut Writer<'_>, typ: u16, data: &[u8]) {
    w.u16(typ);
    w.vector(Prefix::U16, "extension", data);
}
