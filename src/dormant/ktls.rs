//! The keys of a connection as Linux takes them: `include/uapi/linux/tls.h`.

use alloc::boxed::Box;

use zeroize::Zeroizing;

use super::{AtRest, Dormant, RefusedWake, WakeError};
use crate::crypto::{AeadAlgorithm, Backend, TrafficKey};
use crate::record::{ALERT_RESERVE, MAX_FRAGMENT};

/// `TLS_1_2_VERSION`
const VERSION: u16 = 0x0303;

/// `TLS_CIPHER_AES_GCM_128`
const AES_GCM_128: u16 = 51;

/// `TLS_CIPHER_AES_GCM_256`
const AES_GCM_256: u16 = 52;

/// `TLS_CIPHER_CHACHA20_POLY1305`
const CHACHA20_POLY1305: u16 = 54;

/// The keys of both directions, for kernel TLS.
///
/// With them Linux encrypts and decrypts the records of a TCP socket, and `read`, `write`, `sendfile` and `splice` move plaintext:
///
/// ```c
/// setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls"));        /* SOL_TCP 6, TCP_ULP 31 */
/// setsockopt(fd, SOL_TLS, TLS_TX, transmit, transmit_length);    /* SOL_TLS 282, TLS_TX 1 */
/// setsockopt(fd, SOL_TLS, TLS_RX, receive, receive_length);      /* TLS_RX 2 */
/// ```
///
/// The calls fail where the kernel was built without `CONFIG_TLS`, or does not have the cipher. Before them
///
/// - all that `write` produced has to be in the socket: [`export`](crate::ClientConnection::export) refuses while output is queued, and
///   what the application holds itself is its to send;
/// - nothing may have been received and not read ([`RecordBuffer::unread`](crate::RecordBuffer::unread) is empty): the kernel starts
///   with the next byte of the socket, which has to be the first one of a record.
///
/// Records of other types, alerts above all, come and go as control messages (`TLS_GET_RECORD_TYPE`, `TLS_SET_RECORD_TYPE`): the
/// application has to send its own close_notify (the two bytes 1 and 0 with type 21), to see the peer's, and to end the connection when
/// a fatal alert, or anything else that it does not expect, comes. The kernel does not count
/// [`records_left`](crate::ClientConnection::records_left): with AES-GCM, RFC 9325 §4.4 wants an end after 2^24.5 records. A peer that
/// negotiated shorter records ([`max_plaintext_sent`](crate::ClientConnection::max_plaintext_sent)) is not for the kernel, which
/// makes full ones.
pub struct KtlsSecrets {
    /// For `TLS_TX`.
    pub transmit: KtlsSecret,
    /// For `TLS_RX`.
    pub receive: KtlsSecret,
}

/// The key of one direction, as `struct tls12_crypto_info_aes_gcm_128`, `tls12_crypto_info_aes_gcm_256` or
/// `tls12_crypto_info_chacha20_poly1305`. It is wiped on drop.
pub struct KtlsSecret {
    bytes: Box<Zeroizing<[u8; Self::LONGEST]>>,
    length: usize,
}

impl KtlsSecret {
    const LONGEST: usize = 56;

    fn new(key: &TrafficKey, sequence: u64) -> Self {
        let sequence = sequence.to_be_bytes();
        // With AES-GCM the fixed part of the nonce is the salt, and the explicit nonce starts at the sequence number, as in our
        // own records; ChaCha20-Poly1305 has an IV of twelve bytes and no salt.
        let (cipher, iv, salt): (_, &[u8], &[u8]) = match key.algorithm() {
            AeadAlgorithm::Aes128Gcm => (AES_GCM_128, &sequence, key.iv()),
            AeadAlgorithm::Aes256Gcm => (AES_GCM_256, &sequence, key.iv()),
            AeadAlgorithm::ChaCha20Poly1305 => (CHACHA20_POLY1305, key.iv(), &[]),
        };
        let (version, cipher) = (VERSION.to_ne_bytes(), cipher.to_ne_bytes());
        let parts: [&[u8]; 6] = [&version, &cipher, iv, key.key(), salt, &sequence];
        let mut bytes = Box::new(Zeroizing::new([0; Self::LONGEST]));
        parts.iter().copied().flatten().zip(bytes.iter_mut()).for_each(|(from, to)| *to = *from);
        KtlsSecret { bytes, length: parts.iter().map(|part| part.len()).sum() }
    }

    /// The bytes of the structure, in this machine's byte order: 40 with AES-128-GCM, 56 with AES-256-GCM and with
    /// ChaCha20-Poly1305. What is made of them is for its owner to wipe.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl AtRest {
    /// Why the kernel cannot go on with it.
    fn no_kernel(&self) -> Option<WakeError> {
        let limit = self.suite.aead.record_limit() - ALERT_RESERVE;
        if self.close_sent || self.close_received {
            Some(WakeError::Closed)
        } else if self.max_fragment < MAX_FRAGMENT {
            Some(WakeError::RecordSize(self.max_fragment))
        } else if self.sequence >= limit || self.reached.sequence >= limit {
            Some(WakeError::KeyLimit)
        } else {
            None
        }
    }
}

impl Dormant {
    /// The keys for kernel TLS: see [`KtlsSecrets`].
    ///
    /// # Errors
    /// The connection comes back as it was:
    ///
    /// - [`WakeError::Closed`]: a close_notify was sent or received;
    /// - [`WakeError::RecordSize`]: the peer negotiated shorter records than the 16384 bytes of which the kernel makes them;
    /// - [`WakeError::KeyLimit`]: a key has protected as many records as it may (RFC 9325 §4.4).
    pub fn into_ktls_secrets(self) -> Result<KtlsSecrets, RefusedWake> {
        let at_rest = self.at_rest();
        if let Some(why) = at_rest.no_kernel() {
            return Err(RefusedWake::new(self, why));
        }
        Ok(at_rest.with_keys(Backend::default(), |keys| {
            let (ours, theirs) = keys.of(at_rest.is_client);
            KtlsSecrets {
                transmit: KtlsSecret::new(ours, at_rest.sequence),
                receive: KtlsSecret::new(theirs, at_rest.reached.sequence),
            }
        }))
    }
}
