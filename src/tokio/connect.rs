//! Handshakes.

use alloc::sync::Arc;
use core::future::{Future, Ready, ready};
use std::io;

use pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};

use super::TlsStream;
use crate::ask::{Answer, Ask};
use crate::client::config::ClientConfig;
use crate::connection::{ClientConnection, ServerConnection};
use crate::record_buffer::RecordBuffer;
use crate::server::config::ServerConfig;

/// Makes clients, all with the same configuration.
#[derive(Clone)]
pub struct TlsConnector<D = fn(Ask) -> Ready<Answer>> {
    config: Arc<ClientConfig>,
    decide: D,
}

/// Makes servers, all with the same configuration.
#[derive(Clone)]
pub struct TlsAcceptor<D = fn(Ask) -> Ready<Answer>> {
    config: Arc<ServerConfig>,
    decide: D,
}

impl TlsConnector {
    /// For configurations that put nothing off; a question fails the handshake.
    #[must_use]
    pub fn new(config: Arc<ClientConfig>) -> Self {
        TlsConnector { config, decide: nobody }
    }
}

impl<D> TlsConnector<D> {
    /// Puts questions to `decide`.
    ///
    /// ```no_run
    /// # use std::sync::Arc;
    /// # async fn trusted(peer: &tls12::VerifyRequest) -> Result<tls12::Verified, tls12::CertificateError> { panic!() }
    /// # fn connector(config: Arc<tls12::ClientConfig>) {
    /// use tls12::Ask;
    /// use tls12::tokio::TlsConnector;
    ///
    /// let connector = TlsConnector::new(config).decide(async |ask| match ask {
    ///     Ask::Verify(request) => {
    ///         let verdict = trusted(&request).await; // a database, or a person
    ///         request.respond(verdict)
    ///     }
    ///     other => other.fail("nothing else is put off here"),
    /// });
    /// # let _ = connector;
    /// # }
    /// ```
    #[must_use]
    pub fn decide<N, F>(self, decide: N) -> TlsConnector<N>
    where
        N: Fn(Ask) -> F,
        F: Future<Output = Answer>,
    {
        TlsConnector { config: self.config, decide }
    }
}

impl<D: Fn(Ask) -> F, F: Future<Output = Answer>> TlsConnector<D> {
    /// Does the handshake with the server of this name. There is no time limit: put a `tokio::time::timeout` around it.
    ///
    /// # Errors
    /// Those of the connection and of the transport.
    pub async fn connect<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        server_name: ServerName<'static>,
        transport: T,
    ) -> io::Result<TlsStream<ClientConnection, T>> {
        let client = ClientConnection::new(Arc::clone(&self.config), server_name)?;
        TlsStream::handshake(client, transport, RecordBuffer::new(), &self.decide).await
    }
}

impl TlsAcceptor {
    /// For configurations that put nothing off; a question fails the handshake.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>) -> Self {
        TlsAcceptor { config, decide: nobody }
    }
}

impl<D> TlsAcceptor<D> {
    /// Puts questions to `decide`, as [`TlsConnector::decide`] does.
    #[must_use]
    pub fn decide<N, F>(self, decide: N) -> TlsAcceptor<N>
    where
        N: Fn(Ask) -> F,
        F: Future<Output = Answer>,
    {
        TlsAcceptor { config: self.config, decide }
    }
}

impl<D: Fn(Ask) -> F, F: Future<Output = Answer>> TlsAcceptor<D> {
    /// Does the handshake with the client at the other end. There is no time limit: put a `tokio::time::timeout` around it.
    ///
    /// # Errors
    /// Those of the connection and of the transport.
    pub async fn accept<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        transport: T,
    ) -> io::Result<TlsStream<ServerConnection, T>> {
        let server = ServerConnection::new(Arc::clone(&self.config));
        TlsStream::handshake(server, transport, RecordBuffer::new(), &self.decide).await
    }
}

fn nobody(ask: Ask) -> Ready<Answer> {
    ready(ask.fail("it was put off, and nobody was named to `decide` it"))
}
