use std::hint::black_box;

use super::provider::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use super::provider::agreement::{EphemeralPrivateKey, X25519};
use super::provider::digest::{Context, SHA256};
use super::provider::hmac::{self, HMAC_SHA256};
use super::provider::rand::{SecureRandom, SystemRandom};
use super::provider::signature::{EcdsaKeyPair, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm};
use super::{ECDSA_P256_SHA256, RSA_PKCS1_SHA256, RSA_PSS, agree, ecdsa_key, open, sign_rsa};
use crate::bare::{Authentication, Lengths};
use crate::certificates::Path;

/// Finished: a header of 4 bytes, `verify_data` of 12.
const FINISHED: usize = 4 + 12;

/// Signs as the owner of a certificate does.
enum Signer {
    Ecdsa(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>),
}

/// A handshake's calls, of client and server together.
pub struct Calls {
    random: SystemRandom,
    signer: Signer,
    /// Verifies the signature on a certificate, and that of a handshake.
    algorithms: [&'static dyn VerificationAlgorithm; 2],
    path: Path,
    mutual: bool,
    /// The lengths of this handshake's messages, and as many bytes.
    lengths: Lengths,
    messages: Vec<u8>,
    ticket_key: LessSafeKey,
    ticket: Vec<u8>,
}

impl Calls {
    /// Nothing that one key, one certificate or one configuration needs only once is measured.
    #[must_use]
    pub fn new(authentication: Authentication<'_>, lengths: Lengths) -> Calls {
        let random = SystemRandom::new();
        let (issued, signer, algorithms) = match authentication {
            Authentication::Ecdsa(issued) | Authentication::Mutual(issued) => {
                let key = ecdsa_key(issued.pkcs8(), &random);
                (issued, Signer::Ecdsa(Box::new(key)), [ECDSA_P256_SHA256; 2])
            }
            Authentication::Rsa(issued) => {
                let key = RsaKeyPair::from_pkcs8(issued.pkcs8()).expect("a key");
                (issued, Signer::Rsa(Box::new(key)), [RSA_PKCS1_SHA256, RSA_PSS])
            }
        };
        let ticket_key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("a key"));
        // The name of the key and the nonce stand before what is sealed.
        let mut ticket = vec![0; lengths.ticket.saturating_sub(16 + 12 + 16)];
        if !ticket.is_empty() {
            ticket_key.seal_in_place_append_tag(nonce(0), Aad::from([0; 17]), &mut ticket).expect("sealed");
        }
        Calls {
            random,
            signer,
            algorithms,
            path: issued.path(),
            mutual: matches!(authentication, Authentication::Mutual(_)),
            lengths,
            messages: vec![0x5a; lengths.second_finished + FINISHED],
            ticket_key,
            ticket,
        }
    }

    /// A full handshake.
    pub fn full(&self) {
        // Two hellos.
        let (_, server_random) = (self.draw::<32>(), self.draw::<32>());
        // ServerKeyExchange: both randoms, four bytes of parameters, the server's share.
        let server = EphemeralPrivateKey::generate(&X25519, &self.random).expect("a key");
        let server_share = server.compute_public_key().expect("a share");
        let mut signed = [0; 32 + 32 + 4 + 32];
        for (to, from) in
            signed.iter_mut().skip(32).zip(server_random.iter().chain(&[0; 4]).chain(server_share.as_ref()))
        {
            *to = *from;
        }
        let signature = self.sign(&signed);
        // The client: the certificate's signature, that of the key exchange, the share, the secret.
        self.verify_path();
        self.verify(&signed, &signature);
        let client = EphemeralPrivateKey::generate(&X25519, &self.random).expect("a key");
        let client_share = client.compute_public_key().expect("a share");
        let of_client = agree(client, server_share.as_ref());
        // CertificateVerify signs all messages so far.
        if self.mutual {
            let messages = self.messages(self.lengths.key_exchange);
            let signature = self.sign(messages);
            self.verify_path();
            self.verify(messages, &signature);
        }
        let of_server = agree(server, client_share.as_ref());
        let [client, server] = [of_client, of_server].map(|premaster| {
            let (transcript, session_hash) = self.hash_through_key_exchange();
            let mut master = [0; 48];
            // RFC 7627 §4.
            Prf::new(&premaster).fill(b"extended master secret", session_hash.as_ref(), &mut master);
            self.keys_and_finished(&Prf::new(&master), transcript, self.lengths.key_exchange)
        });
        exchange_finished(client, server);
    }

    /// A resumed handshake; by a ticket, if the handshake had one.
    pub fn resumed(&self) {
        // Two hellos. The client's session ID is drawn with its random.
        black_box((self.draw::<32>(), self.draw::<32>()));
        if !self.ticket.is_empty() {
            let mut ticket = [0; 1024];
            let ticket = ticket.get_mut(..self.ticket.len()).expect("a short ticket");
            ticket.copy_from_slice(&self.ticket);
            let opened = self.ticket_key.open_in_place(nonce(0), Aad::from([0; 17]), ticket).expect("opened");
            // It is renewed.
            let nonce = Nonce::assume_unique_for_key(self.draw());
            let tag = self.ticket_key.seal_in_place_separate_tag(nonce, Aad::from([0; 17]), opened).expect("sealed");
            _ = black_box(tag);
        }
        let [server, client] = [(); 2].map(|()| {
            // What the session holds.
            let master = black_box([7; 48]);
            self.keys_and_finished(&Prf::new(&master), Context::new(&SHA256), 0)
        });
        // The server speaks first.
        exchange_finished(server, client);
    }

    fn draw<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).expect("randomness");
        bytes
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.signer {
            Signer::Ecdsa(key) => key.sign(&self.random, message).expect("a signature").as_ref().to_vec(),
            Signer::Rsa(key) => sign_rsa(key, &self.random, message),
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) {
        let [_, algorithm] = self.algorithms;
        UnparsedPublicKey::new(algorithm, &self.path.leaf_key).verify(message, signature).expect("verified");
    }

    /// The signature by the root on the leaf.
    fn verify_path(&self) {
        let [algorithm, _] = self.algorithms;
        let Path { issuer_key, signed, signature, .. } = &self.path;
        UnparsedPublicKey::new(algorithm, issuer_key).verify(signed, signature).expect("verified");
    }

    fn messages(&self, length: usize) -> &[u8] {
        self.messages.get(..length).expect("as many as there are")
    }

    fn hash_through_key_exchange(&self) -> (Context, impl AsRef<[u8]> + use<>) {
        let mut transcript = Context::new(&SHA256);
        transcript.update(self.messages(self.lengths.key_exchange));
        let session_hash = transcript.clone().finish();
        (transcript, session_hash)
    }

    /// One side: the keys of both directions, and both `verify_data`. `hashed` bytes of messages are in `transcript` already.
    fn keys_and_finished(&self, prf: &Prf, mut transcript: Context, hashed: usize) -> Side {
        let rest = |from, to| self.messages.get(from..to).expect("as many as there are");
        let mut block = [0; 40];
        prf.fill(b"key expansion", black_box(&[3; 64]), &mut block);
        let mut verify_data = [[0; 12]; 2];
        let [first, second] = &mut verify_data;
        transcript.update(rest(hashed, self.lengths.first_finished));
        prf.fill(b"client finished", transcript.clone().finish().as_ref(), first);
        transcript.update(rest(self.lengths.first_finished, self.lengths.second_finished));
        prf.fill(b"server finished", transcript.finish().as_ref(), second);
        let (keys, ivs) = block.split_at(32);
        let (client, server) = keys.split_at(16);
        let key = |key| LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).expect("a key"));
        black_box(ivs);
        Side { keys: [key(client), key(server)], verify_data }
    }
}

/// What one side has at the end.
struct Side {
    keys: [LessSafeKey; 2],
    verify_data: [[u8; 12]; 2],
}

/// Each side seals its own and opens the other's.
fn exchange_finished(first: Side, second: Side) {
    for (sealing, opening, verify_data) in
        [(&first.keys, &second.keys, first.verify_data), (&second.keys, &first.keys, second.verify_data)]
    {
        let mut record = [0; FINISHED + 16];
        let (message, tag) = record.split_at_mut(FINISHED);
        message[4..].copy_from_slice(&verify_data[0]);
        let [sealing, _] = sealing;
        let [opening, _] = opening;
        let sealed = sealing.seal_in_place_separate_tag(nonce(0), Aad::from([0; 13]), message).expect("sealed");
        tag.copy_from_slice(sealed.as_ref());
        black_box(opening.open_in_place(nonce(0), Aad::from([0; 13]), &mut record).expect("opened"));
    }
    black_box((first, second));
}

/// The PRF (RFC 5246 §5), whose HMAC key is set up once.
struct Prf(hmac::Key);

impl Prf {
    fn new(secret: &[u8]) -> Prf {
        Prf(hmac::Key::new(HMAC_SHA256, secret))
    }

    fn fill(&self, label: &[u8], seed: &[u8], out: &mut [u8]) {
        let mut a = self.hmac(&[label, seed]);
        let mut blocks = out.chunks_mut(32).peekable();
        while let Some(block) = blocks.next() {
            let output = self.hmac(&[a.as_ref(), label, seed]);
            block.copy_from_slice(&output.as_ref()[..block.len()]);
            if blocks.peek().is_some() {
                a = self.hmac(&[a.as_ref()]);
            }
        }
    }

    fn hmac(&self, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        context.sign()
    }
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// Seals and opens, and nothing else: a nonce from a counter, additional data of 13 bytes (RFC 5246 §6.2.3.3).
pub struct Records {
    key: LessSafeKey,
    sequence: u64,
}

impl Records {
    /// With a key of AES-128-GCM.
    #[must_use]
    pub fn new() -> Records {
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16]).expect("a key"));
        Records { key, sequence: 0 }
    }

    /// From the first record again, as the side that opens.
    pub fn restart(&mut self) {
        self.sequence = 0;
    }

    /// Seals the plaintext, in place; the last 16 bytes become the tag.
    pub fn seal(&mut self, record: &mut [u8]) {
        let length = record.len() - 16;
        let (plaintext, tag) = record.split_at_mut(length);
        let (nonce, aad) = self.next(length);
        let sealed = self.key.seal_in_place_separate_tag(nonce, aad, plaintext).expect("sealed");
        tag.copy_from_slice(sealed.as_ref());
    }

    /// Opens ciphertext and tag, in place; gives the length of the plaintext.
    pub fn open(&mut self, record: &mut [u8]) -> usize {
        let (nonce, aad) = self.next(record.len() - 16);
        open(&self.key, nonce, aad, record)
    }

    fn next(&mut self, length: usize) -> (Nonce, Aad<[u8; 13]>) {
        let sequence = self.sequence;
        self.sequence += 1;
        let mut aad = [0; 13];
        aad[..8].copy_from_slice(&sequence.to_be_bytes());
        aad[8..].copy_from_slice(&[23, 3, 3, (length >> 8) as u8, length as u8]);
        (nonce(sequence), Aad::from(aad))
    }
}

impl Default for Records {
    fn default() -> Self {
        Records::new()
    }
}
