use core::fmt;

use super::ExtensionType;
use crate::codec::{Malformed, Prefix, Reader, Writer};

/// All extensions of a hello as they came, known or not (RFC 5246 §7.4.1.4). No type stands there twice.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Extensions<'a> {
    block: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// Reads the end of a hello, and gives each extension to `read_one`, which has to read all of it. RFC 5246 §7.4.1.2: the
    /// block may be left out altogether.
    #[inline]
    pub(super) fn read(
        r: &mut Reader<'a>,
        mut read_one: impl FnMut(ExtensionType, &mut Reader<'a>) -> Result<(), Malformed>,
    ) -> Result<Self, Malformed> {
        if r.is_empty() {
            return Ok(Extensions::default());
        }
        let block = r.vector(Prefix::U16, "extensions")?;
        let mut seen = Some(TypeSet::default());
        let mut left = Reader::new(block);
        while !left.is_empty() {
            let (typ, data) = extension(&mut left)?;
            // RFC 5246 §7.4.1.4: there must not be more than one extension of the same type.
            match seen.as_mut().map(|seen| seen.insert(typ)) {
                Some(Inserted::New) | None => {}
                Some(Inserted::Again) => return Err(Malformed::Duplicate(name(typ))),
                Some(Inserted::Full) => {
                    check_many(block)?;
                    seen = None;
                }
            }
            let mut data = Reader::new(data);
            read_one(typ, &mut data)?;
            if !data.is_empty() {
                return Err(Malformed::Trailing(name(typ)));
            }
        }
        Ok(Extensions { block })
    }

    /// Types and contents, in the order in which they were sent.
    pub fn iter(self) -> impl Iterator<Item = (ExtensionType, &'a [u8])> + Clone {
        let mut left = Reader::new(self.block);
        // Reading ends, without an extension, at the end of the block.
        core::iter::from_fn(move || extension(&mut left).ok())
    }

    /// The types, in the order in which they were sent.
    pub fn types(self) -> impl Iterator<Item = ExtensionType> + Clone {
        self.iter().map(|(typ, _)| typ)
    }
}

impl fmt::Debug for Extensions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Writes one extension.
#[inline]
pub(super) fn write(w: &mut Writer<'_>, typ: ExtensionType, content: impl FnOnce(&mut Writer<'_>)) {
    w.u16(typ.0);
    w.sub(Prefix::U16, name(typ), content);
}

/// Writes a block of extensions, unless there are none: peers older than extensions take a hello without a block.
#[inline]
pub(super) fn write_block(w: &mut Writer<'_>, extensions: impl FnOnce(&mut Writer<'_>)) {
    w.sub_unless_empty(Prefix::U16, "extensions", extensions);
}

#[inline]
fn extension<'a>(r: &mut Reader<'a>) -> Result<(ExtensionType, &'a [u8]), Malformed> {
    let typ = ExtensionType(r.u16("extension")?);
    match r.vector(Prefix::U16, "extension") {
        Ok(data) => Ok((typ, data)),
        Err(_) => Err(Malformed::Truncated(name(typ))),
    }
}

fn name(typ: ExtensionType) -> &'static str {
    typ.name().unwrap_or("extension")
}

/// The types of the extensions that hellos usually have: those below 64, and a few others.
#[derive(Default)]
struct TypeSet {
    /// One bit for each.
    below_64: u64,
    others: [u16; 8],
    count: usize,
}

enum Inserted {
    New,
    Again,
    /// There is no place for it.
    Full,
}

impl TypeSet {
    #[inline]
    fn insert(&mut self, ExtensionType(typ): ExtensionType) -> Inserted {
        if typ < 64 {
            let bit = 1 << typ;
            let new = self.below_64 & bit == 0;
            self.below_64 |= bit;
            return if new { Inserted::New } else { Inserted::Again };
        }
        if self.others.iter().take(self.count).any(|other| *other == typ) {
            return Inserted::Again;
        }
        let Some(place) = self.others.get_mut(self.count) else { return Inserted::Full };
        *place = typ;
        self.count += 1;
        Inserted::New
    }
}

/// With one bit for each type there is: 8 KiB on the stack for a moment, and no number of extensions takes more than linear
/// time.
#[cold]
#[inline(never)]
fn check_many(block: &[u8]) -> Result<(), Malformed> {
    let mut seen = [0u64; 1 << 10];
    let mut left = Reader::new(block);
    while !left.is_empty() {
        let (typ, _) = extension(&mut left)?;
        let bit = 1 << (typ.0 % 64);
        let word = seen.get_mut(usize::from(typ.0 / 64)).ok_or(Malformed::Value("extension"))?;
        if *word & bit != 0 {
            return Err(Malformed::Duplicate(name(typ)));
        }
        *word |= bit;
    }
    Ok(())
}
