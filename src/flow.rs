//! The legal orders of both roles as data: what the state machines were made from.
//!
//! Nothing else is legal: a message that no arrow takes is answered by `unexpected_message`. HelloRequest stands in no table;
//! a client ignores it within a handshake (RFC 5246 §7.4.1.1).

use core::fmt;

pub use crate::client::flow::EDGES as CLIENT;
pub use crate::server::flow::EDGES as SERVER;

/// One arrow of a flow table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Edge {
    /// The state that it leads out of.
    pub state: &'static str,
    /// The message that it takes, or the answer to the question that the state asks.
    pub letter: &'static str,
    /// The states that it may lead to.
    pub next: &'static [&'static str],
}

/// A flow table as a picture: its `Display` is a diagram in the language of Mermaid.
#[derive(Clone, Copy, Debug)]
pub struct Diagram<'a>(pub &'a [Edge]);

impl fmt::Display for Diagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stateDiagram-v2")?;
        if let Some(first) = self.0.first() {
            write!(f, "\n    [*] --> {}", first.state)?;
        }
        for edge in self.0 {
            for next in edge.next {
                write!(f, "\n    {} --> {next}: {}", edge.state, edge.letter)?;
            }
        }
        Ok(())
    }
}
