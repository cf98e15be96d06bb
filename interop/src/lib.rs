//! `tls12` against other implementations of TLS, each in the roles that it has, over loopback TCP.
//!
//! `cargo test -p interop -- --nocapture` runs the whole product of peer × role × cipher suite × certificate × group
//! and prints it as a table. A cell is a connection of its own: a handshake held to that suite and that group, application
//! data in both directions, what each side says was negotiated, and a close_notify from both.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`ours`] | drives `tls12` |
//! | [`cell`] | what is negotiated: the product, and reports of it |
//! | [`certs`] | keys and chains, made on the spot |
//! | [`ocsp`] | OCSP responses about them |
//! | [`ocsp`] | OCSP responses about them |
//! | [`process`] | child processes that always end, and the programs that must be installed |
//! | [`capture`] | a connection as a pcap file, read by `tshark` |
//! | [`net`] | sockets with a deadline |
//! | [`handover`] | a live connection that goes to another process |
//! | [`talk`] | the application data |
//! | [`h2`] | a little HTTP/2 |
//! | [`peers`] | one file for each peer |
//! | [`matrix`] | runs the cells, one connection each |
//! | [`extras`] | checks beyond the product |
//! | [`table`] | results, printed |

pub mod capture;
pub mod cell;
pub mod certs;
pub mod extras;
pub mod h2;
pub mod handover;
pub mod matrix;
pub mod net;
pub mod ocsp;
pub mod ours;
pub mod peers;
pub mod process;
pub mod table;
pub mod talk;
