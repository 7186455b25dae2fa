use super::*;

fn scanned(text: &str) -> Result<(), Rejected> {
    scan(&BTreeMap::from([(
        "src/lib.rs".to_owned(),
        text.to_owned(),
    )]))
}

/// What is found, and where.
const REFUSED: [(&str, &str); 52] = [
    ("include!(\"x\");", "1:1: `include!`"),
    (
        "const A: &str = include_str!(\"x\");",
        "1:17: `include_str!`",
    ),
    (
        "const A: &[u8] = include_bytes!(\"x\");",
        "`include_bytes!`",
    ),
    (
        "const A: &str = std::include_str!(\"x\");",
        "1:22: `include_str!`",
    ),
    (
        "const A: &str = ::core::include_str ! [\"x\"];",
        "`include_str!`",
    ),
    (
        "const A: &str = include_str /* a */ // b\n !{\"x\"};",
        "`include_str!`",
    ),
    ("const A: &str = r#include_str!(\"x\");", "`include_str!`"),
    (
        "#[doc = include_str!(\"x\")] struct A;",
        "1:9: `include_str!`",
    ),
    ("#![doc = include_str!(\"x\")]", "`include_str!`"),
    (
        "macro_rules! m { () => { include_str!(\"x\") } }",
        "`include_str!`",
    ),
    (
        "macro_rules! m { ($($t:tt)*) => { include_str! $($t)* } }",
        "`include_str!`",
    ),
    ("compile_error!(include_str!(\"x\"));", "`include_str!`"),
    ("use core::include_str as text;", "1:11: `include_str!`"),
    ("use std::include as paste;", "`include!`"),
    ("use std::{fmt, include_bytes as b};", "`include_bytes!`"),
    ("use {core::{include_str as s, fmt}};", "`include_str!`"),
    ("pub use core::include_str;", "`include_str!`"),
    ("use std::r#include_str as s;", "`include_str!`"),
    ("const A: &str = env!(\"HOME\");", "`env!`"),
    (
        "const A: Option<&str> = option_env!(\"HOME\");",
        "`option_env!`",
    ),
    ("use std::env as e;", "`env!`"),
    ("use std::option_env as e;", "`option_env!`"),
    ("use std::{env as e, fmt};", "`env!`"),
    ("core::arch::asm!(\"nop\");", "`asm!`"),
    ("use std::arch::asm;", "`asm!`"),
    ("core::arch::global_asm!(\"\");", "`global_asm!`"),
    ("use core::arch::global_asm as g;", "`global_asm!`"),
    ("core::arch::naked_asm!(\"\");", "`naked_asm!`"),
    ("#[path = \"/etc/passwd\"] mod a;", "1:3: `#[path]`"),
    ("#![path = \"x\"]", "`#[path]`"),
    ("# [ path = \"x\"] mod a;", "`#[path]`"),
    ("#[r#path = \"x\"] mod a;", "`#[path]`"),
    ("#[path /* */ =\n \"x\"] mod a;", "`#[path]`"),
    ("#[cfg_attr(all(), path = \"x\")] mod a;", "`#[path]`"),
    (
        "#[cfg_attr(all(), allow(x), path = \"x\")] mod a;",
        "`#[path]`",
    ),
    (
        "#[cfg_attr(all(), cfg_attr(all(), path = \"x\"))] mod a;",
        "`#[path]`",
    ),
    ("mod a { #![cfg_attr(all(), path = \"x\")] }", "`#[path]`"),
    ("fn f() { unsafe { g() } }", "1:10: `unsafe`"),
    ("unsafe fn f() {}", "`unsafe`"),
    ("unsafe impl Send for A {}", "`unsafe`"),
    ("unsafe extern \"C\" { fn f(); }", "`unsafe`"),
    ("#[unsafe(no_mangle)] fn f() {}", "`unsafe`"),
    ("macro_rules! m { () => { unsafe {} } }", "`unsafe`"),
    ("m!(unsafe);", "`unsafe`"),
    ("fn f() { /* \" */ unsafe {} /* \" */ }", "1:18: `unsafe`"),
    (
        "fn f() { let a = '\"'; unsafe {} let b = '\"'; }",
        "`unsafe`",
    ),
    ("fn f() { let a = r#\"\"\"#; unsafe {} }", "`unsafe`"),
    ("// a\nfn f<'a>() { unsafe {} }", "2:14: `unsafe`"),
    ("/* /* */ */ unsafe fn f() {}", "`unsafe`"),
    ("#!/usr/bin/env x\nunsafe fn f() {}", "2:1: `unsafe`"),
    ("---\nunsafe\n---\nfn f() {}", "2:1: `unsafe`"),
    ("\u{feff}unsafe fn f() {}", "1:2: `unsafe`"),
];

const ACCEPTED: [&str; 40] = [
    "//! include_str!(\"x\") is not graded\n",
    "/// `env!(\"HOME\")`, `unsafe`, `#[path = \"x\"]`\nstruct A;",
    "// unsafe { include!(\"x\") }",
    "/* unsafe /* env!(\"x\") */ #[path = \"x\"] */",
    "const A: &str = \"unsafe include!(x) #[path = 1]\";",
    "const A: &str = r#\"include_str!(\"x\")\"#;",
    "const A: &[u8] = b\"env!(x)\";",
    "const A: &std::ffi::CStr = c\"unsafe\";",
    "const A: char = '!'; fn include() {}",
    "fn f(include: bool) -> bool { include }",
    "fn f(include: u8, other: u8) -> bool { include != other }",
    "fn f(env: u8) -> bool { env != 1 }",
    "struct A { include: bool, env: u8, path: u8, asm: u8 }",
    "fn f(a: A) -> bool { a.include() }",
    "fn f() { self::include(1); crate::env::read(); }",
    "use std::env;",
    "use std::env::args;",
    "use std::{env, fmt};",
    "use std::env::{args, vars};",
    "use crate::views::include;",
    "use self::include as add;",
    "use super::env as e;",
    "use crate::list as include;",
    "mod include; mod env; mod path;",
    "use std::path::Path;",
    "fn f(path: &str) { let path = path; }",
    "#[serde(rename = \"path\")] struct A;",
    "#[derive(Debug)] struct A { path: u8 }",
    "#[cfg_attr(test, derive(Debug))] struct A;",
    "#[cfg_attr(test, allow(path))] struct A;",
    "#[cfg(test)] mod a { fn f() { let path = 1; } }",
    "fn f() { let v = [path = 1]; }",
    "#![forbid(unsafe_code)]",
    "fn r#unsafe() {}",
    "fn f<'include>(x: &'include str, y: &'static str) {}",
    "fn unsafety() {} fn not_unsafe() {}",
    "macro_rules! include_all { () => {} } include_all!();",
    "println!(\"{}\", 1); vec![1]; assert!(a != b); todo!(\"x\");",
    "fn f<'a>(x: &'a str) -> impl Sized + use<'a> { let include = 1; include }",
    "fn f() { let environment = 1; let option_env = 2; }",
];

#[test]
fn what_reaches_out_is_found_with_its_place() {
    for (text, place) in REFUSED {
        let found = scanned(text).expect_err(text).text;
        let place = if place.starts_with('`') {
            format!(": {place}: ")
        } else {
            format!("\nsrc/lib.rs:{place}: ")
        };
        assert!(found.contains(&place), "{text}: {found}");
    }
}

#[test]
fn what_only_looks_like_it_is_accepted() {
    for text in ACCEPTED {
        assert_eq!(scanned(text), Ok(()), "{text}");
    }
}

#[test]
fn delimiters_may_nest_so_deep_and_no_deeper() {
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        let nested =
            |depth: usize| open.to_string().repeat(depth) + &close.to_string().repeat(depth);
        assert_eq!(scanned(&nested(MAX_NESTING)), Ok(()));
        let found = scanned(&nested(MAX_NESTING + 1))
            .expect_err("it is too deep")
            .text;
        assert!(
            found.contains("src/lib.rs:1:201: delimiters nested deeper than 200"),
            "{found}"
        );
    }
    // A million of them need no stack, and what is never closed no second look.
    assert!(scanned(&"(".repeat(1 << 20)).is_err());
    assert!(scanned(&"#[cfg_attr(".repeat(1 << 17)).is_err());
    assert_eq!(scanned(&"()".repeat(1 << 17)), Ok(()));
    assert_eq!(scanned(&")".repeat(1 << 17)), Ok(()));
}

#[test]
fn each_kind_is_told_once_in_the_order_of_the_files() {
    let text = "unsafe fn f() {}\nconst A: &str = include_str!(\"x\");\nconst B: &str = \
                include_str!(\"y\");\n";
    let sources = ["src/b.rs", "src/a.rs"].map(|path| (path.to_owned(), text.to_owned()));
    let found = scan(&sources.into_iter().collect())
        .expect_err("there is something")
        .text;
    assert_eq!(found.matches("`include_str!`").count(), 1, "{found}");
    let places: Vec<_> = found
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(place, _)| place)
        .collect();
    assert_eq!(places, ["error", "src/a.rs:1:1", "src/a.rs:2:17"]);
    assert!(
        found.contains("Write the text into a source file"),
        "{found}"
    );
}

/// Only if the compiler could not say what it has read.
#[test]
fn what_could_hide_a_read_is_told_from_what_has_only_the_name() {
    let hides = |text: &str| {
        let sources = BTreeMap::from([("src/lib.rs".to_owned(), text.to_owned())]);
        hidden_read(&sources).is_some()
    };
    for text in [
        "use core::include as x;",
        "use crate::all::{r#include_str as y};",
        "macro_rules! ask { ($a:ident) => { $a!(\"x\") } } ask!(include_bytes);",
        "#[serde(into = \"compile_error!(include_str!(x))\")] struct A;",
        "#[cfg_attr(all(), serde(from = \"\\u{69}nclude!(x)\"))] struct A;",
    ] {
        assert!(hides(text), "{text}");
    }
    for text in [
        "// include the view\nlet included = 1;",
        "let include = 1; let a = [include, \"include!(\\\"x\\\")\"]; f(\"to include\");",
        "use crate::view; fn include_str(include: u8) -> u8 { include }",
        "#[derive(Debug)] struct A { include: bool } vec![\"include\"];",
        "macro_rules! twice { ($a:ident) => { $a + $a } }",
    ] {
        assert!(!hides(text), "{text}");
    }
}
