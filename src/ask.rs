//! Questions that a connection puts to the outside, and the answers to them.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use pki_types::{ServerName, UnixTime};

use crate::crypto::{Backend, PublicKey, SignError, SigningKey};
use crate::error::{CertificateError, Error, Reason};
use crate::identity::{Identity, Peer, PeerCertificates, Verified};
use crate::message::{CertificateRequest, CertificateType, ClientHello, SignatureScheme};

mod sessions;

pub use sessions::{FindSessionRequest, OpenTicketRequest, SealTicketRequest};
pub(crate) use sessions::{Found, FoundSession, Sealed};

/// A question of a paused connection. It owns all that it needs, so it can go to another thread, a key service or a
/// database; the connection goes on when its [`Answer`] comes back. A question that is dropped without an answer fails
/// the handshake with `internal_error`; but where it was about a session, the handshake goes on in full, or without a
/// new ticket. Questions are boxed so that an event is small, since few of them are one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ask {
    /// Is the peer's certificate to be trusted? Asked when [`crate::VerifyPeer::verify`] says `Later`.
    Verify(Box<VerifyRequest>),
    /// Which identity is this client shown? Asked when [`crate::ResolveIdentity::resolve`] says `Later`.
    ResolveIdentity(Box<IdentityRequest>),
    /// Which identity does this client show to a server that asks for one? Asked when
    /// [`crate::ResolveClientIdentity::resolve`] says `Later`.
    ResolveClientIdentity(Box<ClientIdentityRequest>),
    /// A signature over the handshake. Asked when [`crate::SigningKey::sign`] says `Later`.
    Sign(Box<SignRequest>),
    /// Is there a session with this ID? Asked when [`crate::SessionStore::find`] says `Later`.
    FindSession(Box<FindSessionRequest>),
    /// Which session is in this ticket? Asked when [`crate::TicketSealer::open`] says `Later`.
    OpenTicket(Box<OpenTicketRequest>),
    /// A ticket for this session. Asked when [`crate::TicketSealer::seal`] says `Later`.
    SealTicket(Box<SealTicketRequest>),
}

impl Ask {
    /// There will be no answer: fails the handshake with `internal_error`, or goes on without where it is about a session.
    #[must_use]
    pub fn fail(self, why: impl Into<String>) -> Answer {
        match self {
            Ask::Verify(request) => request.fail(why),
            Ask::ResolveIdentity(request) => request.fail(why),
            Ask::ResolveClientIdentity(request) => request.fail(why),
            Ask::Sign(request) => request.fail(why),
            Ask::FindSession(request) => request.fail(why),
            Ask::OpenTicket(request) => request.fail(why),
            Ask::SealTicket(request) => request.fail(why),
        }
    }
}

/// The answer to an [`Ask`]: fits that question of that connection alone.
#[derive(Debug)]
pub struct Answer {
    token: Token,
    answered: Result<Answered, Reason>,
}

/// An answer that no question of this connection waits for. It is as good as before: give it to the connection that asked.
#[derive(Debug)]
pub struct RefusedAnswer {
    answer: Answer,
    error: Error,
}

impl RefusedAnswer {
    pub(crate) fn new(answer: Answer, error: Error) -> Self {
        RefusedAnswer { answer, error }
    }

    /// The answer.
    #[must_use]
    pub fn into_answer(self) -> Answer {
        self.answer
    }

    /// The error: [`Reason::UnexpectedAnswer`], and the state of the connection that refused.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }
}

impl fmt::Display for RefusedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl core::error::Error for RefusedAnswer {}

/// Ties question, answer and connection together: the connection keeps one half, and sees by the count of holders when
/// the other was dropped.
#[derive(Debug)]
pub(crate) struct Token(Arc<()>);

impl Token {
    pub(crate) fn pair() -> (Token, Token) {
        let shared = Arc::new(());
        (Token(Arc::clone(&shared)), Token(shared))
    }

    pub(crate) fn fits(&self, other: &Token) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// What an `ask` state consumes.
#[derive(Debug)]
pub(crate) enum Answered {
    Verdict(Verdict),
    Resolved(Resolved),
    Signature(Signature),
    Found(Found),
    Sealed(Sealed),
}

/// The verifier's.
#[derive(Debug)]
pub(crate) enum Verdict {
    Given(Result<Verified, CertificateError>),
    /// There will be none, for this reason: where a server can do without.
    Missing(String),
}

impl Verdict {
    pub(crate) fn given(self) -> Result<Verified, Reason> {
        match self {
            Verdict::Given(verdict) => Ok(verdict?),
            Verdict::Missing(why) => Err(Reason::Local { what: "the verifier", why }),
        }
    }
}

/// The resolver's.
#[derive(Debug)]
pub(crate) struct Resolved(pub(crate) Option<Arc<Identity>>);

/// The signing key's.
#[derive(Debug)]
pub(crate) struct Signature(pub(crate) Result<Vec<u8>, SignError>);

impl Answer {
    pub(crate) fn into_answered(self) -> Result<Answered, Reason> {
        self.answered
    }

    pub(crate) fn token(&self) -> &Token {
        &self.token
    }

    fn failed(token: Token, what: &'static str, why: impl Into<String>) -> Self {
        Answer { token, answered: Err(Reason::Local { what, why: why.into() }) }
    }
}

/// Asks for a verdict on the peer's certificate.
#[derive(Debug)]
pub struct VerifyRequest {
    pub(crate) token: Token,
    pub(crate) certificates: PeerCertificates,
    pub(crate) server_name: Option<ServerName<'static>>,
    pub(crate) ocsp_response: Option<Vec<u8>>,
    pub(crate) scts: Option<Vec<u8>>,
    pub(crate) resumed: bool,
    pub(crate) now: UnixTime,
}

impl VerifyRequest {
    /// What is to be verified; any [`crate::VerifyPeer`] takes it.
    #[must_use]
    pub fn peer(&self) -> Peer<'_> {
        Peer {
            certificates: &self.certificates,
            server_name: self.server_name.as_ref(),
            ocsp_response: self.ocsp_response.as_deref(),
            scts: self.scts.as_deref(),
            resumed: self.resumed,
            now: self.now,
        }
    }

    /// The verdict. A [`CertificateError`] fails the handshake with its alert; but a server that is about to resume a session
    /// goes on in full.
    #[must_use]
    pub fn respond(self, verdict: Result<Verified, CertificateError>) -> Answer {
        Answer { token: self.token, answered: Ok(Answered::Verdict(Verdict::Given(verdict))) }
    }

    /// There will be no verdict: fails the handshake with `internal_error`; but a server that is about to resume a session
    /// goes on in full.
    #[must_use]
    pub fn fail(self, why: impl Into<String>) -> Answer {
        Answer::failed(self.token, "the verifier", why)
    }
}

/// Asks which identity a client is shown.
#[derive(Debug)]
pub struct IdentityRequest {
    pub(crate) token: Token,
    pub(crate) client_hello: Vec<u8>,
}

impl IdentityRequest {
    /// The ClientHello.
    #[must_use]
    #[expect(clippy::expect_used, reason = "these very bytes were read as a ClientHello before the question was asked")]
    pub fn client_hello(&self) -> ClientHello<'_> {
        ClientHello::read(&self.client_hello).expect("a ClientHello that was read before")
    }

    /// The ClientHello as it came, without the header of the handshake message.
    #[must_use]
    pub fn client_hello_bytes(&self) -> &[u8] {
        &self.client_hello
    }

    /// The identity to show, or `None` if there is none for this client: `unrecognized_name`.
    #[must_use]
    pub fn respond(self, identity: Option<Arc<Identity>>) -> Answer {
        Answer { token: self.token, answered: Ok(Answered::Resolved(Resolved(identity))) }
    }

    /// There will be no identity: fails the handshake with `internal_error`.
    #[must_use]
    pub fn fail(self, why: impl Into<String>) -> Answer {
        Answer::failed(self.token, "the resolver of identities", why)
    }
}

/// Asks which identity a client shows to a server that asks for one.
#[derive(Debug)]
pub struct ClientIdentityRequest {
    pub(crate) token: Token,
    pub(crate) certificate_request: Vec<u8>,
    pub(crate) certificate_type: CertificateType,
}

impl ClientIdentityRequest {
    /// What the server accepts.
    #[must_use]
    #[expect(clippy::expect_used, reason = "these very bytes were read before the question was asked")]
    pub fn certificate_request(&self) -> CertificateRequest<'_> {
        let request = CertificateRequest::read(&self.certificate_request);
        let request = request.expect("a CertificateRequest that was read before");
        CertificateRequest { certificate_type: self.certificate_type, ..request }
    }

    /// The identity to show, or `None` if there is none for this server: it gets an empty list (RFC 5246 §7.4.6).
    #[must_use]
    pub fn respond(self, identity: Option<Arc<Identity>>) -> Answer {
        Answer { token: self.token, answered: Ok(Answered::Resolved(Resolved(identity))) }
    }

    /// There will be no identity: fails the handshake with `internal_error`.
    #[must_use]
    pub fn fail(self, why: impl Into<String>) -> Answer {
        Answer::failed(self.token, "the resolver of identities", why)
    }
}

/// Asks for a signature.
#[derive(Debug)]
pub struct SignRequest {
    pub(crate) token: Token,
    pub(crate) backend: Backend,
    pub(crate) scheme: SignatureScheme,
    pub(crate) message: Vec<u8>,
    pub(crate) key: Arc<dyn SigningKey>,
}

impl SignRequest {
    /// The scheme to sign with.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// The bytes to sign, before hashing.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The message's digest by the scheme's hash, for services that sign digests; `None` where the scheme signs the
    /// message itself (Ed25519).
    #[must_use]
    pub fn digest(&self) -> Option<Vec<u8>> {
        self.backend.scheme_digest(self.scheme, &self.message)
    }

    /// The public half of the key that is to sign.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// The signature, encoded as the scheme wants it (ECDSA: DER), or why there is none.
    #[must_use]
    pub fn respond(self, signature: Result<Vec<u8>, SignError>) -> Answer {
        Answer { token: self.token, answered: Ok(Answered::Signature(Signature(signature))) }
    }

    /// There will be no signature: fails the handshake with `internal_error`.
    #[must_use]
    pub fn fail(self, why: impl Into<String>) -> Answer {
        Answer::failed(self.token, "the signing key", why)
    }
}
