//! Tests of the host through the real path: sources, rustc, wasm, nodes.

mod builds;
mod contracts;
mod faults;
mod isolation;
mod stages;
mod toolchains;
mod wild;
mod workshop;
