//! Nodes that claim the lead when their timer fires first, without asking anybody: two may. Each
//! bids a bounded number of times and counts what it hears.

use std::time::Duration;

use faultline_sim::NodeSpec;
use labkit::{codec, guest, prelude::*};

use super::server;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    Claim(u8),
    Heard(u8),
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Node {
    nodes: u32,
    claims: u8,
    leads: bool,
    heard_by: Set<(NodeId, u8)>,
}

impl labkit::Node for Node {
    type Config = u32;
    type Message = Message;
    type Timer = u8;

    fn start(nodes: &u32, _: Boot, ctx: &mut Context<Self>) -> Self {
        ctx.set_timer(0, Duration::from_millis(10));
        Node {
            nodes: *nodes,
            claims: 0,
            leads: false,
            heard_by: Set::new(),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        match message {
            Message::Claim(nth) => {
                self.leads = false;
                ctx.send(from, Message::Heard(nth));
            }
            Message::Heard(nth) => {
                self.heard_by.insert((from, nth));
            }
        }
    }

    fn on_timer(&mut self, nth: u8, ctx: &mut Context<Self>) {
        self.claims += 1;
        self.leads = true;
        let me = ctx.id();
        for peer in (1..=self.nodes)
            .map(|number| NodeId::new('s', number))
            .filter(|peer| *peer != me)
        {
            ctx.send(peer, Message::Claim(nth));
        }
        if self.claims < 2 {
            ctx.set_timer(nth + 1, Duration::from_millis(10));
        }
    }
}

pub fn lab() -> guest::Lab {
    let node = guest::Role::node::<Node>(|node| codec::to_bytes(&node.leads).unwrap());
    guest::Lab::new(vec![node])
}

pub fn nodes(count: u32) -> Vec<NodeSpec> {
    (1..=count).map(|number| server(number, &count)).collect()
}
