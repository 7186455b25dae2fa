//! What a trial is at, for whoever measures how long that takes. Nothing here knows a clock, and
//! nothing comes back: a run is the same whether somebody measures or not.

/// What a trial does besides running worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Searching through orders of events.
    Search,
    /// Making the calls again that a search remembers.
    Verify,
}

/// Whoever measures. It is told on the thread that does something; what ends is what began last on
/// that thread.
pub trait Timekeeper: Sync {
    /// This thread begins something.
    fn begins(&self, activity: Activity);

    /// This thread is done with it, and goes on with what it did before.
    fn ends(&self, activity: Activity);
}

/// An activity, and who is told of it. Whoever splits work says it once more in each piece, since
/// pieces are done on other threads.
#[derive(Clone, Copy)]
pub struct Timed<'k> {
    keeper: Option<&'k dyn Timekeeper>,
    activity: Activity,
}

impl<'k> Timed<'k> {
    /// Of this activity this timekeeper is told, if there is one.
    pub fn new(keeper: Option<&'k dyn Timekeeper>, activity: Activity) -> Timed<'k> {
        Timed { keeper, activity }
    }

    /// It begins on this thread, and ends when what comes back is dropped.
    pub fn begin(self) -> Begun<'k> {
        if let Some(keeper) = self.keeper {
            keeper.begins(self.activity);
        }
        Begun { timed: self }
    }
}

/// Something that goes on as long as this lives.
#[must_use = "it ends when this is dropped"]
pub struct Begun<'k> {
    timed: Timed<'k>,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(keeper) = self.timed.keeper {
            keeper.ends(self.timed.activity);
        }
    }
}
