//! Modules that no safe program becomes: every address and length that the host is given is wild.

use faultline_host::{BuildError, Machine, Program, ToolError, machine::Limits};
use faultline_sim::backend::{Backend, BackendError, Fault};
use labkit::abi::Op;

const I32: u8 = 0x7f;
const I64: u8 = 0x7e;

/// A number as wasm writes it (LEB128, which for these small numbers is one or two bytes).
fn unsigned(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn counted(items: &[Vec<u8>]) -> Vec<u8> {
    [unsigned(items.len()), items.concat()].concat()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [unsigned(bytes.len()), bytes.to_vec()].concat()
}

fn section(number: u8, content: &[u8]) -> Vec<u8> {
    [vec![number], sized(content)].concat()
}

fn signature(parameters: &[u8], results: &[u8]) -> Vec<u8> {
    [vec![0x60], sized(parameters), sized(results)].concat()
}

fn export(name: &str, kind: u8, index: u8) -> Vec<u8> {
    [sized(name.as_bytes()), vec![kind, index]].concat()
}

fn body(instructions: &[u8]) -> Vec<u8> {
    sized(&[&[0], instructions, &[0x0b]].concat())
}

/// A module that imports one function, calls it with `arguments` when the host asks for room, and
/// answers `answer`.
fn module(import: (&str, &str), arguments: &[i32], has_result: bool, answer: u64) -> Vec<u8> {
    let parameters = vec![I32; arguments.len()];
    let result: &[u8] = if has_result { &[I32] } else { &[] };
    let types = [
        signature(&parameters, result),
        signature(&[], &[I32]),
        signature(&[I32], &[I32]),
        signature(&[I32, I32], &[I64]),
    ];
    let import = [
        sized(import.0.as_bytes()),
        sized(import.1.as_bytes()),
        vec![0, 0],
    ]
    .concat();
    // `i32.const` takes a signed number; five bytes with the sign repeated are always right.
    let constant = |value: i32| {
        let wide = i64::from(value);
        let bytes = (0..5).map(|at| u8::try_from((wide >> (7 * at)) & 0x7f).expect("seven bits"));
        let bytes: Vec<u8> = bytes
            .enumerate()
            .map(|(at, byte)| if at < 4 { byte | 0x80 } else { byte })
            .collect();
        [vec![0x41], bytes].concat()
    };
    let calls: Vec<u8> = arguments
        .iter()
        .flat_map(|argument| constant(*argument))
        .chain([0x10, 0])
        .collect();
    let drop: &[u8] = if has_result { &[0x1a] } else { &[] };
    let wide = answer.cast_signed();
    let answer: Vec<u8> = (0..10)
        .map(|at| {
            u8::try_from((wide >> (7 * at).min(63)) & 0x7f).expect("seven bits")
                | if at < 9 { 0x80 } else { 0 }
        })
        .collect();
    let version = u8::try_from(labkit::abi::VERSION).expect("a small number");
    let bodies = [
        body(&[0x41, version]),
        body(&[&calls, drop, &constant(8)].concat()),
        body(&[&[0x42], &*answer].concat()),
    ];
    let exports = [
        export("memory", 2, 0),
        export("faultline_version", 0, 1),
        export("faultline_input", 0, 2),
        export("faultline_call", 0, 3),
    ];
    [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &counted(&types)),
        section(2, &counted(&[import])),
        section(3, &counted(&[vec![1], vec![2], vec![3]])),
        section(5, &counted(&[vec![0, 1]])),
        section(7, &counted(&exports)),
        section(10, &counted(&bodies)),
    ]
    .concat()
}

fn load(wasm: &[u8]) -> Result<Program, BuildError> {
    Machine::new(Limits::default())
        .expect("this machine runs wasm")
        .load(wasm)
}

fn outcome(wasm: &[u8]) -> Result<Vec<u8>, BackendError> {
    let program = load(wasm).unwrap_or_else(|error| panic!("{error}"));
    program.backend().call(0, Op::Snapshot, &[])
}

const WASI: &str = "wasi_snapshot_preview1";

#[test]
fn wild_addresses_stop_the_node_and_not_the_host() {
    let what = "the program passed an address outside its memory".to_owned();
    let expected = Err(BackendError::Fault(Fault::Trap { what }));
    let calls: [(&str, &str, &[i32], bool); 9] = [
        (WASI, "fd_write", &[1, -8, 1, 0], true),
        (WASI, "fd_write", &[1, -1, 1, 0], true),
        (WASI, "fd_write", &[1, 0, 0, -2], true),
        (WASI, "random_get", &[-4, 8], true),
        (WASI, "random_get", &[65_530, 100], true),
        (WASI, "fd_prestat_get", &[3, 65_533], true),
        (WASI, "fd_prestat_dir_name", &[3, -1, 1], true),
        ("faultline", "panicked", &[-1, -1, 0, 0], false),
        ("faultline", "panicked", &[0, 1, 65_536, 1], false),
    ];
    for (space, name, arguments, has_result) in calls {
        let wasm = module((space, name), arguments, has_result, 0);
        assert_eq!(outcome(&wasm), expected, "{name}{arguments:?}");
    }
}

#[test]
fn wild_lengths_cost_fuel_before_anything_else() {
    let wasm = module((WASI, "random_get"), &[0, -1], true, 0);
    let mostly_printing = false;
    assert_eq!(
        outcome(&wasm),
        Err(Fault::OutOfFuel { mostly_printing }.into())
    );
}

#[test]
fn wild_answers_are_refused() {
    for (start, length) in [
        (u32::MAX, 1),
        (65_536, 1),
        (0, 65_537),
        (0, u32::MAX),
        (u32::MAX, u32::MAX),
    ] {
        let wasm = module(
            (WASI, "fd_write"),
            &[1, 0, 0, 0],
            true,
            u64::from(start) << 32 | u64::from(length),
        );
        let program = load(&wasm).unwrap_or_else(|error| panic!("{error}"));
        let mut backend = program.backend();
        assert!(matches!(
            backend.call(0, Op::Snapshot, &[]),
            Err(BackendError::Fault(Fault::State { .. }))
        ));
        let started = crate::workshop::start(&mut backend, 0, crate::workshop::VIEW_SERVER, 0);
        assert_eq!(started, Err(Fault::Malformed.into()));
    }
}

#[test]
fn an_unknown_import_is_refused_by_its_name() {
    let wasm = module(("env", "mystery"), &[1], false, 0);
    let error = outcome(&wasm).expect_err("nobody has it");
    assert!(
        matches!(&error, BackendError::Fault(Fault::Refused { what, .. }) if
            what.contains("`mystery`")),
        "{error:?}"
    );
}

#[test]
fn what_is_no_module_is_the_tools_error() {
    for bytes in [&b""[..], b"\0asm\x01\0\0\0", b"not wasm at all"] {
        assert!(matches!(
            load(bytes),
            Err(BuildError::Tool(ToolError::Engine { .. }))
        ));
    }
}

/// A module with so many pages of memory, elements of its table, and bytes in one function, whose
/// constructors, if it has any, are `constructors`.
fn sized_module(pages: usize, elements: usize, bytes: usize, constructors: &[u8]) -> Vec<u8> {
    let version = u8::try_from(labkit::abi::VERSION).expect("a small number");
    let types = [
        signature(&[], &[I32]),
        signature(&[I32], &[I32]),
        signature(&[I32, I32], &[I64]),
        signature(&[], &[]),
    ];
    let bodies = [
        body(&[0x41, version]),
        body(&[0x41, 8]),
        body(&[&vec![0x01; bytes][..], &[0x42, 0]].concat()),
        body(constructors),
    ];
    let exports = [
        export("memory", 2, 0),
        export("faultline_version", 0, 0),
        export("faultline_input", 0, 1),
        export("faultline_call", 0, 2),
        export("__wasm_call_ctors", 0, 3),
    ];
    [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &counted(&types)),
        section(3, &counted(&[vec![0], vec![1], vec![2], vec![3]])),
        section(4, &counted(&[[vec![0x70, 0], unsigned(elements)].concat()])),
        section(5, &counted(&[[vec![0], unsigned(pages)].concat()])),
        section(7, &counted(&exports)),
        section(10, &counted(&bodies)),
    ]
    .concat()
}

/// With the engine's own limits some of these would hang on the address space of a machine.
#[test]
fn limits_of_a_program_are_the_same_everywhere() {
    for wasm in [
        sized_module(1024, 0, 0, &[]),
        sized_module(1, 1 << 16, 0, &[]),
        sized_module(1, 24_000, 1_000_000, &[]),
    ] {
        let program = load(&wasm).unwrap_or_else(|error| panic!("{error}"));
        let answer = program.backend().call(0, Op::Snapshot, &[]);
        assert!(
            !matches!(answer, Err(BackendError::Broken(_))),
            "{answer:?}"
        );
    }
    for (wasm, says) in [
        (sized_module(1025, 0, 0, &[]), "its statics take 65 MiB"),
        (
            sized_module(1, (1 << 16) + 1, 0, &[]),
            "takes the addresses of 65537 functions",
        ),
        (
            sized_module(1, 0, 1 << 20, &[]),
            "has 1024 KiB of instructions, and 1024 KiB are allowed",
        ),
    ] {
        match load(&wasm) {
            Err(BuildError::Submission(error)) => assert!(error.plain.contains(says), "{error}"),
            other => panic!("{says}: {:?}", other.map(|_| ())),
        }
    }
}

/// Linkers carry out what a program wants to be carried out first.
#[test]
fn constructors_that_fail_are_a_fault_of_the_program() {
    const LOOP: [u8; 5] = [0x03, 0x40, 0x0c, 0, 0x0b];
    for (constructors, expected) in [
        (&[0x00][..], None),
        (
            &LOOP,
            Some(Fault::OutOfFuel {
                mostly_printing: false,
            }),
        ),
    ] {
        let program = load(&sized_module(1, 0, 0, constructors));
        let program = program.unwrap_or_else(|error| panic!("{error}"));
        let Err(BackendError::Fault(fault)) = program.backend().call(0, Op::Snapshot, &[]) else {
            panic!("it is no fault");
        };
        assert!(expected.is_none_or(|expected| expected == fault));
    }
}
