//! Tests of the host through the real path: sources, rustc, wasm, nodes.

mod bombs;
mod builds;
mod cages;
mod contracts;
mod faults;
mod isolation;
mod stages;
mod supervision;
mod toolchains;
mod wild;
mod workshop;
