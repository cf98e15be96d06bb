//! Choosing by ClientHello: reads it, shows it, and lets the application say who answers.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::ServerConnection;
use super::alerts::{Alert, Meaning};
use super::driver::Driver;
use crate::alert::AlertDescription;
use crate::error::{Error, Reason};
use crate::message::{ClientHello, ContentType, HEADER_LEN, HandshakeType, ProtocolVersion};
use crate::record::{Incoming, Join, MessageLimits, Outgoing, Taken};
use crate::server::config::ServerConfig;

/// The state of a server to which this belongs, for errors.
const STATE: &str = "WaitClientHello";

/// What that state waits for.
const EXPECTED: &[&str] = &["ClientHello"];

/// What the records of a ClientHello may have beside it, in bytes: headers, empty records, warnings. They are kept, so that
/// they can be handed back.
const FRAMING: usize = 16 << 10;

/// Reads the ClientHello of a client that nobody has been chosen for yet, and shows it whole. Then the application decides,
/// at once or when it likes:
/// - [`Accepted::into_connection`]: a server of this library goes on, with the configuration chosen;
/// - [`Accepted::into_bytes`]: somebody else does, such as a TLS 1.3 stack beside us, with all bytes as they came. Give
///   [`sibling_speaks_tls13`](crate::ServerConfigBuilder::sibling_speaks_tls13) to the configurations of the others then.
///
/// The version of the client doesn't matter here: it is held against the configuration. What cannot be the beginning of a
/// connection is refused as a [`ServerConnection`] refuses it, by the same error and the same alert.
///
/// [`RecordBuffer::accept`](crate::RecordBuffer::accept) drives it over a transport. There is no time limit, which the
/// application has to set.
///
/// # A configuration for each name
///
/// ```
/// # use std::collections::HashMap;
/// # use std::error::Error;
/// # use std::io::{Read, Write};
/// # use std::sync::Arc;
/// use tls12::{Acceptance, Acceptor, AlertDescription, RecordBuffer, ServerConfig, ServerConnection};
///
/// fn accept(
///     mut socket: impl Read + Write,
///     buffer: &mut RecordBuffer,
///     hosts: &HashMap<String, Arc<ServerConfig>>,
/// ) -> Result<ServerConnection, Box<dyn Error>> {
///     let mut acceptor = Acceptor::new();
///     let accepted = loop {
///         match buffer.accept(&mut acceptor)? {
///             Acceptance::ClientHello(accepted) => break accepted,
///             Acceptance::NeedInput { .. } => {
///                 if buffer.fill_from(&mut socket)? == 0 {
///                     acceptor.end_of_input()?;
///                 }
///             }
///             Acceptance::Progress => {}
///             // The next round returns the error.
///             Acceptance::Failing => socket.write_all(&acceptor.alert())?,
///         }
///     };
///     let name = accepted.client_hello().server_name().map(str::to_ascii_lowercase);
///     match name.and_then(|name| hosts.get(&name)) {
///         // Read on with the same buffer, from what is inside already.
///         Some(config) => Ok(accepted.into_connection(Arc::clone(config))),
///         None => {
///             socket.write_all(&accepted.refuse(AlertDescription::UNRECOGNIZED_NAME))?;
///             Err("no such host".into())
///         }
///     }
/// }
/// # use rcgen::{CertifiedKey, generate_simple_self_signed};
/// # use tls12::{Backend, ClientConfig, ClientConnection, Identity};
/// # /// What a socket is, without a network: what is to be read, and what was written.
/// # struct Socket<'a>(&'a [u8], Vec<u8>);
/// # impl Read for Socket<'_> {
/// #     fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> { self.0.read(out) }
/// # }
/// # impl Write for Socket<'_> {
/// #     fn write(&mut self, data: &[u8]) -> std::io::Result<usize> { self.1.write(data) }
/// #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
/// # }
/// # fn main() -> Result<(), Box<dyn Error>> {
/// # let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["a.example".to_string()])?;
/// # let identity = Identity::from_pem(Backend::default(), cert.pem().as_bytes(), signing_key.serialize_pem().as_bytes())?;
/// # let hosts = HashMap::from([("a.example".to_string(), ServerConfig::builder().identity(identity).build()?)]);
/// # let hello = |name: &'static str| -> Result<Vec<u8>, Box<dyn Error>> {
/// #     let config = ClientConfig::builder().roots([cert.der().clone()]).build()?;
/// #     let mut hello = Vec::new();
/// #     _ = ClientConnection::new(config, name.try_into()?)?.write_vec(&[], &mut hello)?;
/// #     Ok(hello)
/// # };
/// # let hello_a = hello("a.example")?;
/// # let mut buffer = RecordBuffer::new();
/// # let mut connection = accept(Socket(&hello_a, Vec::new()), &mut buffer, &hosts)?;
/// # buffer.step(&mut connection)?;
/// # assert_eq!(connection.server_name(), Some("a.example"));
/// # let hello_b = hello("b.example")?;
/// # let mut socket = Socket(&hello_b, Vec::new());
/// # assert!(accept(&mut socket, &mut RecordBuffer::new(), &hosts).is_err());
/// # assert_eq!(socket.1, [21, 3, 3, 0, 2, 2, 112]);
/// # Ok(())
/// # }
/// ```
pub struct Acceptor {
    phase: Phase,
    outgoing: Outgoing,
}

enum Phase {
    Reading(Reading),
    /// The ClientHello was handed out.
    Accepted,
    Failed(Error),
}

/// What there is of the client.
struct Reading {
    limits: MessageLimits,
    incoming: Incoming,
    join: Join,
    /// All that was consumed, as it came.
    records: Vec<u8>,
}

/// What [`Acceptor::read`] did.
#[derive(Debug)]
pub struct Accepting {
    /// Bytes at the front of the input that are done with: a whole record, or none.
    pub consumed: usize,
    /// What came of it.
    pub event: Acceptance,
}

/// How far an [`Acceptor`] is.
#[derive(Debug)]
pub enum Acceptance {
    /// The input holds no whole record; nothing was consumed.
    NeedInput {
        /// At least so many bytes more are needed.
        missing: usize,
    },
    /// A part of the ClientHello went by, or something before it.
    Progress,
    /// The ClientHello is whole. The acceptor is done.
    ClientHello(Accepted),
    /// This is no client for us: an [alert](Acceptor::alert) for it waits to be written, and the next read returns the error.
    Failing,
}

/// A client whose ClientHello is known and whom nobody has answered yet. It can be kept, and sent to another thread.
pub struct Accepted {
    incoming: Incoming,
    join: Join,
    /// Where in `join` the message stands, with its header.
    hello: Range<usize>,
    records: Vec<u8>,
}

impl Default for Acceptor {
    fn default() -> Self {
        Acceptor::new()
    }
}

impl Acceptor {
    /// Waits for a ClientHello, under the limits of [`MessageLimits::server`].
    #[must_use]
    pub fn new() -> Self {
        Acceptor::with_limits(MessageLimits::server())
    }

    /// As [`Self::new`], with other limits: the ClientHello may have `other` bytes, and its records 16 KiB beside it. Those of
    /// the configuration come on top.
    #[must_use]
    pub fn with_limits(limits: MessageLimits) -> Self {
        Acceptor {
            phase: Phase::Reading(Reading {
                limits,
                incoming: Incoming::new(),
                join: Join::new(limits),
                records: Vec::new(),
            }),
            outgoing: Outgoing::new(ProtocolVersion::TLS_1_2),
        }
    }

    /// Takes at most one record from the front of `input`, which stays as it is. Nothing behind the ClientHello is consumed.
    ///
    /// # Errors
    /// Why the client was refused; every further call returns the same. If it is to be told by an alert,
    /// [`Acceptance::Failing`] comes first. [`Reason::AlreadyAccepted`] after [`Acceptance::ClientHello`].
    pub fn read(&mut self, input: &mut [u8]) -> Result<Accepting, Error> {
        let reading = match &mut self.phase {
            Phase::Reading(reading) => reading,
            Phase::Accepted => return Err(Error::new(Reason::AlreadyAccepted, STATE)),
            Phase::Failed(error) => return Err(error.clone()),
        };
        let (content_type, payload, consumed) = match reading.incoming.take(input) {
            Ok(Taken::Record { content_type, payload, consumed }) => (content_type, payload, consumed),
            Ok(Taken::NeedInput { missing }) => {
                return Ok(Accepting { consumed: 0, event: Acceptance::NeedInput { missing } });
            }
            Err(reason) => return self.fail(reason, 0),
        };
        reading.records.extend_from_slice(input.get(..consumed).unwrap_or_default());
        match reading.handle(content_type, input.get(payload).unwrap_or_default()) {
            Ok(None) => Ok(Accepting { consumed, event: Acceptance::Progress }),
            Ok(Some(hello)) => Ok(Accepting { consumed, event: self.accept(hello) }),
            Err(reason) => self.fail(reason, consumed),
        }
    }

    /// The alert that waits to be written, as a record: taken out, and empty if there is none.
    #[must_use]
    pub fn alert(&mut self) -> Vec<u8> {
        let mut record = alloc::vec![0; self.outgoing.pending()];
        self.outgoing.drain(&mut record);
        record
    }

    /// To be called when the transport ends.
    ///
    /// # Errors
    /// [`Reason::Truncated`], or why the client was refused before. After [`Acceptance::ClientHello`] there is none.
    pub fn end_of_input(&mut self) -> Result<(), Error> {
        match &self.phase {
            Phase::Accepted => Ok(()),
            Phase::Failed(error) => Err(error.clone()),
            Phase::Reading(_) => Err(self.end(Reason::Truncated)),
        }
    }

    fn accept(&mut self, hello: Range<usize>) -> Acceptance {
        match core::mem::replace(&mut self.phase, Phase::Accepted) {
            Phase::Reading(Reading { incoming, join, records, .. }) => {
                Acceptance::ClientHello(Accepted { incoming, join, hello, records })
            }
            phase => {
                self.phase = phase;
                Acceptance::Progress
            }
        }
    }

    #[cold]
    fn fail(&mut self, reason: Reason, consumed: usize) -> Result<Accepting, Error> {
        let error = self.end(reason);
        match error.alert() {
            Some(alert) => {
                self.outgoing.alert(alert);
                Ok(Accepting { consumed, event: Acceptance::Failing })
            }
            None => Err(error),
        }
    }

    /// From here on there is only this error.
    fn end(&mut self, reason: Reason) -> Error {
        let error = Error::new(reason, STATE);
        self.phase = Phase::Failed(error.clone());
        error
    }
}

impl Reading {
    /// As a connection in this state does; returns where the ClientHello stands once it is whole.
    fn handle(&mut self, content_type: ContentType, payload: &[u8]) -> Result<Option<Range<usize>>, Reason> {
        match content_type {
            ContentType::HANDSHAKE => {
                self.join.push(payload);
                self.client_hello()
            }
            ContentType::ALERT => match Alert::read(payload)?.meaning()? {
                Meaning::CloseNotify => Err(Reason::ClosedInHandshake),
                Meaning::Warning => self.incoming.count_warning().map(|()| None),
            },
            // RFC 5246 §7.1: a single byte of value 1.
            ContentType::CHANGE_CIPHER_SPEC if payload != [1] => Err(Reason::BadChangeCipherSpec),
            ContentType::CHANGE_CIPHER_SPEC if !self.join.is_aligned() => Err(Reason::ExcessHandshakeData),
            ContentType::CHANGE_CIPHER_SPEC => Err(unexpected("ChangeCipherSpec")),
            _ => Err(unexpected("application_data")),
        }
    }

    fn client_hello(&mut self) -> Result<Option<Range<usize>>, Reason> {
        // Refused at its header, before any of it is kept.
        if let Some(other) = self.join.peek().filter(|message_type| *message_type != HandshakeType::CLIENT_HELLO) {
            return Err(unexpected(other.name().unwrap_or("an unknown handshake message")));
        }
        let Some((_, hello)) = self.join.next()? else {
            return self.check_framing().map(|()| None);
        };
        // The client waits for us now.
        if !self.join.is_aligned() {
            return Err(Reason::ExcessHandshakeData);
        }
        ClientHello::read(body(&self.join, &hello))
            .map_err(|problem| Reason::Malformed { message: "ClientHello", problem })?;
        Ok(Some(hello))
    }

    /// Many small records would take more memory than their content.
    fn check_framing(&self) -> Result<(), Reason> {
        let (length, limit) = (self.records.len(), self.limits.other.saturating_add(FRAMING));
        if length > limit {
            let message = HandshakeType::CLIENT_HELLO;
            return Err(Reason::MessageTooLong { message, length, limit, setting: "message_limits.other" });
        }
        Ok(())
    }
}

fn unexpected(got: &'static str) -> Reason {
    Reason::UnexpectedMessage { got, expected: EXPECTED }
}

/// The message without its header.
fn body<'a>(join: &'a Join, message: &Range<usize>) -> &'a [u8] {
    join.bytes(message.clone()).get(HEADER_LEN..).unwrap_or_default()
}

impl Accepted {
    /// The ClientHello.
    #[must_use]
    #[expect(clippy::expect_used, reason = "these very bytes were read as a ClientHello before they were accepted")]
    pub fn client_hello(&self) -> ClientHello<'_> {
        ClientHello::read(self.client_hello_bytes()).expect("a ClientHello that was read before")
    }

    /// The ClientHello as it came, without the header of the handshake message.
    #[must_use]
    pub fn client_hello_bytes(&self) -> &[u8] {
        body(&self.join, &self.hello)
    }

    /// All bytes that the acceptor consumed, records and all.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.records
    }

    /// Goes on as a server with this configuration, which sees the ClientHello as if it had come just now: read on, before
    /// more is read from the socket. What came before the ClientHello (warning alerts) is told to no observer.
    #[must_use]
    pub fn into_connection(self, config: Arc<ServerConfig>) -> ServerConnection {
        ServerConnection(Driver::accepted(config, self.incoming, self.join))
    }

    /// Gives all bytes back that the acceptor consumed, as they came, for another stack. What the client sent behind its
    /// ClientHello (TLS 1.3 has early data) was not consumed: it follows these bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.records
    }

    /// Nobody goes on: the record of an alert that says why (RFC 5246 §7.2), for the client.
    #[must_use]
    pub fn refuse(self, alert: AlertDescription) -> Vec<u8> {
        let mut acceptor = Acceptor::new();
        acceptor.outgoing.alert(alert);
        acceptor.alert()
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let consumed = match &self.phase {
            Phase::Reading(reading) => reading.records.len(),
            Phase::Accepted | Phase::Failed(_) => 0,
        };
        f.debug_struct("Acceptor").field("consumed", &consumed).finish_non_exhaustive()
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("client_hello", &self.client_hello()).finish_non_exhaustive()
    }
}
