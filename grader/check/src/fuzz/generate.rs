//! Random histories of one key that a correct store could have produced, and then perhaps spoilt.

use stateright::semantics::SequentialSpec;

use crate::store::{Store, StoreCall, StoreOp, StoreReply};

/// An operation of the model that is tested.
pub type Op = crate::history::Operation<StoreCall, StoreReply>;

/// Splitmix64 (Steele, Lea and Flood 2014).
pub(crate) struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, per_cent: u64) -> bool {
        self.below(100) < per_cent
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}

/// What a case is made of.
#[derive(Clone, Copy)]
pub struct Shape {
    pub operations: u64,
    pub clients: u64,
    pub lost: u64,
    /// 0: all values differ and are terminated; 1: differ, but are no code; 2: few values.
    pub values: u64,
    /// Weights of put, append, get, compare-and-set, versioned put, versioned get.
    pub mix: [u64; 6],
    /// Whether failures tell what they saw: never, always, sometimes.
    pub telling: u64,
}

pub fn shape(random: &mut Random, most: u64) -> Shape {
    let mixes = [
        [3, 0, 3, 0, 0, 0],
        [1, 2, 3, 0, 0, 0],
        [0, 2, 3, 0, 0, 0],
        [0, 0, 2, 3, 0, 0],
        [1, 0, 2, 2, 0, 0],
        [1, 1, 2, 2, 0, 0],
        [0, 2, 2, 3, 0, 0],
        [0, 0, 0, 0, 3, 2],
        [0, 0, 0, 0, 2, 1],
        [1, 0, 0, 0, 1, 1],
    ];
    Shape {
        operations: 1 + random.below(most),
        clients: 1 + random.below(5),
        lost: random.pick(&[0, 10, 30]),
        values: random.pick(&[0, 0, 0, 1, 2]),
        mix: random.pick(&mixes),
        telling: random.below(3),
    }
}

fn value(random: &mut Random, shape: Shape, number: u64) -> Vec<u8> {
    match shape.values {
        0 => format!("{number};"),
        1 => ["a", "b", "ab", "ba", "c", "cc", "", "d"][number as usize % 8].to_owned(),
        _ => random.pick(&["a", "b", "ab"]).to_owned(),
    }
    .into_bytes()
}

fn operation(random: &mut Random, shape: Shape, number: u64, known: &[Vec<u8>]) -> StoreOp {
    let mut ticket = random.below(shape.mix.iter().sum());
    let kind = shape.mix.iter().position(|&weight| {
        let hit = ticket < weight;
        ticket = ticket.saturating_sub(weight);
        hit
    });
    match kind {
        Some(0) => StoreOp::Put(value(random, shape, number)),
        Some(1) => StoreOp::Append(value(random, shape, number)),
        Some(2) => StoreOp::Get,
        Some(3) => StoreOp::Cas {
            from: random.pick(known),
            to: value(random, shape, number),
        },
        Some(4) => StoreOp::PutAt {
            version: random.below(4),
            value: value(random, shape, number),
        },
        _ => StoreOp::GetAt,
    }
}

/// A history of one key that a correct store could have produced, and then perhaps spoilt.
pub fn history(random: &mut Random, shape: Shape) -> (Store, Vec<Op>) {
    let mut store = Store {
        value: random.pick(&[b"".to_vec(), b"".to_vec(), b"i;".to_vec()]),
        version: 0,
    };
    let initial = store.clone();
    let mut clocks = vec![0; shape.clients as usize];
    let mut moments: Vec<(u64, u64, u64, u64)> = (0..shape.operations)
        .map(|_| {
            let client = random.below(shape.clients);
            let call = clocks[client as usize] + random.below(4);
            let length = random.below(7);
            clocks[client as usize] = call + length + 1;
            (
                call * 10 + random.below(length * 10 + 1),
                client,
                call,
                call + length,
            )
        })
        .collect();
    moments.sort_unstable();
    let mut known = vec![store.value.clone(), b"0;".to_vec(), b"a".to_vec()];
    let mut history = Vec::new();
    for (number, (_, client, call, at)) in (0..).zip(moments) {
        let op = operation(random, shape, number, &known);
        let command = StoreCall {
            key: String::new(),
            op,
        };
        let lost = random.chance(shape.lost);
        let mut reply = None;
        if !lost || random.chance(60) {
            reply = Some((at, store.invoke(&command))).filter(|_| !lost);
        }
        known.push(store.value.clone());
        if shape.telling == 0 || (shape.telling == 2 && random.chance(50)) {
            match &mut reply {
                Some((_, StoreReply::NotSwapped(seen))) => *seen = None,
                Some((_, StoreReply::NotStored(seen))) => *seen = None,
                _ => {}
            }
        }
        history.push(Op {
            client: client as u32,
            command,
            call,
            reply,
        });
    }
    for _ in 0..random.pick(&[0, 1, 2, 2, 4]) {
        spoil(random, &mut history, &known);
    }
    (initial, history)
}

fn spoil(random: &mut Random, history: &mut [Op], known: &[Vec<u8>]) {
    let at = random.below(history.len() as u64) as usize;
    let other = history[random.below(history.len() as u64) as usize]
        .reply
        .clone();
    let Op {
        command,
        call,
        reply,
        ..
    } = &mut history[at];
    if random.chance(25) {
        *call = random.below(*call + 1);
        return;
    }
    let Some((when, reply)) = reply else { return };
    if random.chance(15) {
        *when += random.below(20);
        return;
    }
    let any = |random: &mut Random| {
        let mut value = random.pick(known);
        if random.chance(15) {
            value.extend(random.pick(known));
        }
        if random.chance(30) {
            // One value's beginning with another one's end.
            let (other, border) = (random.pick(known), |value: &[u8]| {
                value.iter().position(|&byte| byte == b';')
            });
            if let (Some(one), Some(two)) = (border(&value), border(&other)) {
                value.truncate(one + 1);
                value.extend_from_slice(&other[two + 1..]);
            }
        }
        if random.chance(5) {
            value.pop();
        }
        value
    };
    match (&command.op, &mut *reply) {
        (StoreOp::Get, reply) => *reply = StoreReply::Value(any(random)),
        (StoreOp::GetAt, StoreReply::Versioned(value, version)) => match random.below(3) {
            0 => *value = any(random),
            1 => *version = random.below(4),
            _ => {
                if let Some((_, StoreReply::Versioned(..))) = &other {
                    *reply = other.expect("there is one").1;
                }
            }
        },
        (StoreOp::Cas { .. }, reply) => {
            *reply = match random.below(4) {
                0 | 1 => StoreReply::Done,
                2 => StoreReply::NotSwapped(None),
                _ => StoreReply::NotSwapped(Some(any(random))),
            }
        }
        (StoreOp::PutAt { .. }, reply) => {
            *reply = match random.below(3) {
                0 => StoreReply::Done,
                1 => StoreReply::NotStored(None),
                _ => StoreReply::NotStored(Some(random.below(4))),
            }
        }
        _ => {}
    }
}
