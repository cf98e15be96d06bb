//! What has gone wrong in TLS 1.2 implementations, one test each: `docs/attacks.md` tells the story of each.

mod alerts;
mod client_certificates;
mod client_offers;
mod floods;
mod key_shares;
mod order;
mod raw_keys;
mod records;
mod resumption;
mod server_choices;
mod signatures;
mod sizes;
