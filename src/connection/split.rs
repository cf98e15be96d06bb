//! The two halves of an established connection.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::export::Source;
use super::receiving::{Came, ESTABLISHED, Receiving, alert_name};
use super::sending::{Sending, Stage};
use super::{ClientConnection, Event, Received, Sent, ServerConnection};
use crate::alert::AlertDescription;
use crate::error::{Error, Reason};
use crate::handshake::Facts;
use crate::message::ContentType;
use crate::observer::{Direction, Observer, Seen};
use crate::proof::{Established, PeerProof};

/// The receiving half of a connection that was split, of a client or of a server. It knows what was agreed on.
///
/// It gives [`Event::NeedInput`], [`Event::Data`], [`Event::Progress`], [`Event::SendAlert`] and [`Event::Closed`]; nothing of a
/// handshake. What it has to say goes through the other half:
///
/// - a close_notify of the peer: [`Event::SendAlert`] for the reply, which can wait as long as the application has something to
///   send, and then [`Event::Closed`];
/// - an error: [`Event::SendAlert`], and then the error. The token of an error that the peer is told nothing of, such as its own
///   fatal alert, sends nothing, but ends the other half, as RFC 5246 §7.2.2 demands;
/// - a request to renegotiate: [`Event::SendAlert`] for a warning, and it goes on.
///
/// ```no_run
/// # use std::error::Error;
/// # use std::io::Write;
/// # use std::net::TcpStream;
/// # use std::sync::mpsc;
/// # use tls12::{ClientConnection, HalfStep, RecordBuffer, Sent};
/// # fn talk(conn: ClientConnection, mut socket: TcpStream, chunks: mpsc::Receiver<Vec<u8>>) -> Result<(), Box<dyn Error>> {
/// let (mut receiver, mut sender) = conn.split()?;
/// let (alerts, to_send) = mpsc::channel();
/// let mut reading = socket.try_clone()?;
/// let listener = std::thread::spawn(move || -> std::io::Result<()> {
///     let mut buffer = RecordBuffer::new();
///     loop {
///         match buffer.step_half(&mut receiver)? {
///             HalfStep::Data(plaintext) => std::io::stdout().write_all(plaintext)?,
///             HalfStep::NeedInput => if buffer.fill_from(&mut reading)? == 0 { return Ok(receiver.end_of_input()?) },
///             HalfStep::SendAlert(token) => _ = alerts.send(token),
///             HalfStep::Closed => return Ok(()),
///             HalfStep::Progress => {}
///         }
///     }
/// });
/// let mut out = vec![0; 64 << 10];
/// for chunk in chunks {
///     to_send.try_iter().for_each(|token| sender.alert(token));
///     let mut left = &chunk[..];
///     while !left.is_empty() {
///         let Sent { taken, produced } = sender.write(left, &mut out)?;
///         left = &left[taken..];
///         socket.write_all(&out[..produced])?;
///     }
/// }
/// to_send.try_iter().for_each(|token| sender.alert(token));
/// sender.close();
/// let Sent { produced, .. } = sender.write(&[], &mut out)?;
/// socket.write_all(&out[..produced])?;
/// # _ = listener.join();
/// # Ok(())
/// # }
/// ```
pub struct Receiver(pub(super) Half);

pub(super) struct Half {
    receiving: Receiving,
    established: Established,
    error: Option<Error>,
    /// The reply to close_notify was handed out.
    replied: bool,
}

/// The sending half of a connection that was split, of a client or of a server.
///
/// It learns of the peer's end and of errors by the tokens that it is given; until then it takes data. The end of the transport
/// has no token: a peer that says nothing more may still listen, so whether to go on after [`Reason::Truncated`] is the
/// application's to say. The two halves have nothing in common but the configuration's [`Observer`](crate::Observer), if there is
/// one.
pub struct Sender {
    sending: Sending,
    error: Option<Error>,
    watch: Option<Box<Watch>>,
}

/// Who is told what the sending half says.
struct Watch {
    observer: Arc<dyn Observer>,
    client_random: [u8; 32],
}

/// What a [`Receiver`] has to say by its [`Sender`].
///
/// It names an alert, or the error of the receiving half, or both, and is tied to no connection: another connection's `Sender`
/// would send it as well, and be over if it is an error, but nothing else can come of the mistake.
#[derive(Debug)]
#[must_use = "the peer and the sending half wait for it"]
pub struct AlertToken(Kind);

#[derive(Debug)]
enum Kind {
    NoRenegotiation,
    CloseNotify,
    /// The receiving half has failed by this error, which may have an alert.
    Failed(Option<AlertDescription>, Error),
}

impl AlertToken {
    pub(super) fn no_renegotiation() -> Self {
        AlertToken(Kind::NoRenegotiation)
    }

    /// The alert; none if the peer is told nothing, because it has failed the connection itself.
    #[must_use]
    pub fn description(&self) -> Option<AlertDescription> {
        match self.0 {
            Kind::NoRenegotiation => Some(AlertDescription::NO_RENEGOTIATION),
            Kind::CloseNotify => Some(AlertDescription::CLOSE_NOTIFY),
            Kind::Failed(description, _) => description,
        }
    }

    /// The error of the receiving half, if it has failed.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        match &self.0 {
            Kind::NoRenegotiation | Kind::CloseNotify => None,
            Kind::Failed(_, error) => Some(error),
        }
    }
}

impl Receiver {
    pub(super) fn new(receiving: Receiving, established: Established) -> Self {
        // Who was told of the end before has no need of a reply to it.
        let replied = receiving.close_received;
        Receiver(Half { receiving, established, error: None, replied })
    }

    /// Takes at most one record from the front of `input`, as [`ClientConnection::read`] does. Data is decrypted in place.
    ///
    /// # Errors
    /// Why the connection failed; every further call returns the same. [`Event::SendAlert`] comes first.
    #[inline]
    pub fn read(&mut self, input: &mut [u8]) -> Result<Received, Error> {
        let half = &mut self.0;
        if let Some(error) = &half.error {
            return Err(error.clone());
        }
        match half.receiving.read(input) {
            Ok((consumed, Came::Closed)) if !half.replied => {
                half.replied = true;
                Ok(Received { consumed, event: Event::SendAlert(AlertToken(Kind::CloseNotify)) })
            }
            Ok((consumed, came)) => Ok(Received { consumed, event: came.into() }),
            Err(failure) => Ok(half.fail(failure.reason, failure.consumed)),
        }
    }

    /// To be called when the transport ends.
    ///
    /// # Errors
    /// [`Reason::Truncated`] if there was no close_notify: what was received may not be all that the peer sent. A half that
    /// had failed before returns that error again.
    pub fn end_of_input(&mut self) -> Result<(), Error> {
        match &self.0.error {
            Some(error) => Err(error.clone()),
            None if self.0.receiving.close_received => Ok(()),
            None => Err(self.0.end(Reason::Truncated)),
        }
    }

    /// The most plaintext of a record that is taken, in bytes.
    #[must_use]
    pub fn max_plaintext_received(&self) -> usize {
        self.0.receiving.incoming.plaintext_limit()
    }

    /// Whether the peer's close_notify came: what was received is complete.
    #[must_use]
    pub fn closed(&self) -> bool {
        self.0.receiving.close_received
    }

    /// Why this half failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.0.error.as_ref()
    }
}

impl Half {
    #[cold]
    fn fail(&mut self, reason: Reason, consumed: usize) -> Received {
        let error = self.end(reason);
        Received { consumed, event: Event::SendAlert(AlertToken(Kind::Failed(error.alert(), error))) }
    }

    fn end(&mut self, reason: Reason) -> Error {
        self.receiving.end(&reason, false);
        let error = Error::new(reason, ESTABLISHED);
        self.error = Some(error.clone());
        error
    }

    pub(super) fn is_established(&self) -> bool {
        self.error.is_none()
    }

    pub(super) fn state(&self) -> &'static str {
        if self.is_established() { ESTABLISHED } else { "Failed" }
    }

    pub(super) fn peer_proof(&self) -> Option<&PeerProof> {
        self.is_established().then(|| self.established.peer())
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.receiving.facts
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source { facts: self.facts(), is_established: self.is_established(), state: self.state() }
    }
}

impl Sender {
    pub(super) fn new(sending: Sending, receiving: &Receiving) -> Self {
        let watch = |observer: &Arc<dyn Observer>| {
            Box::new(Watch { observer: Arc::clone(observer), client_random: receiving.facts.client_random })
        };
        Sender { sending, error: None, watch: receiving.observer.as_ref().map(watch) }
    }

    /// Fills `output` from its front: first what is queued, then records of as much of `plaintext` as fits.
    ///
    /// # Errors
    /// Those of [`ClientConnection::write`]. Why the connection failed is known once [`Self::alert`] was told.
    #[inline]
    pub fn write(&mut self, plaintext: &[u8], output: &mut [u8]) -> Result<Sent, Error> {
        self.sending.write(stage(self.error.as_ref()), plaintext, output)
    }

    /// As [`Self::write`], to the end of a vector, which grows by what is needed: at most
    /// [`Self::output_len`]`(plaintext.len())`. If that much capacity is there, nothing is allocated.
    ///
    /// # Errors
    /// As [`Self::write`], except that no output is too small.
    pub fn write_vec(&mut self, plaintext: &[u8], output: &mut Vec<u8>) -> Result<Sent, Error> {
        self.sending.write_vec(stage(self.error.as_ref()), plaintext, output)
    }

    /// Makes one record of the plaintext that stands at `plaintext` in `buffer`, in place, as
    /// [`ClientConnection::seal_in_place`] does.
    ///
    /// # Errors
    /// Those of [`ClientConnection::seal_in_place`]. Nothing was changed.
    #[inline]
    pub fn seal_in_place(&mut self, buffer: &mut [u8], plaintext: Range<usize>) -> Result<Range<usize>, Error> {
        self.sending.seal_in_place(self.error.as_ref(), buffer, plaintext)
    }

    /// Whether something is queued that `write` would put out, even without plaintext.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.sending.wants_write()
    }

    /// The most bytes that `write` produces now for so much plaintext.
    #[must_use]
    pub fn output_len(&self, plaintext_len: usize) -> usize {
        self.sending.output_len(stage(self.error.as_ref()), plaintext_len)
    }

    /// With [`RecordSize::Growing`](crate::RecordSize::Growing), the records are small again at first.
    pub fn start_small_again(&mut self) {
        self.sending.outgoing.start_small_again();
    }

    /// The most plaintext of a record that is sent, in bytes.
    #[must_use]
    pub fn max_plaintext_sent(&self) -> usize {
        self.sending.outgoing.max_fragment()
    }

    /// Queues a close_notify (RFC 5246 §7.2.1): no more plaintext is taken, but the peer may go on sending. A second call
    /// does nothing.
    pub fn close(&mut self) {
        if !self.is_over() {
            self.observe(AlertDescription::CLOSE_NOTIFY);
            self.sending.close();
        }
    }

    /// How many records of plaintext may still be sent under the keys of this connection (RFC 9325 §4.4).
    #[must_use]
    pub fn records_left(&self) -> u64 {
        self.sending.records_left(stage(self.error.as_ref()))
    }

    /// Queues what the receiving half has to say. An error ends this half, too: it fails with that of the other, whether or not
    /// it has an alert. A close_notify is [`Self::close`]. Behind either of them nothing is sent any more, and the token does
    /// nothing.
    pub fn alert(&mut self, token: AlertToken) {
        match token.0 {
            _ if self.is_over() => {}
            Kind::NoRenegotiation if self.sending.may_warn() => self.send_alert(AlertDescription::NO_RENEGOTIATION),
            Kind::NoRenegotiation => {}
            Kind::CloseNotify => self.close(),
            Kind::Failed(alert, error) => {
                self.error = Some(error);
                if let Some(alert) = alert {
                    self.send_alert(alert);
                }
            }
        }
    }

    /// Why the connection failed, if the receiving half has said so.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    fn is_over(&self) -> bool {
        self.sending.outgoing.is_closed || self.error.is_some()
    }

    fn send_alert(&mut self, alert: AlertDescription) {
        self.observe(alert);
        self.sending.outgoing.alert(alert);
    }

    fn observe(&self, alert: AlertDescription) {
        if let Some(watch) = &self.watch {
            let Watch { observer, client_random } = &**watch;
            observer.message(&Seen {
                direction: Direction::Sent,
                content_type: ContentType::ALERT,
                message: alert_name(alert),
                length: 2,
                state: if self.error.is_none() { ESTABLISHED } else { "Failed" },
                client_random,
            });
        }
    }
}

fn stage(error: Option<&Error>) -> Stage<'_> {
    error.map_or(Stage::Established, Stage::Failed)
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("wants_write", &self.wants_write())
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// A connection that cannot be split. It is as good as before.
pub struct RefusedSplit<C>(Box<(C, Error)>);

impl<C> RefusedSplit<C> {
    /// The connection, or the stream that it is in.
    #[must_use]
    pub fn into_inner(self) -> C {
        self.0.0
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn map<S>(self, wrap: impl FnOnce(C) -> S) -> RefusedSplit<S> {
        let (connection, error) = *self.0;
        RefusedSplit(Box::new((wrap(connection), error)))
    }

    /// The error: [`Reason::NotSplit`], or why the connection has failed.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.0.1
    }
}

impl<C> fmt::Debug for RefusedSplit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RefusedSplit").field(self.error()).finish()
    }
}

impl<C> fmt::Display for RefusedSplit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.error(), f)
    }
}

impl<C> core::error::Error for RefusedSplit<C> {}

macro_rules! split {
    ($connection:ident) => {
        impl $connection {
            /// Makes two halves of an established connection, which share nothing and can live on two threads: full duplex
            /// without a lock. What is queued goes with the [`Sender`]; what was agreed on, with the [`Receiver`].
            ///
            /// # Errors
            /// The handshake is not done, or the connection has failed. Nothing was changed, and the connection comes back.
            pub fn split(self) -> Result<(Receiver, Sender), RefusedSplit<Self>> {
                match self.0.split() {
                    Ok(halves) => Ok(halves),
                    Err((driver, error)) => Err(RefusedSplit(Box::new(($connection(driver), error)))),
                }
            }
        }
    };
}

split!(ClientConnection);
split!(ServerConnection);
