//! Nodes that are, or are not, functions of their state: each of the ways to get it wrong.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use labkit::{codec, guest, prelude::*};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Habit {
    /// Keeps a hash map, and looks things up in it.
    KeepsHashMap,
    /// Sends in the order of a hash map.
    SendsInHashOrder,
    /// Counts outside its state, and acts on it once in a while.
    HiddenCounter,
    /// Remembers where something lies in memory.
    Address,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Message {
    Hello(u32),
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Node {
    habit: Habit,
    peers: HashMap<NodeId, u32>,
    seen: Seen,
}

#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    hellos: u32,
    skipped: u32,
    mark: u64,
}

static HANDLED: AtomicU64 = AtomicU64::new(0);

impl labkit::Node for Node {
    type Config = Habit;
    type Message = Message;
    type Timer = ();

    fn start(habit: &Habit, _: Boot, ctx: &mut Context<Self>) -> Self {
        let me = ctx.id();
        let peers: HashMap<NodeId, u32> = (1..=4)
            .map(|number| (NodeId::new('s', number), number))
            .collect();
        for peer in (1..=4)
            .map(|number| NodeId::new('s', number))
            .filter(|peer| *peer != me)
        {
            ctx.send(peer, Message::Hello(1));
        }
        Node {
            habit: *habit,
            peers,
            seen: Seen {
                hellos: 0,
                skipped: 0,
                mark: 0,
            },
        }
    }

    fn on_message(&mut self, from: NodeId, Message::Hello(nth): Message, ctx: &mut Context<Self>) {
        self.seen.hellos += self.peers[&from];
        match self.habit {
            Habit::KeepsHashMap => {}
            Habit::SendsInHashOrder if nth == 1 && from == NodeId::new('s', 1) => {
                for (peer, number) in &self.peers {
                    ctx.send(*peer, Message::Hello(1 + number));
                }
            }
            Habit::SendsInHashOrder => {}
            Habit::HiddenCounter => {
                if HANDLED.fetch_add(1, Ordering::Relaxed) % 50 == 49 {
                    self.seen.skipped += 1;
                }
            }
            Habit::Address => {
                thread_local! { static KEPT: Cell<Vec<u64>> = const { Cell::new(Vec::new()) } }
                let mut kept = KEPT.take();
                kept.push(1);
                self.seen.mark = std::ptr::from_ref::<u64>(&kept[kept.len() - 1]).addr() as u64;
                KEPT.set(kept);
            }
        }
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}
}

pub fn lab() -> guest::Lab {
    let node = guest::Role::node::<Node>(|node| codec::to_bytes(&node.seen.hellos).unwrap());
    guest::Lab::new(vec![node])
}
