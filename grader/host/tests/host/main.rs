//! Tests of the host through the real path: sources, rustc, wasm, nodes.

mod bombs;
mod boundary;
mod builds;
mod contracts;
mod faults;
mod isolation;
mod sandboxes;
mod stages;
mod supervision;
mod toolchains;
mod wild;
mod workshop;
