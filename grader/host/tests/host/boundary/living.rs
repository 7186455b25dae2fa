//! What becomes a program. All of it is in one, so that there is one build; each piece is called in
//! a node of its own.

use std::fmt::Write as _;

use faultline_sim::backend::{BackendError, Fault};

use super::end_of;
use crate::workshop::{CLIENT, Files, changed, get, start, usual};

/// What comes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Returns,
    Panics,
    Traps,
    Refused,
    Memory,
    Fuel,
}

use Call::{Fuel, Memory, Panics, Refused, Returns, Traps};

/// A piece: its name, what stands in a module of its own, and what comes of its function `go`.
type Piece = (&'static str, &'static str, Call);

const ATTRIBUTES: [Piece; 13] = [
    (
        "used_static",
        "#[used] static USED: [u8; 3] = [1, 2, 3]; pub fn go() {}",
        Returns,
    ),
    (
        "aligned_frame",
        "#[repr(align(4096))] struct Page([u8; 4096]);
         pub fn go() { let page = black_box(Page([7; 4096]));
             assert_eq!((&raw const page) as usize % 4096, 0); assert_eq!(page.0[9], 7); }",
        Returns,
    ),
    (
        "track_caller",
        "#[track_caller] fn line() -> u32 { std::panic::Location::caller().line() }
         pub fn go() { assert!(line() > 0); }",
        Returns,
    ),
    (
        "simd",
        "use std::arch::wasm32::*;
         #[target_feature(enable = \"simd128\")]
         fn sum() -> i32 { let all = i32x4_add(i32x4_splat(20), i32x4_splat(1));
             i32x4_extract_lane::<2>(all) }
         pub fn go() { assert_eq!(sum(), 21); }",
        Returns,
    ),
    (
        "features",
        "#[target_feature(enable = \"bulk-memory,sign-ext,nontrapping-fptoint,multivalue\")]
         fn cast(x: f64, all: &mut [u8]) -> (i32, u64) { all.fill(3); all.copy_within(0..4, 2);
             (x as i32, x as u64) }
         #[target_feature(enable = \"reference-types,extended-const,mutable-globals,tail-call\")]
         fn call(f: fn(u32) -> u32) -> u32 { f(black_box(4)) }
         pub fn go() { assert_eq!(cast(f64::INFINITY, &mut [0; 9]), (i32::MAX, u64::MAX));
             assert_eq!(call(|x| x + 1), 5); }",
        Returns,
    ),
    (
        "relaxed_feature_without_its_instructions",
        "#[target_feature(enable = \"relaxed-simd\")]
         fn product(x: &[f32; 8]) -> f32 { x.iter().map(|x| x * 1.5 + 2.0).sum() }
         pub fn go() { assert!(product(&black_box([1.0; 8])) > 20.0); }",
        Returns,
    ),
    (
        "allocator",
        "#[global_allocator] static ALLOCATOR: std::alloc::System = std::alloc::System;
         pub fn go() { assert_eq!(vec![1_u8; 1 << 20].len(), 1 << 20); }",
        Returns,
    ),
    (
        "names_of_the_grader",
        "pub fn lab() {} pub mod exports { pub fn faultline_call() {} }
         pub fn faultline_input() {} pub static GUEST: u8 = 1;
         pub fn go() { lab(); exports::faultline_call(); faultline_input(); }",
        Returns,
    ),
    (
        "glue_in_the_submission",
        "mod again { lab2_api::glue!(crate); } pub fn go() {}",
        Returns,
    ),
    (
        "other_conventions",
        "extern \"C\" fn c(x: u32) -> u32 { x + 1 } extern \"system\" fn s(x: u32) -> u32 { x + 2 }
         pub fn go() { let (c, s): (extern \"C\" fn(u32) -> u32, extern \"system\" fn(u32) -> u32)
             = black_box((c, s)); assert_eq!(c(1) + s(1), 5); }",
        Returns,
    ),
    (
        "raw_addresses",
        "static mut COUNT: u32 = 0;
         pub fn go() { assert_ne!((&raw mut COUNT) as usize, 0); }",
        Returns,
    ),
    (
        "names_of_all_scripts",
        "#[allow(non_snake_case)] fn größe(r#fn: u32) -> u32 { r#fn }
         #[allow(non_upper_case_globals)] static 変数: u32 = 3;
         pub fn go() { assert_eq!(größe(変数), 3); }",
        Returns,
    ),
    (
        "other_crates",
        "extern crate alloc as other; extern crate core as heart;
         pub fn go() { assert_eq!(other::format!(\"{}\", heart::mem::size_of::<u8>()), \"1\"); }",
        Returns,
    ),
];

const VALUES: [Piece; 10] = [
    (
        "wide_numbers",
        "pub fn go() { let x: u128 = black_box(1 << 100); assert_eq!(x * 3 / 7 % 5, 1);
             let y: i128 = black_box(-9); assert_eq!(y.pow(3) >> 2, -183); }",
        Returns,
    ),
    // The payload of a NaN would differ between processors.
    (
        "payloads",
        "pub fn go() { let nan = f64::from_bits(black_box(0xfff8_dead_beef_0001));
             assert_eq!((nan + 1.0).to_bits(), 0x7ff8_0000_0000_0000);
             assert_eq!((black_box(0.0_f32) / 0.0).to_bits(), 0x7fc0_0000);
             assert_eq!(nan.to_bits(), 0xfff8_dead_beef_0001); }",
        Returns,
    ),
    (
        "library_of_numbers",
        "pub fn go() { let x = black_box(2.0_f64);
             assert!((x.sin().mul_add(x.ln(), x.powf(0.3)) - x.sqrt().cbrt()).is_finite()); }",
        Returns,
    ),
    (
        "thread_local",
        "thread_local! { static CELL: std::cell::Cell<u8> = const { std::cell::Cell::new(1) }; }
         pub fn go() { CELL.set(CELL.get() + 1); assert_eq!(CELL.get(), 2); }",
        Returns,
    ),
    (
        "large_constant",
        "static TABLE: [u32; 1 << 18] = { let mut all = [0; 1 << 18]; all[9] = 7; all };
         pub fn go() { assert_eq!(TABLE[black_box(9)], 7); }",
        Returns,
    ),
    (
        "pointers",
        "fn one<const N: usize>() -> usize { black_box(N) }
         macro_rules! all { ($($n:literal)*) => { [$(one::<$n>),*] } }
         static ALL: [fn() -> usize; 20] =
             all!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
         pub fn go() { assert_eq!(ALL[black_box(17)](), 17); }",
        Returns,
    ),
    (
        "closures",
        "pub fn go() { let all: Vec<Box<dyn Fn(u32) -> u32>> =
             (0..100_u32).map(|n| Box::new(move |x| x + n) as Box<dyn Fn(u32) -> u32>).collect();
             assert_eq!(all[black_box(40)](2), 42); }",
        Returns,
    ),
    (
        "a_frame_of_half_the_stack",
        "pub fn go() { let all = black_box([3_u8; 400 << 10]); assert_eq!(all[black_box(9)], 3); }",
        Returns,
    ),
    (
        "memory_by_itself",
        "pub fn go() { let pages = std::arch::wasm32::memory_size::<0>();
             assert_eq!(std::arch::wasm32::memory_grow::<0>(2), pages);
             assert_eq!(std::arch::wasm32::memory_grow::<0>(60_000), usize::MAX); }",
        Returns,
    ),
    (
        "hidden_panic_hook",
        "pub fn go() { std::panic::set_hook(Box::new(|_| {})); drop(std::panic::take_hook()); }",
        Returns,
    ),
];

const FAULTS: [Piece; 17] = [
    (
        "unreachable",
        "pub fn go() { std::arch::wasm32::unreachable() }",
        Traps,
    ),
    ("abort", "pub fn go() { std::process::abort() }", Traps),
    ("exit", "pub fn go() { std::process::exit(0) }", Refused),
    (
        "arguments",
        "pub fn go() { assert_eq!(std::env::args().count(), 0); }",
        Refused,
    ),
    (
        "thread",
        "pub fn go() { let _ = std::thread::Builder::new().spawn(|| ()); }",
        Refused,
    ),
    (
        "recursion_without_end",
        "fn down(n: u64) -> u64 { if black_box(true) { down(black_box(n + 1)) + 1 } else { n } }
         pub fn go() { black_box(down(0)); }",
        Traps,
    ),
    (
        "a_frame_larger_than_the_stack",
        "pub fn go() { let all = black_box([3_u8; 4 << 20]); black_box(all[black_box(9)]); }",
        Traps,
    ),
    (
        "a_frame_larger_than_memory",
        "#[inline(never)] fn make() -> [u8; 200 << 20] { black_box([3; 200 << 20]) }
         pub fn go() { black_box(make()[black_box(9)]); }",
        Fuel,
    ),
    (
        "memory",
        "pub fn go() { let mut all = Vec::new(); loop { all.push(vec![1_u8; 1 << 20]); } }",
        Memory,
    ),
    (
        "memory_at_once",
        "pub fn go() { black_box(vec![0_u8; black_box(1 << 30)]); }",
        Memory,
    ),
    (
        "capacity",
        "pub fn go() { black_box(Vec::<u64>::with_capacity(black_box(usize::MAX))); }",
        Panics,
    ),
    (
        "loop_without_end",
        "pub fn go() { loop { black_box(1); } }",
        Fuel,
    ),
    (
        "panic_with_anything",
        "pub fn go() { std::panic::panic_any(7_u8) }",
        Panics,
    ),
    (
        "panic_in_a_panic",
        "struct Again; impl Drop for Again { fn drop(&mut self) { panic!(\"again\") } }
         pub fn go() { let _again = Again; panic!(\"once\") }",
        Panics,
    ),
    (
        "panic_in_a_display",
        "struct Bad; impl std::fmt::Display for Bad {
             fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { panic!(\"no\") } }
         pub fn go() { panic!(\"{}\", Bad) }",
        Traps,
    ),
    (
        "panic_in_the_panic_hook",
        "pub fn go() { std::panic::set_hook(Box::new(|_| panic!(\"hook\"))); panic!(\"once\") }",
        Traps,
    ),
    (
        "caught_panic",
        "pub fn go() { let _ = std::panic::catch_unwind(|| panic!(\"caught\")); }",
        Panics,
    ),
];

/// The key-value fixture, whose client calls the piece that it is asked for.
fn program() -> Files {
    let pieces = || ATTRIBUTES.iter().chain(&VALUES).chain(&FAULTS);
    let mut odd = String::from("//! All pieces.\npub fn go(name: &str) {\n    match name {\n");
    for (name, ..) in pieces() {
        let _ = writeln!(odd, "        \"{name}\" => {name}::go(),");
    }
    odd += "        _ => panic!(\"there is no piece of this name\"),\n    }\n}\n";
    for (name, code, _) in pieces() {
        let _ = writeln!(
            odd,
            "#[allow(dead_code, unused)]\nmod {name} {{\nuse std::hint::black_box;\n{code}\n}}"
        );
    }
    let invoke = "        self.number += 1;\n        self.pending = Some(command);\n";
    let call = "        if let Command::Get { key } = &command { crate::odd::go(key); }\n";
    let mut files = changed(&[
        ("src/client.rs", invoke, &format!("{call}{invoke}")),
        ("src/lib.rs", "mod client;", "mod client;\nmod odd;"),
    ]);
    files.insert("src/odd.rs".to_owned(), odd);
    files
}

#[test]
fn odd_programs_run_or_have_a_fault_of_their_own() {
    let (program, text) = end_of(&program(), &usual());
    let program = program.unwrap_or_else(|end| panic!("{end:?}: {text}"));
    let call = |name: &str| {
        faultline_host::on_world_stack(|| {
            let mut backend = program.backend();
            start(&mut backend, 0, CLIENT, 1).expect("it starts");
            match get(&mut backend, 0, name) {
                Ok(_) => Ok(Returns),
                Err(BackendError::Broken(why)) => Err(why),
                Err(BackendError::Fault(fault)) => Ok(match fault {
                    Fault::Panic { .. } => Panics,
                    Fault::Trap { .. } => Traps,
                    Fault::Refused { .. } => Refused,
                    Fault::OutOfMemory { .. } => Memory,
                    Fault::OutOfFuel { .. } => Fuel,
                    other => return Err(format!("{other:?}")),
                }),
            }
        })
    };
    let pieces = ATTRIBUTES.iter().chain(&VALUES).chain(&FAULTS);
    let wrong: Vec<_> = pieces
        .map(|(name, _, expected)| (name, call(name), expected))
        .filter(|(_, ended, expected)| ended.as_ref() != Ok(expected))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
