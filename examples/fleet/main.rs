//! Servers that share their sessions: a client that was at one of them resumes its session at another, by session ID (RFC 5246
//! §7.3) and by ticket (RFC 5077). They share them through a Redis server, and nothing but speed is lost when that is slow
//! or gone.
//!
//! ```text
//! cargo run --example fleet -- --self-test         # needs redis-server; starts all that it needs, and ends it
//!
//! export FLEET_SECRET=$(openssl rand -hex 32)      # on each server the same
//! cargo run --example fleet -- --name A --port 4433 --cert cert.pem --key key.pem
//! cargo run --example fleet -- --name B --port 4434 --cert cert.pem --key key.pem
//! openssl s_client -connect localhost:4433 -tls1_2 -no_ticket -sess_out session.pem
//! openssl s_client -connect localhost:4434 -tls1_2 -no_ticket -sess_in session.pem
//! ```
//!
//! - `keeper`: the thread that talks to Redis. It keeps sessions there, and the seeds of the keys that change with time.
//! - `service`: one thread that serves all clients. The look-up of a session is put off (`Decision::Later`), so that a client
//!   whose session is looked up keeps nobody waiting; and it is itself not kept waiting for long.
//! - `self_test`: two such servers, a Redis server and clients, and what happens when Redis goes away.
//!
//! Redis never holds a secret in the clear: sessions are sealed, and keys are derived from a seed and the fleet's secret. Who can
//! write to it can still make sessions vanish or come back, and keys last longer, so it belongs behind a password. And who
//! has copied what was in it and learns the secret can decrypt the connections: guard that as the certificate's key, and change it.

mod keeper;
mod self_test;
mod service;

use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use tls12::{Backend, Identity, ServerConfig};
use zeroize::Zeroizing;

use keeper::Keeper;
use service::{Log, Service};

/// Errors that can come out of a thread.
type Problem = Box<dyn Error + Send + Sync>;

/// The environment variable with the fleet's secret. A flag would be seen by everybody on the machine.
const SECRET: &str = "FLEET_SECRET";

/// One server of a fleet that shares sessions through Redis, on this machine alone.
#[derive(Parser)]
struct Options {
    /// The server's name, for its log and its page.
    #[arg(long, default_value = "A")]
    name: String,
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4433)]
    port: u16,
    /// PEM file with the certificate, and the intermediate ones behind it.
    #[arg(long, value_name = "FILE", required_unless_present = "self_test")]
    cert: Option<PathBuf>,
    /// PEM file with the private key.
    #[arg(long, value_name = "FILE", required_unless_present = "self_test")]
    key: Option<PathBuf>,
    /// The Redis server.
    #[arg(long, value_name = "URL", default_value = "redis://127.0.0.1:6379")]
    redis: String,
    /// How long a client waits for the look-up of its session, in milliseconds, before it gets a full handshake.
    #[arg(long, value_name = "MS", default_value_t = 300)]
    patience: u64,
    /// Ends with its standard input, as a child of the self-test does.
    #[arg(long, hide = true)]
    end_with_input: bool,
    /// Starts a Redis server and two servers, checks that sessions are shared, with Redis and without, and ends.
    #[arg(long)]
    self_test: bool,
}

fn main() -> Result<(), Problem> {
    let options = Options::parse();
    if options.self_test {
        return self_test::run();
    }
    if options.end_with_input {
        thread::spawn(|| {
            _ = io::stdin().read_to_end(&mut Vec::new());
            process::exit(0);
        });
    }

    let (keeper, tickets) = Keeper::start(&options.redis, secret()?)?;
    let config = ServerConfig::builder()
        .identity(identity(&options)?)
        // For clients that take no tickets; the others carry their sessions themselves.
        .session_store(keeper.clone())
        .tickets(tickets)
        // The same name makes it the same service, whichever process and machine it runs in.
        .session_context("the fleet of the example")
        .observer(Log::new(&options.name))
        .build()?;
    let listener = TcpListener::bind(("127.0.0.1", options.port))?;
    println!("https://localhost:{}/", listener.local_addr()?.port());
    Service::new(options.name, config, keeper, Duration::from_millis(options.patience)).run(&listener)
}

/// 32 random bytes, as hexadecimal digits.
fn secret() -> Result<Zeroizing<[u8; 32]>, Problem> {
    let digits = std::env::var(SECRET).map(Zeroizing::new);
    let digits = digits.map_err(|_| format!("set {SECRET} to the output of: openssl rand -hex 32"))?;
    let mut secret = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits.trim(), &mut *secret).map_err(|error| format!("{SECRET}: {error}"))?;
    Ok(secret)
}

fn identity(options: &Options) -> Result<Identity, Problem> {
    let read = |file: &Option<PathBuf>| {
        let file = file.as_deref().ok_or("a certificate and its key are needed")?;
        fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
    };
    Ok(Identity::from_pem(Backend::default(), &read(&options.cert)?, &Zeroizing::new(read(&options.key)?))?)
}

/// For deadlines; the library itself asks its configuration's clock.
#[allow(clippy::disallowed_methods, reason = "a program may look at its own clock")]
fn now() -> Instant {
    Instant::now()
}
