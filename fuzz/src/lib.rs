//! What the fuzz targets share: connections that can be replayed, a driver that checks the promises of the library
//! at every call, and recorded peers to start from.

mod accept;
mod certificates;
mod end;
mod heap;
mod keepers;
mod link;
mod parts;
mod role;
mod sealer;
mod seeds;
mod setup;

pub use accept::same_accepted;
pub use certificates::{certificate_seeds, verify};
pub use end::{End, pump, same};
pub use keepers::Keepers;
pub use role::Role;
pub use sealer::{Sealer, records, sealers};
pub use seeds::write_seeds;
pub use setup::Setup;
