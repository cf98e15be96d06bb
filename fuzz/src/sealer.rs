//! The keys of a handshake, worked out once more (RFC 5246 §5, §6.3), for a peer that seals what no good
//! peer would.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

use crate::end::End;
use crate::parts::SECRET;

/// Seals records of one direction with AES-128-GCM (RFC 5288).
pub struct Sealer {
    key: LessSafeKey,
    fixed_iv: [u8; 4],
    /// The number of the next record.
    pub sequence: u64,
}

impl Sealer {
    fn new(key: &[u8], fixed_iv: &[u8]) -> Self {
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).expect("16 bytes"));
        Sealer { key, fixed_iv: fixed_iv.try_into().expect("4 bytes"), sequence: 0 }
    }

    pub fn seal(&mut self, content_type: u8, content: &[u8]) -> Vec<u8> {
        let length = |length: usize| u16::try_from(length).expect("a short record").to_be_bytes();
        let sequence = self.sequence.to_be_bytes();
        self.sequence += 1;
        let nonce = [&self.fixed_iv[..], &sequence].concat();
        let nonce = Nonce::try_assume_unique_for_key(&nonce).expect("12 bytes");
        let aad = [&sequence[..], &[content_type, 3, 3], &length(content.len())].concat();
        let mut sealed = content.to_vec();
        self.key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut sealed).expect("it can be sealed");
        [&[content_type, 3, 3], &length(8 + sealed.len())[..], &sequence, &sealed].concat()
    }
}

/// The keys of the handshake that was done last, with AES-128-GCM: the client's, and the server's.
pub fn sealers<C, S>(client: &End<C>, server: &End<S>) -> (Sealer, Sealer) {
    let (by_client, by_server) = (plain_messages(&client.said), plain_messages(&server.said));
    // Both hellos: header, version, random.
    let randoms = [&by_server[6..38], &by_client[6..38]].concat();
    let block: [u8; 40] = prf(&SECRET.get(), b"key expansion", &randoms);
    (Sealer::new(&block[..16], &block[32..36]), Sealer::new(&block[16..32], &block[36..]))
}

fn prf<const LENGTH: usize>(secret: &[u8], label: &[u8], seed: &[u8]) -> [u8; LENGTH] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let seed = [label, seed].concat();
    let mut a = hmac::sign(&key, &seed);
    let mut out = Vec::new();
    while out.len() < LENGTH {
        out.extend_from_slice(hmac::sign(&key, &[a.as_ref(), &seed].concat()).as_ref());
        a = hmac::sign(&key, a.as_ref());
    }
    out[..LENGTH].try_into().expect("so long it is")
}

/// The whole records, one by one.
pub fn records(mut said: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let [_, _, _, high, low, ..] = said else { return None };
        let (record, rest) = said.split_at_checked(5 + usize::from(u16::from_be_bytes([*high, *low])))?;
        said = rest;
        Some(record)
    })
}

/// The handshake messages in front of the ChangeCipherSpec, with their headers.
pub(crate) fn plain_messages(said: &[u8]) -> Vec<u8> {
    records(said).take_while(|record| record[0] == 22).flat_map(|record| record[5..].iter().copied()).collect()
}
