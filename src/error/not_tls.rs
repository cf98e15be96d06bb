/// What the bytes at the start of a connection look like when they are not TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotTls {
    /// A plain HTTP request was sent to a TLS port.
    HttpRequest,
    /// A `CONNECT` request, meant for a proxy, was sent to a TLS port.
    HttpProxyRequest,
    /// A plain HTTP response: the port that we connected to doesn't speak TLS, or not at once.
    HttpResponse,
    /// A hello of SSL 2.0 (RFC 5246 appendix E.2).
    Ssl2Hello,
    /// A greeting of a mail or file server (`220 …`, `* OK …`): it wants STARTTLS first.
    Greeting,
    /// Something else: its first five bytes.
    Bytes([u8; 5]),
}
