//! Small numbers in the place of equal values.

use std::{borrow::Borrow, hash::Hash, ops::Index, sync::Arc};

use rustc_hash::FxHashMap;

/// No number at all.
pub(crate) const NONE: u32 = u32::MAX;

/// Gives equal values the same number, from 0 in the order of their first appearance.
#[derive(Debug)]
pub(crate) struct Interner<T: ?Sized> {
    ids: FxHashMap<Arc<T>, u32>,
    items: Vec<Arc<T>>,
}

impl<T: ?Sized> Default for Interner<T> {
    fn default() -> Self {
        Interner {
            ids: FxHashMap::default(),
            items: Vec::new(),
        }
    }
}

impl<T: ?Sized + Eq + Hash> Interner<T> {
    /// The number of this value.
    ///
    /// # Panics
    /// After 2^32 - 1 different values; budgets end a search long before.
    pub fn intern(&mut self, item: impl Borrow<T> + Into<Arc<T>>) -> u32 {
        if let Some(id) = self.ids.get(item.borrow()) {
            return *id;
        }
        let id = u32::try_from(self.items.len())
            .ok()
            .filter(|id| *id != NONE)
            .expect("fewer than 2^32 values");
        let item: Arc<T> = item.into();
        self.items.push(item.clone());
        self.ids.insert(item, id);
        id
    }

    pub fn get(&self, id: u32) -> Arc<T> {
        self.items[id as usize].clone()
    }

    /// The number of this value, if it has one.
    pub fn find(&self, item: &T) -> Option<u32> {
        self.ids.get(item).copied()
    }
}

impl<T: ?Sized> Index<u32> for Interner<T> {
    type Output = T;

    fn index(&self, id: u32) -> &T {
        &self.items[id as usize]
    }
}
