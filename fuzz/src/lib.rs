//! What the fuzz targets share: connections that can be replayed, a driver that checks the promises of the library
//! at every call, and recorded peers to start from.

mod accept;
mod end;
mod heap;
mod parts;
mod sealer;
mod seeds;

pub use accept::same_accepted;
pub use end::{End, same};
pub use parts::{Setup, prepare};
pub use sealer::{Sealer, records, sealers};
pub use seeds::write_seeds;
