//! Data over some of the connections, both ways, every byte checked.

use allocation_counter::measure;
use tls12::{Backend, Connection, Event, Received, Sent};

use super::Problem;
use super::ends::{Configs, Ends, Pair};

/// What came of it.
pub(crate) struct Traffic {
    pub(crate) connections: usize,
    /// Bytes of data.
    pub(crate) moved: usize,
    pub(crate) allocations: u64,
    /// How much more heap the connections hold afterwards.
    pub(crate) bytes: i64,
}

/// The longest message, in bytes: four records and a little.
const LONGEST: usize = 4 * 16384 + 100;

/// Data of random length over `count` of them, chosen at random.
pub(crate) fn over_some<E: Ends>(
    all: &mut [(&mut E, &Configs)],
    count: usize,
    backend: Backend,
) -> Result<Traffic, Problem> {
    let mut dice = Dice::new(backend)?;
    let mut data = vec![0; LONGEST];
    data.fill_with(|| dice.roll().to_le_bytes()[0]);
    let mut wire = vec![0; LONGEST + 1000];
    let mut traffic = Traffic { connections: 0, moved: 0, allocations: 0, bytes: 0 };
    for chosen in 0..count.min(all.len()) {
        // Each of those that were not chosen yet is as likely as the others.
        all.swap(chosen, dice.between(chosen, all.len()));
        let Some((ends, configs)) = all.get_mut(chosen) else { break };
        ends.awake(configs, &mut |Pair { client, server }| {
            for _ in 0..2 {
                traffic.count(client, server, dice.piece(&data), &mut wire)?;
                traffic.count(server, client, dice.piece(&data), &mut wire)?;
            }
            Ok(())
        })?;
        traffic.connections += 1;
    }
    Ok(traffic)
}

impl Traffic {
    fn count(
        &mut self,
        from: &mut impl Connection,
        to: &mut impl Connection,
        message: &[u8],
        wire: &mut [u8],
    ) -> Result<(), Problem> {
        let mut outcome = Ok(());
        let counted = measure(|| outcome = send(from, to, message, wire));
        self.moved += message.len();
        self.allocations += counted.count_total;
        self.bytes += counted.bytes_current;
        outcome
    }
}

/// Moves a message from one end to the other, which must get exactly that.
fn send(from: &mut impl Connection, to: &mut impl Connection, message: &[u8], wire: &mut [u8]) -> Result<(), Problem> {
    let Sent { taken, produced } = from.write(message, wire)?;
    let mut received = 0;
    let mut input = wire.get_mut(..produced).unwrap_or_default();
    loop {
        let Received { consumed, event } = to.read(input)?;
        match event {
            Event::Data(range) => {
                let expected = message.get(received..received + range.len());
                if input.get(range.clone()) != expected {
                    return Err("data came that was not sent".into());
                }
                received += range.len();
            }
            Event::NeedInput { .. } => break,
            _ => return Err("neither data nor the end of it".into()),
        }
        input = input.get_mut(consumed..).unwrap_or_default();
    }
    if (taken, received) == (message.len(), message.len()) { Ok(()) } else { Err("data is missing".into()) }
}

/// Random numbers (splitmix64), from a seed of the system's.
struct Dice(u64);

impl Dice {
    fn new(backend: Backend) -> Result<Self, Problem> {
        let mut seed = [0; 8];
        backend.random().fill(&mut seed).map_err(|_| "no randomness")?;
        Ok(Dice(u64::from_le_bytes(seed)))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// At least `least`, and less than `end`, which is more.
    fn between(&mut self, least: usize, end: usize) -> usize {
        let span = u64::try_from(end - least).unwrap_or(1).max(1);
        least + usize::try_from(self.roll() % span).unwrap_or(0)
    }

    /// Some of it, at least a byte.
    fn piece<'d>(&mut self, data: &'d [u8]) -> &'d [u8] {
        let from = self.between(0, data.len());
        let to = self.between(from + 1, data.len() + 1);
        data.get(from..to).unwrap_or_default()
    }
}
