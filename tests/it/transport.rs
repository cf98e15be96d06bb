//! Transports in memory that do what a script says.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

/// One direction between two ends.
#[derive(Clone, Debug, Default)]
struct Wire(Rc<RefCell<VecDeque<u8>>>);

/// One end of two wires, non-blocking, as moody as its script: one byte for each call. When the script is at its end,
/// everything goes at once.
#[derive(Debug)]
pub(crate) struct Moody {
    incoming: Wire,
    outgoing: Wire,
    script: VecDeque<u8>,
    full: bool,
    /// How often it was called.
    pub(crate) calls: usize,
}

enum Mood {
    WouldBlock,
    Interrupted,
    /// At most so many bytes.
    Some(usize),
}

impl Moody {
    fn new(incoming: Wire, outgoing: Wire, script: &[u8]) -> Self {
        Moody { incoming, outgoing, script: script.iter().copied().collect(), full: false, calls: 0 }
    }

    /// The two ends of a connection.
    pub(crate) fn pair(one: &[u8], other: &[u8]) -> (Moody, Moody) {
        let (up, down) = (Wire::default(), Wire::default());
        (Moody::new(down.clone(), up.clone(), one), Moody::new(up, down, other))
    }

    /// Blocks for writing, until [`Self::take_all`].
    pub(crate) fn take_nothing(&mut self) {
        self.full = true;
    }

    pub(crate) fn take_all(&mut self) {
        self.full = false;
    }

    fn mood(&mut self) -> Mood {
        self.calls += 1;
        match self.script.pop_front() {
            None => Mood::Some(usize::MAX),
            Some(0..=40) => Mood::WouldBlock,
            Some(41..=60) => Mood::Interrupted,
            Some(few @ 61..=150) => Mood::Some(usize::from(few - 60)),
            Some(many) => Mood::Some(usize::from(many) * 40),
        }
    }
}

impl Read for Moody {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = match self.mood() {
            Mood::WouldBlock => return Err(ErrorKind::WouldBlock.into()),
            Mood::Interrupted => return Err(ErrorKind::Interrupted.into()),
            Mood::Some(most) => most.min(out.len()),
        };
        let mut line = self.incoming.0.borrow_mut();
        if line.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { line.read(&mut out[..most]) }
    }
}

impl Write for Moody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.mood() {
            _ if self.full => Err(ErrorKind::WouldBlock.into()),
            Mood::WouldBlock => Err(ErrorKind::WouldBlock.into()),
            Mood::Interrupted => Err(ErrorKind::Interrupted.into()),
            Mood::Some(most) => {
                let count = most.min(bytes.len());
                self.outgoing.0.borrow_mut().extend(&bytes[..count]);
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a peer is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It closed its sending side; what we send disappears.
    Closed,
    /// Nobody is there: what we send is refused, and reading is at its end.
    BrokenPipe,
    /// Both directions are errors.
    Reset,
    /// It is not gone, but says nothing more; the transport does not block.
    Silent,
}

/// A peer that said what it said, and vanished.
#[derive(Debug)]
pub(crate) struct Vanished<'a> {
    said: &'a [u8],
    pub(crate) gone: Gone,
    /// How many bytes of ours it still took.
    takes: usize,
    pub(crate) calls: usize,
}

impl<'a> Vanished<'a> {
    pub(crate) fn new(said: &'a [u8], gone: Gone, takes: usize) -> Self {
        Vanished { said, gone, takes, calls: 0 }
    }
}

impl Read for Vanished<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.calls += 1;
        match self.said.read(out)? {
            0 if self.gone == Gone::Reset => Err(ErrorKind::ConnectionReset.into()),
            0 if self.gone == Gone::Silent => Err(ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Vanished<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        match self.gone {
            Gone::Closed | Gone::Silent => Ok(bytes.len()),
            _ if self.takes > 0 => {
                let count = bytes.len().min(self.takes);
                self.takes -= count;
                Ok(count)
            }
            Gone::BrokenPipe => Err(ErrorKind::BrokenPipe.into()),
            Gone::Reset => Err(ErrorKind::ConnectionReset.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
