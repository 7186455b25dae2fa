//! A store that all nodes share.

use serde::Serialize;

use crate::{abi::EffectWriter, codec::encode};

/// The store that all nodes share, from [`Context::store`](crate::Context::store). It stands for a
/// distributed file system (GFS, HDFS). Only some labs use it; their handouts say so.
///
/// A rename is atomic and a series of appends is not. So write results under a name that nobody
/// reads, and rename the file when it is complete. If two workers have computed the same result,
/// both may rename theirs: one complete file replaces another.
///
/// # Contract
/// * Every node can reach it at any time, whichever links are cut, and it survives every crash.
/// * Each call is a separate effect, carried out in order with the others. A crash between two
///   effects leaves what was written so far: a file may end after any record.
/// * [`create`](Store::create) and [`rename`](Store::rename) replace a file of that name, whoever
///   wrote it. A rename is atomic: nobody ever sees half of it.
/// * Nodes only write. The grader reads the files when the work is done.
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
    /// Creates an empty file, or empties the file of this name.
    pub fn create(&mut self, name: &str) {
        self.effects.store_create(name);
    }

    /// Appends a record to a file, which is created if it does not exist.
    pub fn append<T: Serialize + ?Sized>(&mut self, name: &str, record: &T) {
        self.effects
            .store_append(name, |out| encode(out, record, "record"));
    }

    /// Renames a file, and replaces the file named `to` if there is one. If there is no file named
    /// `from`, nothing happens.
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
