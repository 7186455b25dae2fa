//! Small labs whose state spaces are known, written as students would.

pub mod broadcast;
pub mod claims;
pub mod paxos;
pub mod register;
pub mod smithy;
pub mod unsteady;
pub mod wasm;

use faultline_explore::{Factory, Orders, Shown};
use faultline_sim::{
    Facts, Mode, NodeSpec, Outcome, Role, Setup, Stop, Trial, Violation, World,
    in_process::InProcess,
};
use labkit::{NodeId, codec, guest::Lab, prelude::Serialize};

/// A server in role 0.
pub fn server<C: Serialize>(number: u32, config: &C) -> NodeSpec {
    let config = codec::to_bytes(config).unwrap();
    NodeSpec {
        id: NodeId::new('s', number),
        role: Role::Server { role: 0, config },
        starts: true,
    }
}

/// A client in role 1.
pub fn client<C: Serialize>(number: u32, config: &C) -> NodeSpec {
    let config = codec::to_bytes(config).unwrap();
    NodeSpec {
        id: NodeId::new('c', number),
        role: Role::Client { role: 1, config },
        starts: true,
    }
}

/// A trial of these orders as the grader makes one.
pub fn explored(
    lab: fn() -> Lab,
    orders: &Orders<'_>,
    mode: Mode,
    setup: impl Fn() -> Setup,
    judge: fn(&mut World<'_>) -> Outcome,
) -> (Outcome, Facts) {
    explored_on(
        &|| Box::new(InProcess::new(lab)),
        orders,
        mode,
        setup,
        judge,
    )
}

/// The same on machines of another kind.
pub fn explored_on(
    machines: Factory<'_>,
    orders: &Orders<'_>,
    mode: Mode,
    setup: impl Fn() -> Setup,
    judge: fn(&mut World<'_>) -> Outcome,
) -> (Outcome, Facts) {
    let mut own = machines();
    let mut trial = Trial::new(&mut *own, 0, 1, mode).with_machines(machines);
    let outcome = orders.explore(&mut trial, |trial: &mut Trial<'_>, shown: &Shown| {
        let setup = Setup {
            quiet_until: shown.quiet_until,
            ..setup()
        };
        trial.run(setup, |world| orders.carry_out(world, shown, judge))
    });
    (outcome, trial.finish())
}

/// What went wrong, as it must have.
pub fn violation(outcome: Outcome) -> Violation {
    match outcome {
        Err(Stop::Violation(violation)) => violation,
        other => panic!("expected a violation, got {other:?}"),
    }
}
