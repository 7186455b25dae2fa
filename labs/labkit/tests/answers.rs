//! What a client answers must be readable on the grader's side, whatever the client is.

use labkit::prelude::*;

/// Nests as deep as it likes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nested(Option<Box<Nested>>);

impl Nested {
    fn levels(count: usize) -> Nested {
        (0..count).fold(Nested(None), |inner, _| Nested(Some(Box::new(inner))))
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Asker;

impl Node for Asker {
    type Config = ();
    type Message = ();
    type Timer = ();

    fn start(_: &(), _: Boot, _: &mut Context<Self>) -> Self {
        Asker
    }

    fn on_message(&mut self, _: NodeId, (): (), _: &mut Context<Self>) {}

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}
}

impl Client for Asker {
    type Command = usize;
    type Output = Nested;

    fn invoke(&mut self, levels: usize, ctx: &mut Context<Self>) {
        ctx.respond(Nested::levels(levels));
    }
}

fn asked(levels: usize) -> Vec<Nested> {
    let mut ctx = Context::for_tests(NodeId::new('c', 1));
    Asker.invoke(levels, &mut ctx);
    ctx.responses()
}

#[test]
fn an_answer_of_some_depth_arrives() {
    assert_eq!(asked(40), [Nested::levels(40)]);
}

#[test]
#[should_panic(
    expected = "this output cannot be read back from its bytes: nested deeper than 128 levels"
)]
fn an_answer_that_nests_too_deep_stops_the_client_and_not_the_grader() {
    asked(1_000);
}
