//! Nodes share nothing, and the same node does the same.

use std::time::Duration;

use faultline_host::{Machine, machine::Limits, on_world_stack};
use faultline_sim::{Conditions, Mode, NodeSpec, Setup, Trial, backend::Backend};
use lab2_api::Given;
use labkit::{
    NodeId,
    abi::{Effect, Event, Op, Subject, effects},
    codec,
};

use crate::workshop::*;

fn with_hostile<T: Send>(work: impl FnOnce(&mut faultline_host::WasmBackend) -> T + Send) -> T {
    let program = program("hostile");
    faultline_host::on_world_stack(|| work(&mut program.backend()))
}

#[test]
fn statics_belong_to_one_node() {
    with_hostile(|backend| {
        for slot in 0..3 {
            start(backend, slot, CLIENT, 1).expect("it starts");
            assert_eq!(
                get(backend, slot, "count in statics"),
                Ok(Some("1 1".to_owned()))
            );
        }
        assert_eq!(
            get(backend, 1, "count in statics"),
            Ok(Some("2 2".to_owned()))
        );
        // A restart, and a restore, is a new program, too. The room of the old one is used again.
        for round in 0..20 {
            start(backend, 1, CLIENT, round).expect("it starts");
            assert_eq!(
                get(backend, 1, "count in statics"),
                Ok(Some("1 1".to_owned()))
            );
            let snapshot = backend.call(1, Op::Snapshot, &[]).expect("it has a state");
            with_start(CLIENT, |start| backend.restore(1, start, &snapshot, round))
                .expect("the state comes back");
            assert_eq!(
                get(backend, 1, "count in statics"),
                Ok(Some("1 1".to_owned()))
            );
        }
    });
}

#[test]
fn hash_order_depends_on_the_entropy_alone() {
    with_hostile(|backend| {
        let mut order = |slot, entropy| {
            start(backend, slot, CLIENT, entropy).expect("it starts");
            get(backend, slot, "hash order")
                .expect("it has no fault")
                .expect("it answers")
        };
        let first = order(0, 1);
        assert_eq!(order(1, 1), first);
        assert_eq!(order(0, 1), first);
        assert_ne!(order(2, 2), first);
    });
}

#[test]
fn worlds_on_several_threads_agree() {
    let orders: Vec<String> = std::thread::scope(|scope| {
        let order = || {
            with_hostile(|backend| {
                start(backend, 0, CLIENT, 9).expect("it starts");
                get(backend, 0, "hash order")
                    .expect("it has no fault")
                    .expect("it answers")
            })
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(order)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_request_goes_to_the_server_and_back() {
    let program = program("kv");
    let mut backend = program.backend();
    start(&mut backend, 0, SERVER, 1).expect("it starts");
    start(&mut backend, 1, CLIENT, 1).expect("it starts");
    let (client, server) = (NodeId::new('c', 1), NodeId::new('s', 1));
    // Longer than the room for arguments that a node is asked for at first.
    let value = "v".repeat(10_000);
    for (command, expected) in [
        (
            lab2_api::Command::Put {
                key: "k".into(),
                value: value.clone(),
            },
            lab2_api::Output::Done,
        ),
        (
            lab2_api::Command::Get { key: "k".into() },
            lab2_api::Output::Value(value.clone()),
        ),
    ] {
        let command = codec::to_bytes(&command).expect("it has bytes");
        let request = sent(
            backend
                .step(1, &Event::Invoke { command: &command })
                .expect("no fault"),
        );
        let reply = Event::Message {
            from: client,
            message: &request,
        };
        let reply = sent(backend.step(0, &reply).expect("no fault"));
        let bytes = backend
            .step(
                1,
                &Event::Message {
                    from: server,
                    message: &reply,
                },
            )
            .expect("no fault");
        let output = codec::to_bytes(&expected).expect("it has bytes");
        let mut answers = effects(bytes).map(|effect| effect.expect("labkit wrote it"));
        assert!(answers.any(|effect| effect == Effect::Respond { output: &output }));
    }
    let mut argument = vec![Subject::State as u8];
    let described = backend
        .call(0, Op::Describe, &argument)
        .expect("it has a state");
    assert!(String::from_utf8_lossy(&described).starts_with("Server {"));
    // The role whose message it is: each has its own type.
    argument = vec![Subject::Message as u8, 0];
    let mut given = vec![0];
    given.extend(codec::to_bytes(&lab2_api::Given::GetView).expect("it has bytes"));
    // A slot without a node can tell about messages.
    argument.extend(
        backend
            .call(7, Op::WrapGiven, &given)
            .expect("every message type carries it"),
    );
    let described = backend
        .call(7, Op::Describe, &argument)
        .expect("it is a message");
    assert_eq!(String::from_utf8_lossy(&described), "Given(GetView)");
}

/// What a program counts outside of a message leads nowhere: each conversion has an instance of its
/// own, whatever was converted before.
#[test]
fn conversions_do_not_know_of_one_another() {
    let counted = "static ASKED: std::sync::atomic::AtomicU64 = \
                   std::sync::atomic::AtomicU64::new(0);\n\
                   fn asked() -> u64 { ASKED.fetch_add(1, std::sync::atomic::Ordering::SeqCst) }\n";
    let files = changed(&[
        (
            "src/lib.rs",
            "impl From<Given>",
            &format!("{counted}impl From<Given>"),
        ),
        (
            "src/lib.rs",
            "        Message::Given(given)\n",
            "        let number = asked();
        if number == 0 { return Message::Given(given); }
        Message::Reply { number, output: Output::Done }\n",
        ),
        (
            "src/lib.rs",
            "Message::Given(given) => Some(given)",
            "Message::Given(given) if asked() == 0 => Some(given)",
        ),
    ]);
    let built = build(&files).unwrap_or_else(|error| panic!("{error}"));
    let machine = Machine::new(Limits::default()).expect("this machine runs wasm");
    let program = machine
        .load(&built.wasm)
        .unwrap_or_else(|error| panic!("{error}"));
    on_world_stack(|| {
        let mut backend = program.backend();
        let (puppet, server) = (NodeId::new('s', 1), NodeId::new('s', 2));
        let setup = Setup::new(
            [puppet, server].map(|id| NodeSpec::puppet(id, 1)).to_vec(),
            Conditions::steady(),
        );
        let mut trial = Trial::new(&mut backend, 0, 1, Mode::default());
        let outcome = trial.run(setup, |world| {
            for view in 1..=4 {
                let incarnation = 1;
                let given = codec::to_bytes(&Given::Ping { view, incarnation }).expect("bytes");
                world.send_given(puppet, server, &given)?;
                world.run_for(Duration::from_secs(1))?;
                let received = world.inbox(server).pop_front().expect("it has arrived");
                let seen = world.given(puppet, &received.message)?;
                assert_eq!(seen, Some(given), "ping {view}");
            }
            Ok(())
        });
        assert_eq!(outcome, Ok(()));
    });
}

/// The message of the first send.
fn sent(bytes: &[u8]) -> Vec<u8> {
    let mut sends = effects(bytes).filter_map(|effect| match effect {
        Ok(Effect::Send { message, .. }) => Some(message.to_vec()),
        _ => None,
    });
    sends.next().expect("it sends")
}
