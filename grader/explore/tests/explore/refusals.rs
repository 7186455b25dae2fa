//! What a search does not know how to explore it refuses.

use crate::nodes::server;
use faultline_explore::{Error, Explorer, Model, Search};
use faultline_sim::{backend::Backend, in_process::InProcess};
use labkit::{guest, prelude::*};

/// Publishes something in the shared store once its timer has fired.
#[derive(Debug, Serialize, Deserialize)]
struct Publisher;

impl Node for Publisher {
    type Config = ();
    type Message = ();
    type Timer = ();

    fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self {
        ctx.set_timer((), Duration::from_millis(10));
        Publisher
    }

    fn on_message(&mut self, _: NodeId, (): (), _: &mut Context<Self>) {}

    fn on_timer(&mut self, (): (), ctx: &mut Context<Self>) {
        ctx.store().create("file");
    }
}

#[test]
fn a_shared_store_is_refused() {
    let backend = || -> Box<dyn Backend> {
        Box::new(InProcess::new(|| guest::Lab::new(vec![guest::Role::node::<Publisher>(|_| Vec::new())])))
    };
    let model = Model::new(vec![server(1, &())]);
    let result = Explorer::new(&model, &backend).search(&Search::new());
    let Err(Error::Broken(why)) = result else { panic!("{result:?}") };
    assert!(why.contains("cannot be explored yet"), "{why}");
}
