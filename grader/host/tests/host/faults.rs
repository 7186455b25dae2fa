//! What stops a node, and what the student is told.

use faultline_sim::backend::{Backend, BackendError, Fault};
use labkit::abi::Op;

use crate::workshop::*;

const OUT_OF_FUEL: Fault = Fault::OutOfFuel {
    mostly_printing: false,
};

fn fault(name: &str) -> Fault {
    let (result, _) = deed(name);
    result.expect_err("it is stopped")
}

fn refused(name: &str) -> (String, Option<String>) {
    match deed(name).0 {
        Err(Fault::Refused { what, place }) => (what, place),
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
    assert_eq!(fault("loop"), OUT_OF_FUEL);
    // One instruction fills 32 MiB: fuel counts the bytes.
    assert_eq!(fault("fill memory for ever"), OUT_OF_FUEL);
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
    let mostly_printing = true;
    assert_eq!(result, Err(Fault::OutOfFuel { mostly_printing }));
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

const PRINTING: [&str; 7] = [
    "a state",
    "a pretty state",
    "long lines",
    "short lines",
    "numbers",
    "empty lines",
    "single letters",
];

/// What a deed costs, at whose expense ever, and what it prints.
fn cost(deed: &str, muted: bool) -> (u64, usize) {
    let program = program("optimised");
    faultline_host::on_world_stack(|| {
        let mut backend = program.backend();
        if muted {
            backend.mute();
        }
        start(&mut backend, 0, CLIENT, 1).expect("it starts");
        let before = backend.fuel_used();
        get(&mut backend, 0, deed).expect("it has no fault");
        let printed = backend.take_printed(0).len();
        (backend.fuel_used() - before, printed)
    })
}

#[test]
fn printing_costs_less_than_it_is_credited() {
    for what in PRINTING {
        // 20 times, by a way that a machine cannot leave out.
        let (with, bytes) = cost(&format!("write 20: {what}"), true);
        let (without, _) = cost(&format!("write 0: {what}"), true);
        let each = (with - without) as f64 / bytes as f64;
        println!("{what}: {each:.0} units for each of {bytes} bytes");
        let (credited, _) = cost(&format!("write 20: {what}"), false);
        assert!(
            credited <= without,
            "{what}: {credited}, and {without} if it prints nothing"
        );
    }
}

#[test]
fn printing_much_costs_a_handler_nearly_nothing() {
    for what in PRINTING {
        let (without, _) = cost("write 0: a state", true);
        for muted in [false, true] {
            // Without room a call costs some hundred units, whatever it would have printed.
            let (with, _) = cost(&format!("print 20000: {what}"), muted);
            assert!(with < without + 5_000_000, "{what}: {with} and {without}");
        }
    }
}

#[test]
fn one_large_text_is_printed_as_far_as_there_is_room() {
    // 5 MB with `{:?}`.
    for fixture in ["hostile", "optimised"] {
        let (result, printed) = deed_of(fixture, "print a list");
        assert_eq!(result, Ok(Some(String::new())), "{fixture}");
        let rest = "\n... and more: 1 calls of `println!` or the like\n";
        assert!(
            printed.starts_with("[\"") && printed.ends_with(rest) && printed.len() > 64 << 10,
            "{} bytes",
            printed.len()
        );
    }
}

#[test]
fn a_failed_display_is_told() {
    assert!(matches!(
        fault("print an error"),
        Fault::Panic { message, place: Some(place) }
            if message.contains("returned an error") && place.starts_with("src/printing.rs:")
    ));
}

#[test]
fn a_handler_that_prints_for_ever_is_told_so() {
    let mostly_printing = true;
    let (result, _) = deed_of("optimised", "write 100000: a state");
    assert_eq!(result, Err(Fault::OutOfFuel { mostly_printing }));
    assert_eq!(fault("loop"), OUT_OF_FUEL);
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

/// What must be said of each deed: what was called, and what to do instead.
const LACKING: [(&str, &str, &str); 58] = [
    ("fs::write", "std::fs::write", "ctx.disk()"),
    ("fs::write elsewhere", "std::fs::write", "ctx.disk()"),
    (
        "fs::read_to_string",
        "std::fs::read_to_string",
        "ctx.disk()",
    ),
    ("fs::File::open", "std::fs::File::open", "ctx.disk()"),
    ("fs::File::create", "std::fs::File::create", "ctx.disk()"),
    (
        "fs::OpenOptions",
        "std::fs::OpenOptions::open",
        "ctx.disk()",
    ),
    ("fs::create_dir", "std::fs::", "ctx.disk()"),
    ("fs::create_dir_all", "std::fs::", "ctx.disk()"),
    ("fs::metadata", "std::fs::metadata", "ctx.disk()"),
    ("fs::remove_file", "std::fs::remove_file", "ctx.disk()"),
    ("fs::rename", "std::fs::rename", "ctx.disk()"),
    ("fs::copy", "std::fs::copy", "ctx.disk()"),
    ("fs::read_dir", "std::fs::read_dir", "ctx.disk()"),
    ("fs::exists", "std::fs::exists", "ctx.disk()"),
    (
        "fs::canonicalize",
        "std::fs::canonicalize",
        "of this machine",
    ),
    ("thread::spawn", "std::thread::", "one thread"),
    ("thread::Builder", "std::thread::", "one thread"),
    ("thread::scope", "std::thread::", "one thread"),
    ("thread::sleep", "std::thread::", "set_timer"),
    ("thread::park", "std::thread::park", "wake it"),
    ("thread::park_timeout", "park_timeout", "set_timer"),
    (
        "thread::available_parallelism",
        "std::thread::available_parallelism",
        "one thread",
    ),
    ("mpsc::recv", "Receiver::recv", "wake it"),
    ("mpsc::recv_timeout", "recv_timeout", "set_timer"),
    ("mpsc::send", "SyncSender::send", "wake it"),
    ("mpsc::send to nobody", "SyncSender::send", "wake it"),
    ("Condvar::wait", "Condvar::wait", "wake it"),
    ("Condvar::while", "Condvar::wait_while", "wake it"),
    ("Condvar::timeout", "Condvar::wait_timeout", "set_timer"),
    ("Barrier::wait", "Barrier::wait", "wake it"),
    ("OnceLock::wait", "OnceLock::wait", "wake it"),
    ("TcpStream::connect", "TcpStream::connect", "ctx.send"),
    ("TcpStream::connect_timeout", "connect_timeout", "ctx.send"),
    ("TcpListener::bind", "TcpListener::bind", "ctx.send"),
    ("UdpSocket::bind", "UdpSocket::bind", "ctx.send"),
    ("env::var", "std::env::var", "source file"),
    ("env::var in OnceLock", "std::env::var", "source file"),
    ("env::var in LazyLock", "std::env::var", "source file"),
    ("env::var in LocalKey", "std::env::var", "source file"),
    ("env::var in HashMap", "std::env::var", "source file"),
    ("env::var in sort", "std::env::var", "source file"),
    ("env::var in catch", "std::env::var", "source file"),
    ("env::var after capture", "std::env::var", "source file"),
    ("env::var_os", "std::env::var_os", "source file"),
    ("env::vars", "std::env::vars", "source file"),
    ("env::args", "std::env::args", "source file"),
    ("env::current_dir", "std::env::current_dir", "source file"),
    ("env::set_current_dir", "std::env::", "disk"),
    ("env::current_exe", "std::env::current_exe", "source file"),
    ("env::home_dir", "std::env::home_dir", "source file"),
    ("env::temp_dir", "std::env::temp_dir", "source file"),
    ("Command::output", "std::process::Command::new", "a process"),
    ("Command::spawn", "std::process::Command::new", "a process"),
    ("process::id", "std::process::id", "a process"),
    ("process::exit", "std::process::exit", "a process"),
    ("Instant::now", "std::time::Instant::now", "set_timer"),
    ("SystemTime::now", "std::time::SystemTime::now", "set_timer"),
    ("io::stdin", "std::io::", "ctx.disk()"),
];

#[test]
fn what_a_node_lacks_is_refused_at_its_line() {
    let mut wrong = Vec::new();
    for fixture in ["hostile", "optimised"] {
        for (name, called, way) in LACKING {
            let of_static = ["LazyLock", "LocalKey"]
                .into_iter()
                .find(|of| name.ends_with(of));
            let text = of_static.map_or(format!("\"{name}\" =>"), |of| format!("// of {of}"));
            let line = place("src/lacking.rs", &text);
            match deed_of(fixture, name).0 {
                Err(Fault::Refused { what, place })
                    if what.contains(called) && what.contains(way) && place == line => {}
                Ok(Some(text)) if fixture == "optimised" && text.starts_with("no such deed") => {}
                other => wrong.push(format!("{fixture}, {name}: {other:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!std::path::Path::new("/tmp/faultline-was-here").exists());
    assert!(refused("yield").0.contains("return from the handler"));
    assert!(refused("read the input").0.contains("ctx.disk()"));
}

#[test]
fn what_is_there_and_never_called_harms_nobody() {
    // The fixture is full of such calls, and does all the rest of its deeds.
    assert_eq!(
        deed("no such thing").0,
        Ok(Some("no such deed: no such thing".to_owned()))
    );
    for fixture in ["hostile", "optimised"] {
        let went_on = "true (Ok(1), Ok(2), true) (true, 0) true 4".to_owned();
        assert_eq!(deed_of(fixture, "do not wait").0, Ok(Some(went_on)));
    }
    // The library would ask for the environment itself.
    assert_eq!(
        deed("capture a backtrace").0,
        Ok(Some("Disabled".to_owned()))
    );
}

#[test]
fn a_program_cannot_leave() {
    assert!(matches!(fault("abort"), Fault::Trap { what } if what.contains("aborted")));
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
    // Who only looked at it has not killed it.
    assert_eq!(get(&mut backend, 0, "state without measure"), Ok(None));
}

/// A recorder looks at nodes with which a world then goes on: that must not be the grader's fault.
#[test]
fn a_node_stays_what_it_died_of() {
    faultline_host::on_world_stack(|| {
        let program = program("hostile");
        let mut backend = program.backend();
        start(&mut backend, 0, CLIENT, 1).expect("it starts");
        let died = get(&mut backend, 0, "loop").expect_err("it computes too long");
        assert_eq!(get(&mut backend, 0, "panic"), Err(died.clone()));
        for op in [Op::Snapshot, Op::Observe, Op::RoundTrip] {
            assert_eq!(backend.call(0, op, &[]), Err(died.clone()));
        }
        start(&mut backend, 0, CLIENT, 1).expect("it starts again");
        assert!(backend.call(0, Op::Snapshot, &[]).is_ok());
    });
}

#[test]
fn a_fault_ends_one_node_and_no_other() {
    faultline_host::on_world_stack(|| {
        let program = program("hostile");
        let mut backend = program.backend();
        for slot in 0..2 {
            start(&mut backend, slot, CLIENT, 1).expect("it starts");
        }
        let died = get(&mut backend, 0, "loop").expect_err("it computes too long");
        assert_eq!(get(&mut backend, 0, "anything"), Err(died), "it is dead");
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
