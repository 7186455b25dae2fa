//! Where in a file something stands, for those who have to correct it.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A value of a file of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A value at the top, by its key.
    Top(&'static str),
    /// A value in one of several tables: their name, which one, and the key.
    In(&'static str, usize, &'static str),
}

/// The lines of a file that has been read before.
pub(crate) struct Lines<'a> {
    text: &'a str,
    tables: Option<Spanned<DeTable<'a>>>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Lines<'a> {
        let tables = DeTable::parse(text).ok();
        Lines { text, tables }
    }

    /// The line of a value, or of its table if it has no such value.
    pub(crate) fn line(&self, place: &Place) -> usize {
        let start = self.span(place).map_or(0, |span| span.start);
        self.text[..start].matches('\n').count() + 1
    }

    fn span(&self, place: &Place) -> Option<Range<usize>> {
        let tables = self.tables.as_ref()?.get_ref();
        match place {
            Place::Top(key) => tables.get(*key).map(Spanned::span),
            Place::In(name, index, key) => {
                let DeValue::Array(list) = tables.get(*name)?.get_ref() else {
                    return None;
                };
                let table = list.get(*index)?;
                let value = match table.get_ref() {
                    DeValue::Table(table) => table.get(*key).map(Spanned::span),
                    _ => None,
                };
                Some(value.unwrap_or_else(|| table.span()))
            }
        }
    }
}
