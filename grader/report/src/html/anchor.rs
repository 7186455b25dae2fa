//! Names of places on a page, which links lead to.

/// Where a line of the trace of the failure at `anchor` stands; none for a line that is no event.
pub fn of_line(anchor: &str, number: u64) -> Option<String> {
    (number > 0).then(|| format!("{anchor}-{number}"))
}
