/// What a trait of the configuration answers when the outside has to decide something.
///
/// `Later` pauses the connection: it then hands out an owned request ([`crate::Ask`]) and goes on when that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<T> {
    /// The answer, at once.
    Now(T),
    /// The answer comes later, by [`crate::Ask`]. Nothing that was done so far is done again.
    Later,
}

impl<T> Decision<T> {
    /// The same decision, with what was decided changed by `change`.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Decision<U> {
        match self {
            Decision::Now(decided) => Decision::Now(change(decided)),
            Decision::Later => Decision::Later,
        }
    }
}
