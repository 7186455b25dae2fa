// The exports that the grader calls, one guest per instance, and a panic hook that reports the
// message and the place before the trap. It is text, compiled as a module of the glue: in a crate
// that a submission can name, the submission could export the same names.

use std::cell::RefCell;

use labkit::{abi, guest::Guest};

#[link(wasm_import_module = "faultline")]
unsafe extern "C" {
    /// The message and the place of a panic, both as UTF-8.
    fn panicked(message: *const u8, message_length: usize, place: *const u8, place_length: usize);
    /// Whether there is still room for what is printed.
    safe fn may_print() -> u32;
}

/// The grader calls this where the program calls `print!` or `println!`.
#[unsafe(no_mangle)]
pub extern "Rust" fn faultline_print(text: std::fmt::Arguments<'_>) {
    print_to(|| std::io::stdout().lock(), text);
}

/// The same for `eprint!`, `eprintln!` and `dbg!`.
#[unsafe(no_mangle)]
pub extern "Rust" fn faultline_eprint(text: std::fmt::Arguments<'_>) {
    print_to(|| std::io::stderr().lock(), text);
}

/// The grader calls this where the program calls `Backtrace::capture`, which would ask
/// the environment.
#[unsafe(no_mangle)]
pub extern "Rust" fn faultline_backtrace() -> std::backtrace::Backtrace {
    std::backtrace::Backtrace::disabled()
}

fn print_to<W: std::io::Write>(to: fn() -> W, text: std::fmt::Arguments<'_>) {
    // Even to begin costs something.
    if may_print() == 0 {
        return;
    }
    let mut print = Print {
        to: to(),
        full: false,
    };
    let result = std::fmt::Write::write_fmt(&mut print, text);
    assert!(
        result.is_ok() || print.full,
        "a `Debug` or `Display` of the program returned an error"
    );
}

/// Prints while there is room. Then it ends the formatting, too: one large text must
/// not use up the fuel for what nobody sees.
struct Print<W> {
    to: W,
    full: bool,
}

impl<W: std::io::Write> std::fmt::Write for Print<W> {
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        // Asked once more, the grader would count one more call that was left out.
        self.full = self.full || may_print() == 0;
        if self.full {
            return Err(std::fmt::Error);
        }
        let written = self.to.write_all(piece.as_bytes());
        written.expect("the grader takes what is printed");
        Ok(())
    }
}

thread_local! {
    static GUEST: RefCell<Option<Guest>> = const { RefCell::new(None) };
}

fn report_panic(info: &std::panic::PanicHookInfo<'_>) {
    let message = info
        .payload_as_str()
        .unwrap_or("a panic whose payload is no text");
    let place = info
        .location()
        .map(|place| format!("{}:{}", place.file(), place.line()));
    let place = place.unwrap_or_default();
    // SAFETY: both pointers and lengths are those of live strings; the host only reads
    // them.
    unsafe { panicked(message.as_ptr(), message.len(), place.as_ptr(), place.len()) }
}

#[unsafe(no_mangle)]
pub extern "C" fn faultline_version() -> u32 {
    abi::VERSION
}

/// Room for an argument; the first call makes the guest.
#[unsafe(no_mangle)]
pub extern "C" fn faultline_input(length: u32) -> *mut u8 {
    GUEST.with_borrow_mut(|guest| {
        let guest = guest.get_or_insert_with(|| {
            std::panic::set_hook(Box::new(report_panic));
            Guest::new(super::lab())
        });
        guest.input(length as usize).as_mut_ptr()
    })
}

/// The answer's address in the upper and its length in the lower half.
#[unsafe(no_mangle)]
pub extern "C" fn faultline_call(op: u32, length: u32) -> u64 {
    GUEST.with_borrow_mut(|guest| {
        let guest = guest.as_mut().expect("the grader asks for room first");
        let op = abi::Op::from_number(op).expect("the grader knows this version");
        let answer = guest.call(op, length as usize);
        ((answer.as_ptr() as u64) << 32) | answer.len() as u64
    })
}
