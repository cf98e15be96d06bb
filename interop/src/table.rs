//! Results, and how they are printed.

use std::fmt::{self, Write as _};
use std::time::Duration;

use tls12::Backend;

use crate::cell::{Cell, GROUPS, Kind, SUITES};
use crate::extras::Checked;

/// How a cell went.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// As it should, in this time.
    Passed(Duration),
    /// Not as it should; with everything that helps to find out why.
    Failed(String),
}

/// All results with one peer in one role.
pub struct Part {
    /// The crate that did our cryptography.
    pub backend: Backend,
    /// The peer.
    pub peer: String,
    /// The peer's role.
    pub role: &'static str,
    /// The product.
    pub cells: Vec<(Cell, Outcome)>,
    /// The checks beyond it.
    pub extras: Vec<Checked>,
    /// How long all of it took.
    pub time: Duration,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {:<17} {:<7}", format!("{:?}", self.backend), self.peer, self.role)
    }
}

/// Sums over all parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Cells that passed.
    pub passed: usize,
    /// Cells that failed.
    pub failed: usize,
    /// Other checks that passed.
    pub extras_passed: usize,
    /// Other checks that failed.
    pub extras_failed: usize,
}

impl Sums {
    /// Counts.
    #[must_use]
    pub fn of(parts: &[Part]) -> Sums {
        let mut sums = Sums::default();
        for part in parts {
            for (_, outcome) in &part.cells {
                match outcome {
                    Outcome::Passed(_) => sums.passed += 1,
                    Outcome::Failed(_) => sums.failed += 1,
                }
            }
            let passed = part.extras.iter().filter(|(_, result)| result.is_ok()).count();
            sums.extras_passed += passed;
            sums.extras_failed += part.extras.len() - passed;
        }
        sums
    }
}

/// The whole table: a line for backend, peer, role, certificate and suite; a column for each group.
#[must_use]
pub fn render(parts: &[Part]) -> String {
    let mut text =
        String::from("backend  peer              is      certificate  suite                                        ");
    for group in GROUPS {
        write!(text, " {group:>10}").unwrap_or_default();
    }
    text.push('\n');
    for part in parts {
        for kind in Kind::ALL {
            for suite in SUITES {
                let row: Vec<&(Cell, Outcome)> =
                    part.cells.iter().filter(|(cell, _)| cell.kind == kind && cell.suite == suite).collect();
                if row.is_empty() {
                    continue;
                }
                write!(text, "{part} {kind:<12} {suite:<45}").unwrap_or_default();
                for (_, outcome) in row {
                    let field = match outcome {
                        Outcome::Passed(time) => format!("ok {} ms", time.as_millis()),
                        Outcome::Failed(_) => "FAILED".to_owned(),
                    };
                    write!(text, " {field:>10}").unwrap_or_default();
                }
                text.push('\n');
            }
        }
    }
    text.push('\n');
    for part in parts {
        for (name, result) in &part.extras {
            let (word, remark) = match result {
                // An error's first clause says which it is.
                Ok(remark) => ("ok", remark.split([';', '(']).next().unwrap_or_default().trim_end()),
                Err(_) => ("FAILED", ""),
            };
            writeln!(text, "{part} {name:<32} {word:<6} {remark}").unwrap_or_default();
        }
    }
    text
}

/// What is wrong, at length.
#[must_use]
pub fn failures(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        let cells = part.cells.iter().filter_map(|(cell, outcome)| match outcome {
            Outcome::Failed(why) => Some((cell.to_string(), why)),
            Outcome::Passed(_) => None,
        });
        let extras = part.extras.iter().filter_map(|(name, result)| Some(((*name).to_owned(), result.as_ref().err()?)));
        for (what, why) in cells.chain(extras) {
            let Part { backend, peer, role, .. } = part;
            writeln!(text, "FAILED: {peer} as {role} against {backend:?}, {what}\n{}\n", why.trim_end())
                .unwrap_or_default();
        }
    }
    text
}
