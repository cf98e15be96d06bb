//! The process to which `handover` gives a live connection.

use std::process::ExitCode;

fn main() -> ExitCode {
    let [role, backend] = [1, 2].map(|at| std::env::args().nth(at).unwrap_or_default());
    match interop::handover::go_on(&role, &backend) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
