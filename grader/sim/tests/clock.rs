//! Clocks and disks that are lost, with nodes of two message types that live in this process.

use std::{collections::BTreeMap, time::Duration};

use faultline_sim::{
    Clock, Conditions, Facts, FailureKind, Happening, Mode, NodeSpec, Outcome, Role, Setup,
    SkewedClocks, Stop, Trial, World, in_process::InProcess, ms,
};
use labkit::{codec, guest, prelude::*};

const S1: NodeId = NodeId::new('s', 1);
const P1: NodeId = NodeId::new('p', 1);

/// When the clock of s1 begins.
const TODAY: Duration = Duration::from_secs(1_800_000_000);

/// What the node is asked to tell.
#[derive(Debug, Serialize, Deserialize)]
struct Tell;

impl From<()> for Tell {
    fn from((): ()) -> Tell {
        Tell
    }
}

impl Carries<()> for Tell {
    fn given(&self) -> Option<&()> {
        Some(&())
    }
}

/// What its clock read at its start and at each question, and how it started.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Diary {
    boot: Boot,
    disk: Option<u64>,
    read: Vec<Duration>,
}

impl Node for Diary {
    type Config = ();
    type Message = Tell;
    type Timer = ();

    fn start(_: &(), boot: Boot, ctx: &mut Context<Self>) -> Self {
        let disk = ctx.disk().read("life");
        let life = ctx.incarnation();
        ctx.disk().write("life", &life);
        ctx.disk().sync();
        Diary {
            boot,
            disk,
            read: vec![ctx.clock()],
        }
    }

    fn on_message(&mut self, _: NodeId, Tell: Tell, ctx: &mut Context<Self>) {
        self.read.push(ctx.clock());
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}
}

/// A role with another message type: a number, where `Tell` is nothing.
#[derive(Debug, Serialize, Deserialize)]
struct Counter(u64);

impl Node for Counter {
    type Config = ();
    type Message = u64;
    type Timer = ();

    fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self {
        ctx.send(ctx.id(), 7u64);
        Counter(0)
    }

    fn on_message(&mut self, _: NodeId, number: u64, _: &mut Context<Self>) {
        self.0 += number;
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}
}

fn lab() -> guest::Lab {
    let diary =
        guest::Role::node::<Diary>(|diary| codec::to_bytes(diary).unwrap()).giving::<Tell, ()>();
    guest::Lab::new(vec![diary, guest::Role::node::<Counter>(|_| Vec::new())])
}

fn setup(has_clock: bool) -> Setup {
    let config = codec::to_bytes(&()).unwrap();
    let server = NodeSpec {
        id: S1,
        role: Role::Server { role: 0, config },
        starts: true,
    };
    let setup = Setup::new(vec![server, NodeSpec::puppet(P1, 0)], Conditions::steady());
    let clocks = if has_clock {
        BTreeMap::from([(S1, Clock::reading(TODAY))])
    } else {
        BTreeMap::new()
    };
    Setup { clocks, ..setup }
}

fn run(mode: Mode, setup: Setup, test: impl FnOnce(&mut World<'_>) -> Outcome) -> (Outcome, Facts) {
    let mut backend = InProcess::new(lab);
    let mut trial = Trial::new(&mut backend, 0, 42, mode);
    let outcome = trial.run(setup, test);
    (outcome, trial.finish())
}

fn ask(world: &mut World<'_>) -> Outcome {
    world.send_given(P1, S1, &codec::to_bytes(&()).unwrap())?;
    world.run_for(ms(10))
}

fn diary(world: &mut World<'_>) -> Outcome<Diary> {
    Ok(codec::from_bytes(&world.observe(S1)?.expect("s1 is up")).unwrap())
}

#[test]
fn handlers_see_what_the_clock_reads() {
    let (outcome, _) = run(Mode::default(), setup(true), |world| {
        world.run_for(ms(100))?;
        ask(world)?; // at 102 ms
        world.step_clock(S1, -3_600_000_000)?;
        ask(world)?; // at 112 ms
        world.freeze_clock(S1)?; // at 120 ms
        ask(world)?;
        ask(world)?;
        assert_eq!(world.clock(S1), Some(TODAY + ms(120) - ms(3_600_000)));
        assert_eq!(world.clock(P1), None);
        let hour = ms(3_600_000);
        let expected = [
            TODAY,
            TODAY + ms(102),
            TODAY + ms(112) - hour,
            TODAY + ms(120) - hour,
            TODAY + ms(120) - hour,
        ];
        assert_eq!(diary(world)?.read, expected);
        world.drift_clock(S1, 1_000_000)?; // twice as fast, from 140 ms on
        world.crash(S1)?;
        world.start(S1)?;
        assert_eq!(
            diary(world)?.read,
            [TODAY + ms(120) - hour],
            "it belongs to the machine, and goes on after a crash"
        );
        world.run_for(ms(8))?;
        ask(world)?;
        assert_eq!(diary(world)?.read[1], TODAY + ms(120 + 20) - hour);
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn a_replay_reads_the_same() {
    let skewed = |world: &mut World<'_>| -> Outcome<Diary> {
        world.add_plan(SkewedClocks::new(vec![S1], world.choices()), ms(5));
        for _ in 0..400 {
            ask(world)?;
        }
        world.end_plans();
        diary(world)
    };
    let mut read = Vec::new();
    let (outcome, facts) = run(Mode::recorded(), setup(true), |world| {
        read.push(skewed(world)?);
        Ok(())
    });
    outcome.unwrap();
    assert!(facts.fired["skewed clocks"] > 3, "{:?}", facts.fired);
    let recording = facts.recording.expect("it was recorded");
    let told = recording.steps.iter().any(|step| {
        matches!(&step.what, Happening::Fault { text } if
            text.starts_with("the clock of s1 is set"))
    });
    assert!(told, "the trace tells of it");
    let mode = Mode {
        schedule: Some(recording.schedule),
        ..Mode::recorded()
    };
    let (outcome, facts) = run(mode, setup(true), |world| {
        read.push(skewed(world)?);
        Ok(())
    });
    outcome.unwrap();
    assert_eq!((read[0] == read[1], facts.skipped), (true, 0));
    assert!(
        !read[0].read.is_sorted(),
        "the clock went back now and then"
    );
}

#[test]
fn a_clock_that_is_not_granted_is_refused() {
    let (outcome, _) = run(Mode::default(), setup(false), |world| world.run_for(ms(1)));
    let Err(Stop::Violation(violation)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(violation.kind, FailureKind::Refused);
    for text in [
        "s1 was stopped while starting",
        "`ctx.clock()`",
        "grants this node no clock",
        "`ctx.set_timer`",
    ] {
        assert!(violation.observed.contains(text), "{}", violation.observed);
    }
}

#[test]
fn a_lost_disk_is_empty_and_the_node_is_told() {
    let (outcome, _) = run(Mode::default(), setup(true), |world| {
        let mut seen = Vec::new();
        for lost in [false, true, false] {
            world.run_for(ms(20))?;
            let Diary { boot, disk, .. } = diary(world)?;
            seen.push((boot, disk));
            world.crash(S1)?;
            if lost {
                world.lose_disk(S1)?;
            }
            world.start(S1)?;
        }
        world.run_for(ms(20))?;
        seen.push((diary(world)?.boot, diary(world)?.disk));
        let (first, again) = ((Boot::First, None), (Boot::Restarted, Some(1)));
        assert_eq!(
            seen,
            [
                first,
                again,
                (Boot::DiskLost, None),
                (Boot::Restarted, Some(3))
            ]
        );
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn each_role_has_its_own_messages() {
    let config = codec::to_bytes(&()).unwrap();
    let mut setup = setup(true);
    let counter = NodeId::new('n', 1);
    setup.nodes.push(NodeSpec {
        id: counter,
        role: Role::Server { role: 1, config },
        starts: true,
    });
    let (outcome, facts) = run(Mode::recorded(), setup, ask);
    outcome.unwrap();
    let steps = facts.recording.expect("it was recorded").steps;
    let said: Vec<String> = steps
        .iter()
        .filter_map(|step| match &step.what {
            Happening::Receive { node, message, .. } => Some(format!("{node} {message}")),
            _ => None,
        })
        .collect();
    assert_eq!(said, ["n1 7", "s1 Tell"]);
}
