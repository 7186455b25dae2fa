//! What becomes no program: each has a build of its own.

use faultline_host::build::Obstacle::{Compiler, LabContract, Program};

use super::{
    End::{self, DoesNotBuild, Rejected, Runs},
    compare,
};
use crate::workshop::{Files, changed, with_code};

/// Attributes of the whole crate.
fn with_attributes(attributes: &str) -> Files {
    let top = "//! A small key-value service";
    changed(&[("src/lib.rs", top, &format!("{attributes}\n{top}"))])
}

/// A state whose deserialization, which only the glue instantiates, is written by hand.
fn with_deserialize(body: &str) -> Files {
    let derived = "#[derive(Debug, Serialize, Deserialize)]\npub struct ViewServer;";
    let by_hand = format!(
        "#[derive(Debug, Serialize)]\npub struct ViewServer;\n\
         impl<'de> serde::Deserialize<'de> for ViewServer {{\n\
         fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {{\n\
         {body}\nOk(ViewServer) }} }}"
    );
    changed(&[("src/server.rs", derived, &by_hand)])
}

/// A name, code at the end of `src/lib.rs`, its end, and a text of it.
type Row = (&'static str, &'static str, End, &'static str);

const EXPORTS: [Row; 6] = [
    (
        "the export macro",
        "labkit::export_lab!(todo!());",
        DoesNotBuild(Compiler),
        "export_lab",
    ),
    (
        "an export",
        "#[no_mangle] pub extern \"C\" fn faultline_call() {}",
        DoesNotBuild(Compiler),
        "unsafe attribute",
    ),
    (
        "another name for an export",
        "#[export_name = \"memory\"] pub static MEMORY: u8 = 1;",
        DoesNotBuild(Compiler),
        "unsafe attribute",
    ),
    (
        "a section",
        "#[link_section = \".init_array\"] pub static FIRST: fn() = || ();",
        DoesNotBuild(Compiler),
        "unsafe attribute",
    ),
    (
        "an unsafe export",
        "#[unsafe(no_mangle)] pub extern \"C\" fn faultline_call() {}",
        Rejected,
        "Write it without `unsafe`",
    ),
    (
        "imports",
        "#[link(wasm_import_module = \"faultline\")] extern \"C\" { fn panicked(x: f64); }",
        DoesNotBuild(Compiler),
        "unsafe",
    ),
];

const OTHERS: [Row; 7] = [
    (
        "threads",
        "#[target_feature(enable = \"atomics\")] pub fn go() {}",
        DoesNotBuild(Compiler),
        "atomics",
    ),
    (
        "exceptions",
        "#[target_feature(enable = \"exception-handling\")] pub fn go() {}",
        DoesNotBuild(Compiler),
        "exception-handling",
    ),
    (
        "another panic handler",
        "#[panic_handler] fn handle(_: &std::panic::PanicInfo<'_>) -> ! { loop {} }",
        DoesNotBuild(Compiler),
        "loaded from <sysroot>/",
    ),
    (
        "a constant without end",
        "pub const WAIT: u64 = { let mut n = 0_u64; while n < u64::MAX { n += 1; } n };",
        DoesNotBuild(Compiler),
        "taking a long time",
    ),
    (
        "types without end",
        "pub fn grow<T>(n: u64, x: T) { if n > 0 { grow(n - 1, (x, 1)) } }
             pub fn go() { grow(9, 1); }",
        DoesNotBuild(Compiler),
        "recursion limit",
    ),
    (
        "a value larger than all memory",
        "pub static HUGE: [u8; 3 << 30] = [0; 3 << 30];",
        DoesNotBuild(Compiler),
        "too big",
    ),
    (
        "a missing crate",
        "extern crate rustc_driver;",
        DoesNotBuild(Compiler),
        "rustc_driver",
    ),
];

#[test]
fn what_the_compiler_refuses_is_the_authors_to_read() {
    let rows = EXPORTS.into_iter().chain(OTHERS);
    compare(rows.map(|(name, code, end, says)| (name, with_code(code), end, says)));
}

#[test]
fn attributes_of_a_crate_break_nothing_but_itself() {
    let rows: [Row; 7] = [
        (
            "features",
            "#![feature(asm_experimental_arch)]",
            DoesNotBuild(Compiler),
            "E0554",
        ),
        ("no library", "#![no_std]", DoesNotBuild(Compiler), "error"),
        (
            "no prelude",
            "#![no_implicit_prelude]",
            DoesNotBuild(Compiler),
            "error",
        ),
        (
            "a small limit",
            "#![recursion_limit = \"1\"]",
            DoesNotBuild(Compiler),
            "recursion limit",
        ),
        (
            "another name",
            "#![crate_name = \"other\"]",
            DoesNotBuild(Compiler),
            "crate_name",
        ),
        ("no main", "#![no_main]\n#![no_builtins]", Runs, ""),
        (
            "another type",
            "#![crate_type = \"staticlib\"]\n#![type_length_limit = \"9\"]",
            Runs,
            "",
        ),
    ];
    compare(rows.map(|(name, code, end, says)| (name, with_attributes(code), end, says)));
}

#[test]
fn what_only_the_glue_shows_is_the_submissions_too() {
    compare([
        (
            "a constant in generic code",
            with_deserialize("const { panic!(\"not here\") }"),
            DoesNotBuild(LabContract),
            "not here",
        ),
        (
            "types without end in generic code",
            with_deserialize(
                "fn grow<T>(n: u64, x: T) { if n > 0 { grow(n - 1, (x, 1)) } }
                 grow(9, std::marker::PhantomData::<D>);",
            ),
            DoesNotBuild(Compiler),
            "recursion limit",
        ),
        (
            "a private type",
            changed(&[(
                "src/lib.rs",
                "pub use client::Client;",
                "use client::Client;",
            )]),
            DoesNotBuild(LabContract),
            "`Client` is not public",
        ),
    ]);
}

#[test]
fn what_no_node_can_run_says_why() {
    let call = |code: &str| {
        let start = "        ViewServer\n    }";
        let called = format!("        go();\n{start}");
        let mut files = changed(&[("src/server.rs", start, &called)]);
        let text = files.get_mut("src/server.rs").expect("it is there");
        *text = format!("{text}\n{code}\n");
        files
    };
    compare([
        (
            "relaxed instructions",
            call(
                "use std::arch::wasm32::*;
                 #[target_feature(enable = \"relaxed-simd\")]
                 fn go() { let x = f32x4_splat(1.5);
                     println!(\"{:?}\", f32x4_relaxed_madd(x, x, std::hint::black_box(x))); }",
            ),
            DoesNotBuild(Program),
            "src/server.rs:",
        ),
        (
            "statics",
            call(
                "static LARGE: std::sync::Mutex<[u8; 100 << 20]> =
                     std::sync::Mutex::new([0; 100 << 20]);
                 fn go() { LARGE.lock().unwrap()[std::hint::black_box(9)] += 1; }",
            ),
            DoesNotBuild(Program),
            "its statics take 102 MiB of memory, and a node has 64 MiB",
        ),
        (
            "alignment",
            call(
                "#[repr(align(134217728))] struct Apart(std::sync::atomic::AtomicU8);
                 static APART: Apart = Apart(std::sync::atomic::AtomicU8::new(0));
                 fn go() { APART.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst); }",
            ),
            DoesNotBuild(Program),
            "its statics take",
        ),
    ]);
}
