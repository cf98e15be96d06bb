//! One subject, over and over, for profilers: `one SUBJECT BACKEND HANDSHAKE COUNT`.

use std::hint::black_box;

use tls12_bench::bare::{Authentication, aws_lc, ring};
use tls12_bench::certificates::Issued;
use tls12_bench::{Backend, Handshake, ours, theirs};

const USAGE: &str = "one bare|tls12|rustls ring|aws-lc-rs ecdsa|rsa|mutual|ticket|id COUNT";

fn main() -> Result<(), &'static str> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [subject, backend, handshake, count] = arguments.as_slice() else { return Err(USAGE) };
    let backend = match backend.as_str() {
        "ring" => Backend::Ring,
        "aws-lc-rs" => Backend::AwsLc,
        _ => return Err(USAGE),
    };
    let handshake = match handshake.as_str() {
        "ecdsa" => Handshake::Ecdsa,
        "rsa" => Handshake::Rsa,
        "mutual" => Handshake::Mutual,
        "ticket" => Handshake::Ticket,
        "id" => Handshake::SessionId,
        _ => return Err(USAGE),
    };
    let count: usize = count.parse().map_err(|_| USAGE)?;
    let issued = if handshake == Handshake::Rsa { Issued::rsa() } else { Issued::ecdsa() };
    match subject.as_str() {
        "bare" => {
            let authentication = match handshake {
                Handshake::Rsa => Authentication::Rsa(&issued),
                Handshake::Mutual => Authentication::Mutual(&issued),
                Handshake::Ecdsa | Handshake::Ticket | Handshake::SessionId => Authentication::Ecdsa(&issued),
            };
            let (lengths, resumed) = (ours::lengths(handshake, &issued), handshake.is_resumed());
            match backend {
                Backend::Ring => {
                    let calls = ring::Calls::new(authentication, lengths);
                    repeat(count, || if resumed { calls.resumed() } else { calls.full() });
                }
                Backend::AwsLc => {
                    let calls = aws_lc::Calls::new(authentication, lengths);
                    repeat(count, || if resumed { calls.resumed() } else { calls.full() });
                }
            }
        }
        "tls12" => {
            let configs = ours::Configs::new(backend, handshake, &issued);
            let mut buffer = vec![0; 20_000];
            configs.prepare(&mut buffer);
            repeat(count, || configs.run(&mut buffer));
        }
        "rustls" => {
            let configs = theirs::Configs::new(backend, handshake, &issued);
            configs.prepare(&mut Vec::new());
            let mut wires = [vec![0; 20_000], vec![0; 20_000]];
            repeat(count, || configs.run_unbuffered(&mut wires));
        }
        _ => return Err(USAGE),
    }
    Ok(())
}

/// What a profiler should look at: `--toggle-collect='one::repeat*'`.
#[inline(never)]
fn repeat<T>(count: usize, mut work: impl FnMut() -> T) {
    for _ in 0..count {
        black_box(work());
    }
}
