//! A store that all nodes share.

use serde::Serialize;

use crate::{abi::EffectWriter, codec::encode};

/// The store that all nodes share, from [`Context::store`](crate::Context::store): what a
/// distributed file system (GFS, HDFS) is to the programs above it. Only some labs look into it;
/// their handouts say so.
///
/// Because a rename is atomic and a series of appends is not, results are written under a name that
/// nobody reads and renamed when they are complete. Two workers that have computed the same result
/// then may both rename theirs: one whole file replaces another one.
///
/// # Contract
/// * It can be reached from every node at any time, cut links or not, and survives every crash.
/// * Each call is an effect of its own, carried out in order with the others. A crash between two
///   effects leaves what was written so far: a file may end after any record.
/// * [`create`](Store::create) and [`rename`](Store::rename) replace a file of that name, whoever
///   wrote it. A rename is atomic: nobody ever sees half of it.
/// * Nodes only write. Whoever ordered the files reads them when the work is done.
///
/// ```
/// # use labkit::prelude::*;
/// # #[derive(Debug, Serialize, Deserialize)] struct Writer;
/// # impl Node for Writer {
/// #     type Config = (); type Message = u64; type Timer = ();
/// #     fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self { Writer }
/// fn on_message(&mut self, _: NodeId, number: u64, ctx: &mut Context<Self>) {
///     ctx.store().create("draft"); // empty, whatever it was before
///     ctx.store().append("draft", &number);
///     ctx.store().append("draft", &(number + 1));
///     ctx.store().rename("draft", "numbers"); // now there is no `draft` any more
/// }
/// #     fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
/// # }
/// ```
pub struct Store<'a> {
    pub(crate) effects: &'a mut EffectWriter,
}

impl Store<'_> {
    /// Makes an empty file; one that has this name already is emptied.
    pub fn create(&mut self, name: &str) {
        self.effects.store_create(name);
    }

    /// Appends a record to a file; without a file of this name, makes it first.
    pub fn append<T: Serialize + ?Sized>(&mut self, name: &str, record: &T) {
        self.effects
            .store_append(name, |out| encode(out, record, "record"));
    }

    /// Gives a file another name, in place of the file that had it before, if there was one.
    /// Without a file named `from` nothing happens.
    pub fn rename(&mut self, from: &str, to: &str) {
        self.effects.store_rename(from, to);
    }
}

/// A call on the store that a handler under test has made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is the argument of the call of the same name"
)]
pub enum StoreCall<T> {
    Create { name: String },
    Append { name: String, record: T },
    Rename { from: String, to: String },
}
