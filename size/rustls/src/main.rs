//! Asks a server for its page over TLS 1.2, by rustls.
//!
//! ```text
//! rustls-client <host> <port> <roots.pem>
//! ```

use std::env;
use std::error::Error;
use std::io::{Read, Write, stdout};
use std::net::TcpStream;
use std::sync::Arc;

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, ServerName};
use rustls::version::TLS12;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [host, port, roots] = &arguments[..] else { return Err("say <host> <port> <roots.pem>".into()) };
    let roots = CertificateDer::pem_file_iter(roots)?.collect::<Result<Vec<_>, _>>()?;
    let name = ServerName::try_from(host.clone())?;

    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots);
    let config = ClientConfig::builder_with_protocol_versions(&[&TLS12]).with_root_certificates(store);
    let config = Arc::new(config.with_no_client_auth());
    let socket = TcpStream::connect((host.as_str(), port.parse()?))?;
    let mut stream = StreamOwned::new(ClientConnection::new(config, name)?, socket);
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut page = Vec::new();
    stream.read_to_end(&mut page)?;
    Ok(stdout().write_all(&page)?)
}
