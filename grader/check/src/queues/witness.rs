//! From a sequence of pairs to an order of all operations.
//!
//! Everything gets the earliest moment that what comes before it allows. By the rules of the
//! sequence none is later than its own reply, so two operations of which one ended before the other
//! was called are in this order.

use super::{Step, layout::Layout};

/// The order of what is placed, and then of what was added and is never taken, by indices in the
/// history.
pub(super) fn order(layout: &Layout, path: &[Step], placed: &[bool]) -> Vec<usize> {
    // Moment, place in the sequence, what comes first there.
    let mut moments: Vec<(u64, usize, u8, usize)> = Vec::new();
    // Of the last that was added, of the last that was taken, and when the queue was found empty.
    let (mut added, mut taken, mut empty) = (0, 0, 0);
    for (place, &step) in path.iter().enumerate() {
        match step {
            Step::Pair(add, take) => {
                let (add, take) = (
                    &layout.operations[add as usize],
                    &layout.operations[take as usize],
                );
                added = add.call.max(added).max(empty);
                taken = take.call.max(taken).max(added);
                moments.push((added, place, 0, add.index));
                moments.push((taken, place, 1, take.index));
            }
            Step::Empty(number) => {
                let operation = &layout.operations[number as usize];
                empty = operation.call.max(added).max(taken).max(empty);
                (added, taken) = (empty, empty);
                moments.push((empty, place, 0, operation.index));
            }
        }
    }
    for &number in layout
        .adds
        .iter()
        .filter(|&&number| !placed[number as usize])
    {
        let operation = &layout.operations[number as usize];
        moments.push((operation.call.max(added), path.len(), 0, operation.index));
    }
    moments.sort_unstable();
    moments.into_iter().map(|(.., index)| index).collect()
}
