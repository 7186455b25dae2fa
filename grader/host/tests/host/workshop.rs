//! What the tests share: the project's compiled labs, one machine, and the fixtures as programs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, atomic::AtomicBool},
};

use faultline_host::{
    BuildError, LabCrates, Machine, Prebuilt, Program, Rejected, Sandbox, Staged, Toolchain,
    WasmBackend,
    build::{Built, DoesNotBuild, Options},
    machine::Limits,
    on_world_stack,
};
use faultline_sim::backend::{Backend, BackendError, Fault};
use lab2_api::{ClientConfig, Command, Output, ServerConfig};
use labkit::{
    Boot, Inputs, NodeId,
    abi::{Effect, Event, Start, effects},
    codec,
};

pub type Files = BTreeMap<String, String>;

/// The crate's folder. (Not through `..`, so that a checkout made of links works.)
pub fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn root() -> &'static Path {
    crate_folder()
        .ancestors()
        .nth(2)
        .expect("the crate lies in grader/host")
}

pub fn fixture_folder(name: &str) -> PathBuf {
    crate_folder().join("tests/fixtures").join(name)
}

pub fn fixture(name: &str) -> Files {
    Staged::from_folder(&fixture_folder(name))
        .expect("the fixture is a crate")
        .sources()
        .clone()
}

/// The key-value fixture with changes: in the file, the first text becomes the second.
pub fn changed(changes: &[(&str, &str, &str)]) -> Files {
    let mut files = fixture("kv");
    for (path, from, to) in changes {
        let text = files
            .get_mut(*path)
            .unwrap_or_else(|| panic!("the fixture has a file {path}"));
        assert!(text.contains(from), "{path} has {from:?}");
        *text = text.replace(from, to);
    }
    files
}

pub static TOOLCHAIN: LazyLock<Toolchain> =
    LazyLock::new(|| Toolchain::find(root()).expect("the project has a toolchain"));

pub static PREBUILT: LazyLock<Prebuilt> = LazyLock::new(|| {
    Prebuilt::build(root(), &TOOLCHAIN, LabCrates::of("lab2"))
        .unwrap_or_else(|error| panic!("{error}"))
});

/// No sandbox: what the scan and the audit promise must hold without them.
pub static NO_SANDBOX: LazyLock<Sandbox> = LazyLock::new(Sandbox::none);

/// Nobody interrupts the tests.
pub static NEVER: AtomicBool = AtomicBool::new(false);

pub fn usual() -> Options<'static> {
    Options::new(&NO_SANDBOX, &NEVER)
}

pub fn build(files: &Files) -> Result<Built, BuildError> {
    build_with(files, &usual())
}

pub fn build_with(files: &Files, options: &Options<'_>) -> Result<Built, BuildError> {
    PREBUILT.compile(
        &Staged::from_files(files).expect("the sources can be staged"),
        options,
    )
}

/// The key-value fixture with more code at the end of its `src/lib.rs`.
pub fn with_code(code: &str) -> Files {
    let mut files = fixture("kv");
    let text = files.get_mut("src/lib.rs").expect("it is there");
    *text = format!("{text}\n{code}\n");
    files
}

/// Why sources do not build, which must be their own fault.
pub fn why_not(files: &Files) -> DoesNotBuild {
    match build(files) {
        Err(BuildError::Submission(error)) => error,
        Err(other) => panic!("not the submission's fault: {other:?}"),
        Ok(_) => panic!("it builds"),
    }
}

/// Why a human must look at sources.
pub fn why_rejected(files: &Files, options: &Options<'_>) -> Rejected {
    match build_with(files, options) {
        Err(BuildError::Rejected(rejected)) => rejected,
        Err(other) => panic!("it is not rejected: {other:?}"),
        Ok(_) => panic!("it builds"),
    }
}

/// The hostile fixture without what keeps a program from being optimised.
fn optimised() -> Files {
    let mut files = fixture("hostile");
    let text = files.get_mut("src/lacking.rs").expect("it is there");
    let spoils = ["Tcp", "Udp", "current_exe", "home_dir"];
    let lines = text
        .lines()
        .filter(|line| !spoils.iter().any(|name| line.contains(name)));
    // The lines that are left keep their numbers.
    let kept = |line| {
        if lines.clone().any(|each| each == line) {
            line
        } else {
            ""
        }
    };
    *text = text.lines().map(kept).collect::<Vec<_>>().join("\n");
    files
}

/// A fixture as a program, built once.
pub fn program(name: &'static str) -> Program {
    static MACHINE: LazyLock<Machine> =
        LazyLock::new(|| Machine::new(Limits::default()).unwrap_or_else(|error| panic!("{error}")));
    static PROGRAMS: Mutex<BTreeMap<&'static str, Program>> = Mutex::new(BTreeMap::new());
    let mut programs = PROGRAMS
        .lock()
        .expect("no test panics while it builds a fixture");
    let build_it = || {
        let files = if name == "optimised" {
            optimised()
        } else {
            fixture(name)
        };
        let built = build(&files).unwrap_or_else(|error| panic!("{error}"));
        MACHINE
            .load(&built.wasm)
            .unwrap_or_else(|error| panic!("{error}"))
    };
    programs.entry(name).or_insert_with(build_it).clone()
}

/// The roles of lab 2.
pub const VIEW_SERVER: u8 = 0;
pub const SERVER: u8 = 1;
pub const CLIENT: u8 = 2;

/// Calls `work` with the description of a node's first start.
pub fn with_start<T>(role: u8, work: impl FnOnce(&Start<'_>) -> T) -> T {
    let view_server = NodeId::new('v', 1);
    let config = match role {
        VIEW_SERVER => Vec::new(),
        SERVER => codec::to_bytes(&ServerConfig { view_server }).expect("it has bytes"),
        _ => codec::to_bytes(&ClientConfig { view_server }).expect("it has bytes"),
    };
    let letter = ['v', 's', 'c'][usize::from(role)];
    let (id, disk) = (NodeId::new(letter, 1), BTreeMap::new());
    work(&Start {
        role,
        id,
        incarnation: 1,
        boot: Boot::First,
        clock: None,
        config: &config,
        disk: &disk,
        inputs: &Inputs::new(),
    })
}

pub fn start(
    backend: &mut WasmBackend,
    slot: usize,
    role: u8,
    entropy: u64,
) -> Result<(), BackendError> {
    with_start(role, |start| {
        backend.start(slot, start, entropy).map(|_| ())
    })
}

/// Invokes `Get { key }` on the client of a slot and gives its answer, if any.
pub fn get(
    backend: &mut WasmBackend,
    slot: usize,
    key: &str,
) -> Result<Option<String>, BackendError> {
    let command = codec::to_bytes(&Command::Get {
        key: key.to_owned(),
    })
    .expect("it has bytes");
    let bytes = backend.step(slot, &Event::Invoke { command: &command })?;
    let responses = effects(bytes).filter_map(|effect| match effect.expect("labkit wrote it") {
        Effect::Respond { output } => Some(codec::from_bytes(output).expect("it is an output")),
        _ => None,
    });
    Ok(responses.last().map(|output| match output {
        Output::Value(text) => text,
        Output::Done => "done".to_owned(),
    }))
}

/// Lets a fresh hostile client do one thing: its answer or its fault, and what it printed.
pub fn deed(name: &str) -> (Result<Option<String>, Fault>, String) {
    deed_of("hostile", name)
}

/// The same of another fixture.
pub fn deed_of(fixture: &'static str, name: &str) -> (Result<Option<String>, Fault>, String) {
    let program = program(fixture);
    on_world_stack(|| {
        let mut backend = program.backend();
        start(&mut backend, 0, CLIENT, 1).expect("it starts");
        let result = get(&mut backend, 0, name).map_err(|error| match error {
            BackendError::Fault(fault) => fault,
            BackendError::Broken(text) => panic!("the host is broken: {text}"),
        });
        (result, backend.take_printed(0))
    })
}

/// Code that reads a file in ways that only macros put together.
pub fn hidden_reads(path: &str) -> Vec<String> {
    let ask = "macro_rules! ask { ($ask:ident) => { $ask!(PATH) } }\n";
    let attribute = "macro_rules! at { ($at:meta) => { #[$at] mod secret; } }\n";
    let codes = [
        format!("{ask}pub const TEXT: &str = ask!(include_str);"),
        format!("{ask}ask!(include);"),
        format!("{ask}compile_error!(ask!(include_str));"),
        format!("{ask}const _: () = panic!(\"{{}}\", ask!(include_str));"),
        format!("{ask}pub const BYTES: &[u8] = ask!(include_bytes);\nfn unknown() -> Unknown {{}}"),
        format!("{attribute}at!(path = PATH);"),
    ];
    codes
        .map(|code| code.replace("PATH", &format!("{path:?}")))
        .to_vec()
}
