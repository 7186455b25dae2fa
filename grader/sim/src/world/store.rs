//! The store that all nodes share.

use std::collections::BTreeMap;

use labkit::abi::Effect;

use crate::{store::File, world::World};

impl World<'_> {
    /// A file of the shared store, if there is one of this name.
    pub fn file(&self, name: &str) -> Option<&File> {
        self.files.get(name)
    }

    /// All files of the shared store, by name.
    pub fn files(&self) -> &BTreeMap<String, File> {
        &self.files
    }

    /// Carries out an effect on the store; another one does nothing.
    pub(crate) fn write_store(&mut self, node_index: usize, effect: &Effect<'_>) {
        let (by, at) = (self.nodes[node_index].incarnation_id(), self.now);
        let empty = || File {
            records: Vec::new(),
            by,
            at,
        };
        match *effect {
            Effect::StoreCreate { name } => {
                self.files.insert(name.to_owned(), empty());
            }
            Effect::StoreAppend { name, record } => {
                if !self.files.contains_key(name) {
                    self.files.insert(name.to_owned(), empty());
                }
                let Some(file) = self.files.get_mut(name) else {
                    return;
                };
                file.records.push(record.to_vec());
                (file.by, file.at) = (by, at);
            }
            Effect::StoreRename { from, to } => {
                if let Some(file) = self.files.remove(from) {
                    self.files.insert(to.to_owned(), File { by, at, ..file });
                }
            }
            _ => {}
        }
    }
}
