//! Keeps what the engines are compiled from, so that a run can tell whether the project still has
//! the same (`src/origin.rs`).

fn main() -> Result<(), Box<dyn std::error::Error>> {
    faultline_origin::emit_engines()
}
