//! The process to which `handover` gives a live connection.

use std::process::ExitCode;

fn main() -> ExitCode {
    match interop::handover::go_on(&std::env::args().nth(1).unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
