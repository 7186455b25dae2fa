//! Keeps what the labs are compiled from, so that a run can tell whether the project still has the
//! same.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    faultline_origin::emit()
}
