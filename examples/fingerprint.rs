//! Prints what identifies each client that connects: the JA3 and JA4 fingerprints of its ClientHello. Nobody is answered.
//!
//! ```text
//! cargo run --example fingerprint -- --port 4433
//! curl https://localhost:4433/
//! cargo run --example fingerprint -- --self-test
//! ```
//!
//! JA3 (Salesforce, 2017) is the MD5 of numbers in the order of the hello; JA4 (FoxIO, 2023) sorts them first, so that it stays
//! the same for clients that shuffle their extensions.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use md5::Md5;
use sha2::{Digest, Sha256};
use tls12::message::{ClientHello, ExtensionType, ProtocolVersion, is_grease};
use tls12::{
    Acceptance, Accepted, Acceptor, AlertDescription, ClientConfig, ClientConnection, RecordBuffer, dangerous,
};

/// How long a client may say nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Prints the JA3 and JA4 fingerprints of the clients that connect, on this machine alone.
#[derive(Parser)]
struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4433)]
    port: u16,
    /// Checks the published examples, shows our own hello and those of rustls, and ends. Needs no network.
    #[arg(long)]
    self_test: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    if options.self_test {
        return self_test();
    }
    let listener = TcpListener::bind(("127.0.0.1", options.port))?;
    eprintln!("listening on {}", listener.local_addr()?);
    for socket in listener.incoming() {
        if let Err(error) = socket.map_err(Into::into).and_then(look_at) {
            eprintln!("{error}");
        }
    }
    Ok(())
}

fn look_at(mut socket: TcpStream) -> Result<(), Box<dyn Error>> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let client = socket.peer_addr()?;
    let accepted = accept(&mut socket)?;
    println!("{client}\n{}", Fingerprints::of(&accepted.client_hello()));
    Ok(socket.write_all(&accepted.refuse(AlertDescription::ACCESS_DENIED))?)
}

/// Reads until the ClientHello is whole.
fn accept(mut transport: impl io::Read + Write) -> Result<Accepted, Box<dyn Error>> {
    let (mut acceptor, mut buffer) = (Acceptor::new(), RecordBuffer::new());
    loop {
        match buffer.accept(&mut acceptor)? {
            Acceptance::ClientHello(accepted) => return Ok(accepted),
            Acceptance::NeedInput { .. } => {
                if buffer.fill_from(&mut transport)? == 0 {
                    acceptor.end_of_input()?;
                }
            }
            Acceptance::Progress => {}
            Acceptance::Failing => transport.write_all(&acceptor.alert())?,
        }
    }
}

/// What a client is known by.
#[derive(Debug, PartialEq, Eq)]
struct Fingerprints {
    ja3: String,
    ja3_hash: String,
    /// JA4 with its lists in full.
    ja4_raw: String,
    ja4: String,
}

impl Display for Fingerprints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "  JA3    {}\n         {}", self.ja3_hash, self.ja3)?;
        write!(f, "  JA4    {}\n         {}", self.ja4, self.ja4_raw)
    }
}

impl Fingerprints {
    fn of(hello: &ClientHello<'_>) -> Self {
        let ja3 = ja3(hello);
        let [a, b, c] = ja4(hello);
        Fingerprints {
            ja3_hash: hex::encode(Md5::digest(&ja3)),
            ja3,
            ja4: format!("{a}_{}_{}", short_hash(&b), short_hash(&c)),
            ja4_raw: format!("{a}_{b}_{c}"),
        }
    }
}

/// The values that are not there to keep the protocol extensible (RFC 8701), which change each time.
fn fixed<T: Into<u16>>(values: impl IntoIterator<Item = T>) -> Vec<u16> {
    values.into_iter().map(Into::into).filter(|value| !is_grease(*value)).collect()
}

/// Version, cipher suites, extensions, groups and point formats: `769,47-53,0-10-11,23-24,0`.
fn ja3(hello: &ClientHello<'_>) -> String {
    let extensions = &hello.extensions;
    let groups = extensions.supported_groups.into_iter().flat_map(|list| list.iter());
    [
        hello.version.0.to_string(),
        joined(fixed(hello.cipher_suites.iter()), "-", |id| id.to_string()),
        joined(fixed(extensions.all.types()), "-", |typ| typ.to_string()),
        joined(fixed(groups), "-", |group| group.to_string()),
        joined(extensions.ec_point_formats.unwrap_or_default().iter().copied(), "-", |format| format.to_string()),
    ]
    .join(",")
}

/// The three parts, before the second and the third are hashed: `t12d0305h2`, sorted cipher suites, and sorted extensions with the
/// signature algorithms in their own order.
fn ja4(hello: &ClientHello<'_>) -> [String; 3] {
    let extensions = &hello.extensions;
    let (mut suites, mut types) = (fixed(hello.cipher_suites.iter()), fixed(extensions.all.types()));
    let summary = format!(
        "t{}{}{:02}{:02}{}",
        version(hello),
        if types.contains(&ExtensionType::SERVER_NAME.0) { 'd' } else { 'i' },
        suites.len().min(99),
        types.len().min(99),
        alpn(extensions.alpn.and_then(|names| names.iter().next())),
    );
    suites.sort_unstable();
    types.sort_unstable();
    // These two say where the client goes, rather than who it is.
    let elsewhere = [ExtensionType::SERVER_NAME.0, ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION.0];
    types.retain(|typ| !elsewhere.contains(typ));
    let hex = |value| format!("{value:04x}");
    let mut described = joined(types, ",", hex);
    if let Some(schemes) = extensions.signature_algorithms {
        described = format!("{described}_{}", joined(fixed(schemes.iter()), ",", hex));
    }
    [summary, joined(suites, ",", hex), described]
}

/// The highest version that is offered.
fn version(hello: &ClientHello<'_>) -> &'static str {
    let offered = hello.extensions.supported_versions.map(|versions| fixed(versions.iter()));
    let highest = offered.and_then(|versions| versions.into_iter().max()).unwrap_or(hello.version.0);
    match ProtocolVersion(highest) {
        ProtocolVersion::TLS_1_3 => "13",
        ProtocolVersion::TLS_1_2 => "12",
        ProtocolVersion::TLS_1_1 => "11",
        ProtocolVersion::TLS_1_0 => "10",
        ProtocolVersion::SSL_3_0 => "s3",
        _ => "00",
    }
}

/// The first and the last character of the first application protocol; of its hexadecimal digits if one of them is no letter
/// or digit.
fn alpn(name: Option<&[u8]>) -> String {
    let Some((first, last)) = name.and_then(|name| Some((*name.first()?, *name.last()?))) else {
        return "00".to_string();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [char::from(first), char::from(last)].iter().collect()
    } else {
        format!("{:x}{:x}", first >> 4, last & 0x0f)
    }
}

/// The first twelve digits of the SHA-256; zeros for nothing.
fn short_hash(text: &str) -> String {
    if text.is_empty() { "0".repeat(12) } else { hex::encode(Sha256::digest(text)).chars().take(12).collect() }
}

fn joined<T>(values: impl IntoIterator<Item = T>, separator: &str, write: impl Fn(T) -> String) -> String {
    values.into_iter().map(write).collect::<Vec<_>>().join(separator)
}

/// What is known for certain, and then whoever is at hand.
fn self_test() -> Result<(), Box<dyn Error>> {
    check_published()?;
    let ours = our_hello()?;
    let ours = accept(io::Cursor::new(ours))?;
    println!("tls12\n{}", Fingerprints::of(&ours.client_hello()));
    for (name, versions, expected) in [
        ("rustls, TLS 1.3 and 1.2", rustls::ALL_VERSIONS, "t13d"),
        ("rustls, TLS 1.2 alone", &[&rustls::version::TLS12][..], "t12d"),
    ] {
        let first = accept(io::Cursor::new(rustls_hello(versions)?))?;
        let again = accept(io::Cursor::new(rustls_hello(versions)?))?;
        let [first, again] = [first, again].map(|accepted| Fingerprints::of(&accepted.client_hello()));
        println!("{name}\n{first}");
        // rustls shuffles its extensions, which JA3 is no match for.
        if first.ja4 != again.ja4 || !first.ja4.starts_with(expected) {
            return Err(format!("{name} is not recognised: {first:?}, {again:?}").into());
        }
    }
    println!("self-test: ok");
    Ok(())
}

/// The examples of <https://github.com/salesforce/ja3> and of <https://github.com/FoxIO-LLC/ja4>.
fn check_published() -> Result<(), Box<dyn Error>> {
    // Chrome, with GREASE at the front of each list. FoxIO publishes the sorted lists; the order in the hello is ours.
    let chrome = Hello {
        version: 0x0303,
        suites: "0a0a 1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035",
        extensions: &[
            ("1a1a", ""),
            ("0000", "000e00000b6578616d706c652e636f6d"),
            ("0005", "0100000000"),
            ("000a", "00082a2a001d00170018"),
            ("000b", "0100"),
            ("000d", "001004030804040105030805050108060601"),
            ("0010", "000c02683208687474702f312e31"),
            ("0012", ""),
            ("0015", "00"),
            ("0017", ""),
            ("001b", "020002"),
            ("0023", ""),
            ("002b", "063a3a03040303"),
            ("002d", "0101"),
            ("0033", "0000"),
            ("4469", "0003026832"),
            ("ff01", "00"),
            ("4a4a", "00"),
        ],
    };
    let found = chrome.fingerprints()?;
    same(&found.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1")?;
    let raw = "t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_\
               0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_\
               0403,0804,0401,0503,0805,0501,0806,0601";
    same(&found.ja4_raw, raw)?;

    let with_extensions = Hello {
        version: 0x0301,
        suites: "002f 0035 0005 000a c009 c00a c013 c014 0032 0038 0013 0004",
        extensions: &[("0000", "000e00000b6578616d706c652e636f6d"), ("000a", "0006001700180019"), ("000b", "0100")],
    };
    let found = with_extensions.fingerprints()?;
    same(&found.ja3, "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0")?;
    same(&found.ja3_hash, "ada70206e40642a3e4461f35503241d5")?;

    let without =
        Hello { version: 0x0301, suites: "0004 0005 000a 0009 0064 0062 0003 0006 0013 0012 0063", extensions: &[] };
    let found = without.fingerprints()?;
    same(&found.ja3, "769,4-5-10-9-100-98-3-6-19-18-99,,,")?;
    same(&found.ja3_hash, "de350869b8c85de67a350c8d186f11e6")
}

fn same(found: &str, expected: &str) -> Result<(), Box<dyn Error>> {
    if found == expected { Ok(()) } else { Err(format!("{found} where {expected} was published").into()) }
}

/// A hello to be written: numbers in hexadecimal.
struct Hello {
    version: u16,
    suites: &'static str,
    extensions: &'static [(&'static str, &'static str)],
}

impl Hello {
    fn fingerprints(&self) -> Result<Fingerprints, Box<dyn Error>> {
        let bytes = |text: &str| hex::decode(text.replace(' ', ""));
        let suites = bytes(self.suites)?;
        let mut body = self.version.to_be_bytes().to_vec();
        // Random, and no session.
        body.extend([0; 33]);
        body.extend(with_length(&suites)?);
        body.extend([1, 0]);
        if !self.extensions.is_empty() {
            let mut block = Vec::new();
            for (typ, content) in self.extensions {
                block.extend(bytes(typ)?);
                block.extend(with_length(&bytes(content)?)?);
            }
            body.extend(with_length(&block)?);
        }
        let hello = ClientHello::read(&body).map_err(|problem| problem.to_string())?;
        Ok(Fingerprints::of(&hello))
    }
}

fn with_length(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok([&u16::try_from(bytes.len())?.to_be_bytes(), bytes].concat())
}

fn our_hello() -> Result<Vec<u8>, Box<dyn Error>> {
    let config =
        ClientConfig::builder().verifier(Arc::new(dangerous::AcceptAnything)).alpn_protocols(["http/1.1"]).build()?;
    let mut hello = Vec::new();
    _ = ClientConnection::new(config, "server.example".try_into()?)?.write_vec(&[], &mut hello)?;
    Ok(hello)
}

fn rustls_hello(versions: &[&'static rustls::SupportedProtocolVersion]) -> Result<Vec<u8>, Box<dyn Error>> {
    let config = rustls::ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let mut hello = Vec::new();
    rustls::ClientConnection::new(Arc::new(config), "server.example".try_into()?)?.write_tls(&mut hello)?;
    Ok(hello)
}
