//! Commands are ended, with all that they started. The commands are small scripts, so these tests
//! need a Unix shell.
#![cfg(unix)]

use std::{
    process::Command,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use faultline_host::supervise::{Ended, How, Supervised, run};

use crate::workshop::*;

const LONG: Duration = Duration::from_secs(600);

fn limits() -> Supervised<'static> {
    Supervised {
        wall: LONG,
        output_bytes: 1000,
        stdin: Vec::new(),
        keep_stdin_open: false,
        interrupt: &NEVER,
        grace: Duration::ZERO,
    }
}

fn shell(script: &str, limits: &Supervised<'_>) -> Ended {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    run(command, limits).expect("there is a shell")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

/// Whether the process with the number that the script printed comes to its end. It has been
/// killed, but dies when the kernel comes to it.
#[cfg(target_os = "linux")]
fn dies(number: &str) -> bool {
    assert!(number.parse::<u32>().is_ok(), "{number:?} is a process");
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(30) {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{number}/stat")) else {
            return true;
        };
        // A dead one that nobody has waited for.
        if stat
            .rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('Z'))
        {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn what_a_command_says_and_how_it_ends_is_told() {
    let ended = shell("echo out; echo err >&2; exit 3", &limits());
    assert!(matches!(ended.how, How::Exited(status) if status.code() == Some(3)));
    assert_eq!(
        (text(&ended.stdout), text(&ended.stderr)),
        ("out".to_owned(), "err".to_owned())
    );
    assert!(!ended.truncated);
    let nothing = Command::new("/no/such/program");
    assert!(run(nothing, &limits()).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn the_whole_group_is_killed_at_the_deadline() {
    let wall = Duration::from_millis(300);
    let ended = shell(
        "sleep 1000 & echo $!; sleep 1000",
        &Supervised { wall, ..limits() },
    );
    assert_eq!(ended.how, How::OverTime);
    assert!(dies(&text(&ended.stdout)));
}

#[cfg(target_os = "linux")]
#[test]
fn a_wrappers_grandchild_dies_too() {
    let wall = Duration::from_millis(300);
    let ended = shell(
        "sh -c 'sleep 1000 & echo $!; wait'; true",
        &Supervised { wall, ..limits() },
    );
    assert_eq!(ended.how, How::OverTime);
    assert!(dies(&text(&ended.stdout)));
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_command_leaves_behind_is_killed() {
    let began = Instant::now();
    let ended = shell("sleep 1000 & echo $!", &limits());
    assert!(matches!(ended.how, How::Exited(status) if status.success()));
    assert!(dies(&text(&ended.stdout)));
    assert!(began.elapsed() < LONG, "its open pipe is not waited for");
}

#[test]
fn output_is_capped_and_the_command_goes_on() {
    let ended = shell(
        "head -c 10000000 /dev/zero; head -c 5000 /dev/zero >&2; exit 7",
        &limits(),
    );
    assert!(matches!(ended.how, How::Exited(status) if status.code() == Some(7)));
    assert_eq!(
        (ended.stdout.len(), ended.stderr.len(), ended.truncated),
        (1000, 1000, true)
    );
}

#[test]
fn input_is_written_and_closed() {
    let stdin = b"some text".to_vec();
    let ended = shell("cat; echo .", &Supervised { stdin, ..limits() });
    assert_eq!(text(&ended.stdout), "some text.");
    // One that does not want it is no trouble.
    let ended = shell(
        "exit 0",
        &Supervised {
            stdin: vec![0; 10 << 20],
            ..limits()
        },
    );
    assert!(matches!(ended.how, How::Exited(status) if status.success()));
}

#[test]
fn a_command_whose_input_stays_open_may_clean_up() {
    let script = "read line; echo $line; cat; echo clean";
    let (stdin, wall) = (b"begin\n".to_vec(), Duration::from_millis(300));
    let asked = Supervised {
        stdin,
        wall,
        keep_stdin_open: true,
        grace: LONG,
        ..limits()
    };
    let ended = shell(script, &asked);
    assert_eq!(
        (ended.how, text(&ended.stdout).as_str()),
        (How::OverTime, "begin\nclean")
    );
    let impatient = Supervised {
        grace: Duration::from_millis(100),
        ..asked
    };
    let ended = shell(
        "read line; cat; echo closed; sleep 1000; echo clean",
        &impatient,
    );
    assert_eq!(
        (ended.how, text(&ended.stdout).as_str()),
        (How::OverTime, "closed")
    );
}

#[test]
fn an_interrupt_ends_a_command() {
    let interrupt = AtomicBool::new(true);
    let ended = shell(
        "sleep 1000",
        &Supervised {
            interrupt: &interrupt,
            ..limits()
        },
    );
    assert_eq!(ended.how, How::Interrupted);
}
