//! Every node sends a message to every other and gets an acknowledgement: each of the n(n-1)
//! exchanges is sent, answered or over, independently of the others, so there are 3^(n(n-1))
//! states.

use faultline_sim::NodeSpec;
use labkit::{codec, guest, prelude::*};

use super::server;

#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    Hello,
    Ack,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Node {
    acked_by: Set<NodeId>,
}

impl labkit::Node for Node {
    type Config = u32;
    type Message = Message;
    type Timer = ();

    fn start(nodes: &u32, _: Boot, ctx: &mut Context<Self>) -> Self {
        let me = ctx.id();
        for peer in (1..=*nodes)
            .map(|number| NodeId::new('s', number))
            .filter(|peer| *peer != me)
        {
            ctx.send(peer, Message::Hello);
        }
        Node {
            acked_by: Set::new(),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        match message {
            Message::Hello => ctx.send(from, Message::Ack),
            Message::Ack => {
                self.acked_by.insert(from);
            }
        }
    }

    fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
}

pub fn lab() -> guest::Lab {
    let node = guest::Role::node::<Node>(|node| codec::to_bytes(&node.acked_by.len()).unwrap());
    guest::Lab::new(vec![node])
}

pub fn nodes(count: u32) -> Vec<NodeSpec> {
    (1..=count).map(|number| server(number, &count)).collect()
}
