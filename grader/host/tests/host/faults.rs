//! What stops a node, and what the student is told.

use faultline_sim::backend::{Backend, BackendError, Fault};
use labkit::abi::Op;

use crate::workshop::*;

fn fault(name: &str) -> Fault {
    let (result, _) = deed(name);
    result.expect_err("it is stopped")
}

fn refused(name: &str) -> String {
    match fault(name) {
        Fault::Refused { what } => what,
        other => panic!("{name}: {other:?}"),
    }
}

/// The line of a fixture's file that has this text.
fn place(file: &str, text: &str) -> Option<String> {
    let files = fixture("hostile");
    let line = files[file]
        .lines()
        .position(|line| line.contains(text))
        .expect("the fixture has this line");
    Some(format!("{file}:{}", line + 1))
}

#[test]
fn a_panic_has_its_message_and_place() {
    let place = place("src/deeds.rs", "on purpose");
    assert_eq!(
        fault("panic"),
        Fault::Panic {
            message: "on purpose: 42".to_owned(),
            place
        }
    );
}

#[test]
fn a_stub_says_what_is_not_implemented() {
    let program = program("hostile");
    let mut backend = program.backend();
    let error = start(&mut backend, 0, VIEW_SERVER, 1).expect_err("it is a stub");
    let message = "not yet implemented: ViewServer::start".to_owned();
    let place = place("src/nodes.rs", "todo!");
    assert_eq!(error, BackendError::Fault(Fault::Panic { message, place }));
}

#[test]
fn arithmetic_and_indices_are_checked() {
    for (name, part) in [
        ("overflow", "attempt to add with overflow"),
        ("index", "index out of bounds"),
    ] {
        match fault(name) {
            Fault::Panic {
                message,
                place: Some(place),
            } => {
                assert!(
                    message.contains(part) && place.starts_with("src/deeds.rs:"),
                    "{message} at {place}"
                );
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn an_endless_computation_runs_out_of_fuel() {
    assert_eq!(fault("loop"), Fault::OutOfFuel);
    // One instruction fills 32 MiB: fuel counts the bytes.
    assert_eq!(fault("fill memory for ever"), Fault::OutOfFuel);
}

#[test]
fn memory_has_a_limit() {
    let limit_bytes = 64 << 20;
    assert_eq!(fault("allocate"), Fault::OutOfMemory { limit_bytes });
    assert_eq!(
        fault("allocate at once"),
        Fault::OutOfMemory { limit_bytes }
    );
    assert_eq!(
        deed("be refused memory and go on").0,
        Ok(Some("refused: true".to_owned()))
    );
}

#[test]
fn endless_recursion_is_a_stack_overflow() {
    for name in ["recurse", "recurse with large frames"] {
        let what = "stack overflow: recursion without end?".to_owned();
        assert_eq!(fault(name), Fault::Trap { what }, "{name}");
    }
}

#[test]
fn printing_without_end_ends() {
    let (result, printed) = deed("print a gigabyte");
    assert_eq!(result, Err(Fault::OutOfFuel));
    assert!(
        printed.len() < 66_000 && printed.starts_with("xxxx"),
        "{} bytes",
        printed.len()
    );
    assert!(
        printed.ends_with(" more bytes were printed\n"),
        "{}",
        &printed[printed.len() - 60..]
    );
}

#[test]
fn what_is_printed_is_kept_from_its_beginning() {
    let (result, printed) = deed("print lines");
    assert_eq!(result, Ok(Some(String::new())));
    assert!(
        printed.starts_with("line 0\nline 1\n") && printed.contains("... "),
        "{}",
        &printed[..100]
    );
    assert_eq!(deed("print bytes").1, "to stderr\n\u{fffd}\n");
}

#[test]
fn clocks_are_refused_and_timers_offered() {
    for name in ["instant", "system time", "sleep"] {
        let what = refused(name);
        assert!(what.contains("set_timer"), "{name}: {what}");
    }
    assert!(refused("yield").contains("sched_yield"));
}

#[test]
fn files_and_the_network_are_out_of_reach() {
    assert_eq!(deed("open a file").0, Ok(Some("true".to_owned())));
    assert_eq!(deed("write a file").0, Ok(Some("true".to_owned())));
    assert!(!std::path::Path::new("/tmp/faultline-was-here").exists());
    assert!(refused("read the input").contains("fd_read"));
    assert_eq!(deed("connect").0, Ok(Some("true".to_owned())));
    // No variables and no arguments.
    assert_eq!(deed("environment").0, Ok(Some("0 0".to_owned())));
}

#[test]
fn a_program_cannot_leave() {
    assert_eq!(
        fault("exit"),
        Fault::Trap {
            what: "the program exited with status 3".to_owned()
        }
    );
    assert!(matches!(fault("abort"), Fault::Trap { what } if what.contains("aborted")));
    assert!(matches!(fault("thread"), Fault::Panic { message, .. } if
            message.contains("failed to spawn thread")));
}

#[test]
fn a_replaced_panic_hook_hides_only_the_message() {
    assert!(
        matches!(fault("replace the hook"), Fault::Trap { what } if what.contains("panic hook"))
    );
    // Panics do not unwind, so nothing is caught.
    assert!(matches!(fault("catch"), Fault::Panic { message, .. } if message == "caught?"));
}

#[test]
fn answers_have_a_limit() {
    assert_eq!(fault("note without measure"), Fault::Malformed);
    let program = program("hostile");
    let mut backend = program.backend();
    start(&mut backend, 0, CLIENT, 1).expect("it starts");
    assert_eq!(get(&mut backend, 0, "state without measure"), Ok(None));
    let error = backend
        .call(0, Op::Snapshot, &[])
        .expect_err("the state is too large");
    assert!(
        matches!(&error, BackendError::Fault(Fault::State { what }) if what.contains("bytes")),
        "{error:?}"
    );
}

#[test]
fn a_fault_ends_one_node_and_no_other() {
    faultline_host::on_world_stack(|| {
        let program = program("hostile");
        let mut backend = program.backend();
        for slot in 0..2 {
            start(&mut backend, slot, CLIENT, 1).expect("it starts");
        }
        assert!(get(&mut backend, 0, "loop").is_err());
        assert!(
            matches!(
                get(&mut backend, 0, "anything"),
                Err(BackendError::Broken(_))
            ),
            "it is dead"
        );
        assert_eq!(
            get(&mut backend, 1, "count in statics"),
            Ok(Some("1 1".to_owned()))
        );
        start(&mut backend, 0, CLIENT, 1).expect("it starts again");
        assert_eq!(
            get(&mut backend, 0, "count in statics"),
            Ok(Some("1 1".to_owned()))
        );
    });
}
