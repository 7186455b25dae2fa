//! What a node lacks: files, threads, sockets, an environment, other programs.
//!
//! Most of what the standard library does with them ends in an import, which stops the node by name
//! (`imports.rs`). The rest ends in the library itself: on a machine without threads it answers
//! "not supported", and a program that ignores that answer would go on as if nothing had happened.
//! These functions are named here, and [`rewrite`](super::rewrite) makes them end the node instead.

/// A function that a node must not reach.
pub(super) struct Lacking {
    /// Its path, name by name. One without `std` in front is of the C library.
    path: &'static [&'static str],
    /// What is wrong with calling it, and what to do instead.
    pub advice: &'static str,
}

pub(super) const CLOCK: &str = "it reads a clock (as `Instant::now` and `SystemTime::now` do). A \
                                node cannot read this machine's: to act later, use \
                                `ctx.set_timer`; to order events, count them; a lab that grants a \
                                clock says so (`ctx.clock`)";
pub(super) const WAIT: &str = "it waits (as `thread::sleep` does). A handler cannot wait: use \
                               `ctx.set_timer` and return";
pub(super) const YIELD: &str = "it gives way to other threads (as `thread::yield_now` does). A \
                                node has one thread: return from the handler";
pub(super) const NETWORK: &str = "it uses the network of this machine. A node has its own: use \
                                  `ctx.send`";
pub(super) const FILE: &str = "it uses a file or the input of this machine. A node has its own \
                               disk: use `ctx.disk()`; to look at a value, print it: `println!` \
                               is shown at its step of a failure";
const THREAD: &str = "it starts a thread (as `thread::spawn` does). A node has one thread: do the \
                      work in the handler, or set a timer and do it then";
pub(super) const ENVIRONMENT: &str = "it asks for the environment, the arguments or the folders of \
                                      this machine. A node has none: write the value into a \
                                      source file";
pub(super) const PROCESS: &str = "it starts, ends or names a process of this machine. A node is \
                                  none: return from the handler, or `panic!` if the node cannot \
                                  go on";
pub(super) const NOTHING_LIKE_IT: &str = "a node has nothing like it";

const ALL: [Lacking; 12] = [
    of(&["pthread_create"], THREAD),
    of(&["__pthread_create"], THREAD),
    of(&["getcwd"], ENVIRONMENT),
    of(&["std", "env", "temp_dir"], ENVIRONMENT),
    of(&["std", "env", "current_exe"], ENVIRONMENT),
    of(&["std", "env", "home_dir"], ENVIRONMENT),
    of(&["std", "process", "id"], PROCESS),
    of(
        &["std", "sys", "process", "unsupported", "Command", "new"],
        PROCESS,
    ),
    of(&["std", "net", "tcp", "TcpStream", "connect"], NETWORK),
    of(
        &["std", "net", "tcp", "TcpStream", "connect_timeout"],
        NETWORK,
    ),
    of(&["std", "net", "tcp", "TcpListener", "bind"], NETWORK),
    of(&["std", "net", "udp", "UdpSocket", "bind"], NETWORK),
];

const fn of(path: &'static [&'static str], advice: &'static str) -> Lacking {
    Lacking { path, advice }
}

/// What a node lacks of this name, as it stands in a module.
pub(super) fn named(symbol: &str) -> Option<&'static Lacking> {
    ALL.iter().find(|lacking| is(symbol, lacking.path))
}

/// Whether the standard library asks for the environment on its own behalf, as a panic does to know
/// how much it shall tell. `callers` are the symbols of the functions that are being carried out,
/// the innermost first.
pub(super) fn asks_for_itself<'a>(callers: impl IntoIterator<Item = &'a str>) -> bool {
    let of_rust = |symbol: &str| symbol.starts_with("_ZN") || symbol.starts_with("_R");
    let of_std = |symbol: &str| symbol.starts_with("_ZN3std") || symbol.contains("_3std");
    let asks =
        |symbol: &str| of_std(symbol) && (symbol.contains("3env") || symbol.contains("3sys"));
    let mut others = callers
        .into_iter()
        .filter(|symbol| of_rust(symbol) && !asks(symbol));
    others.next().is_some_and(of_std)
}

/// Whether a symbol is that of the function with this path. rustc has two ways to write a path into
/// a symbol: the crates of the toolchain are compiled with one, a submission with the other.
pub(super) fn is(symbol: &str, path: &[&str]) -> bool {
    let [name] = path else {
        return is_legacy(symbol, path) || is_v0(symbol, path);
    };
    symbol == *name
}

/// `_ZN3std3env8temp_dir17h0123456789abcdefE`: the names with their lengths, and a hash.
fn is_legacy(symbol: &str, path: &[&str]) -> bool {
    let names = path
        .iter()
        .try_fold(symbol.strip_prefix("_ZN"), |rest, name| {
            let rest = rest?.strip_prefix(&name.len().to_string());
            Some(rest.and_then(|rest| rest.strip_prefix(name)))
        });
    names.flatten().is_some_and(|rest| rest.starts_with("17h"))
}

/// `_RNvNtCset5xJoy1xWQ_3std3env8temp_dir`: the same names, and between them what they belong to.
fn is_v0(symbol: &str, path: &[&str]) -> bool {
    let mut rest = match symbol.strip_prefix("_R") {
        Some(rest) => rest,
        None => return false,
    };
    for name in path {
        // A name that could be taken for a part of the number in front of it is kept apart from it.
        let apart = if name.starts_with('_') { "_" } else { "" };
        let part = format!("{}{apart}{name}", name.len());
        match rest.find(&part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_both_kinds_are_known() {
        for (symbol, advice) in [
            ("pthread_create", THREAD),
            ("_RNvNtCset5xJoy1xWQ_3std3env8temp_dir", ENVIRONMENT),
            (
                "_RNvMNtNtNtCset5xJoy1xWQ_3std3sys7process11unsupportedNtB2_7Command3new",
                PROCESS,
            ),
            (
                "_ZN3std3net3tcp9TcpStream7connect17h251ab6fcb723caceE",
                NETWORK,
            ),
        ] {
            let found = named(symbol).unwrap_or_else(|| panic!("{symbol} is known"));
            assert_eq!(found.advice, advice, "{symbol}");
        }
        assert!(is(
            "_RNvNtNtCset5xJoy1xWQ_3std2io5stdio6__print",
            &["std", "io", "stdio", "_print"]
        ));
    }

    #[test]
    fn the_library_may_ask_for_itself() {
        let asked = [
            "__wasilibc_ensure_environ",
            "getenv",
            "_RNvNtCset5xJoy1xWQ_3std3env7__var_os",
        ];
        let by = |caller| asks_for_itself(asked.into_iter().chain([caller]));
        assert!(by("_RNvNtCset5xJoy1xWQ_3std9panicking12default_hook"));
        assert!(by(
            "_ZN3std6thread9lifecycle15spawn_unchecked17h0123456789abcdefE"
        ));
        assert!(!by("_ZN12lab0_student4echo17h0123456789abcdefE"));
        // Handed to something of the library's that calls it.
        assert!(!by(
            "_ZN4core6option15Option$LT$T$GT$8and_then17h0123456789abcdefE"
        ));
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for symbol in [
            "pthread_create_of_mine",
            "_ZN3std3net3tcp9TcpStream7connect28_$u7b$$u7b$closure$u7d$$u7d$17h0E",
            "_ZN12lab0_student3std3net3tcp9TcpStream7connect17h251ab6fcb723caceE",
            "_RNvNtCset5xJoy1xWQ_3std3env8temp_dirs",
            "",
        ] {
            assert!(named(symbol).is_none(), "{symbol}");
        }
    }
}
