//! Crates that compile and are not what the lab asks for.

use faultline_host::build::Obstacle;

use crate::workshop::*;

/// The explanation, which must not point into the grader's glue.
fn contract(changes: &[(&str, &str, &str)]) -> String {
    let error = why_not(&changed(changes));
    assert_eq!(error.obstacle, Obstacle::LabContract, "{error}");
    assert!(!error.plain.contains("glue"), "{error}");
    error.plain
}

#[test]
fn a_missing_type_is_named() {
    let text = contract(&[(
        "src/lib.rs",
        "pub use server::{Server, ViewServer};",
        "pub use server::ViewServer;",
    )]);
    assert!(
        text.contains("your crate has no public type `Server` at its top"),
        "{text}"
    );
}

#[test]
fn all_missing_types_are_named_at_once() {
    let text = contract(&[
        ("src/lib.rs", "pub use server::{Server, ViewServer};", ""),
        ("src/lib.rs", "pub use client::Client;", ""),
    ]);
    for name in ["Client", "Server", "ViewServer"] {
        assert!(text.contains(&format!("`{name}`")), "{text}");
    }
}

#[test]
fn a_private_type_is_told_from_a_missing_one() {
    let text = contract(&[(
        "src/lib.rs",
        "pub use server::{Server,",
        "use server::Server;\npub use server::{",
    )]);
    assert!(
        text.contains("`Server` is not public: write `pub`") && text.contains("src/lib.rs:"),
        "{text}"
    );
}

#[test]
fn a_missing_trait_speaks_the_labs_words() {
    let text = contract(&[(
        "src/server.rs",
        "impl BelievesView for Server",
        "impl Server",
    )]);
    assert!(
        text.contains("`Server` does not tell which view it believes in"),
        "{text}"
    );
    assert!(
        text.contains("the lab needs `impl BelievesView for Server`"),
        "{text}"
    );
    let text = contract(&[
        (
            "src/lib.rs",
            "impl Carries<Given> for Message",
            "impl Message",
        ),
        ("src/lib.rs", "fn given", "pub fn given"),
    ]);
    assert!(
        text.contains("the lab needs `impl Carries<lab2_api::Given> for Message`"),
        "{text}"
    );
}

#[test]
fn a_wrong_associated_type_says_which_was_expected() {
    let text = contract(&[
        (
            "src/server.rs",
            "type Config = ServerConfig",
            "type Config = ()",
        ),
        ("src/server.rs", "start(_: &ServerConfig", "start(_: &()"),
    ]);
    assert!(
        text.contains("in `impl Node for Server`, the lab needs `type Config = ServerConfig;`"),
        "{text}"
    );
}

#[test]
fn something_else_of_the_right_name_is_explained() {
    let text = contract(&[
        (
            "src/server.rs",
            "pub struct ViewServer;",
            "pub struct ViewServer<T>(T);",
        ),
        (
            "src/server.rs",
            "        ViewServer\n",
            "        ViewServer(())\n",
        ),
        ("src/server.rs", "for ViewServer {", "for ViewServer<()> {"),
    ]);
    assert!(
        text.contains("`ViewServer`") && text.contains("generic"),
        "{text}"
    );
}
