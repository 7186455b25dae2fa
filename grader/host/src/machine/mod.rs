//! Runs wasm modules: one instance for every node, metered, deaf and blind.

mod admit;
mod backend;
mod fault;
mod host;
mod imports;
mod lacking;
mod limits;
mod node;
mod outline;
mod places;
mod printed;
mod program;
mod rewrite;

use std::num::NonZeroUsize;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

pub use backend::WasmBackend;
pub use limits::Limits;
pub use program::Program;

use crate::{ToolError, build::BuildError};

/// Maximum size of the machine's own stack inside a handler. It is the one limit that is not in
/// terms of wasm (the size of a frame depends on the processor), so it is far above real use: the
/// stack that safe Rust keeps in linear memory, 1 MiB on every machine, is full first in nearly
/// every recursion.
const MAX_WASM_STACK_BYTES: usize = 16 << 20;

/// The stack that a thread needs to run nodes. With less, a node's endless recursion would end the
/// whole process. Memory is used only as far as the stack really grows.
pub const WORLD_STACK_BYTES: usize = MAX_WASM_STACK_BYTES + (4 << 20);

/// Maximum number of nodes that may exist at the same time in a process. Each takes 4 GiB of
/// addresses (not of memory), which saves a check of bounds at every access.
pub const MAX_NODES: u32 = 4096;

/// Amount of a dead node's memory that is kept for the next: more than a small node ever writes.
const RESIDENT_BYTES: usize = 128 << 10;

/// How many calls above the one that ends a node are looked at, to find the student's line: the
/// standard library and the C library together have some ten.
const MAX_FRAMES: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");

/// Runs `work` on a thread of its own that has [`WORLD_STACK_BYTES`] of stack, and waits for it.
///
/// # Panics
/// If `work` panics, or the operating system gives no thread.
pub fn on_world_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(WORLD_STACK_BYTES)
            .spawn_scoped(scope, work);
        match thread.expect("the operating system gives a thread").join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The wasm engine with the settings of a graded run. One serves the whole process; a clone is the
/// same engine.
#[derive(Clone)]
pub struct Machine {
    engine: Engine,
    limits: Limits,
}

impl Machine {
    /// A machine whose nodes have these limits.
    ///
    /// # Errors
    /// If this processor or operating system cannot run wasm.
    pub fn new(limits: Limits) -> Result<Machine, ToolError> {
        let mut config = Config::new();
        config
            .consume_fuel(true)
            // The bits of a NaN differ between processors and may be seen by a program.
            .cranelift_nan_canonicalization(true)
            .wasm_relaxed_simd(false)
            // Atomic instructions need wasmtime's feature `threads`, which is not compiled in.
            .shared_memory(false)
            .wasm_multi_memory(false)
            .wasm_memory64(false)
            .max_wasm_stack(MAX_WASM_STACK_BYTES)
            // Nothing here is asynchronous, but the engine wants this to be no less.
            .async_stack_size(MAX_WASM_STACK_BYTES)
            .concurrency_support(false)
            .wasm_backtrace_max_frames(Some(MAX_FRAMES))
            .cranelift_opt_level(OptLevel::Speed);
        let mut pooled = config.clone();
        pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
        // Where address space is scarce (a limit of the shell, a small virtual address), nodes are
        // mapped one by one: that is slower and otherwise the same.
        let engine = Engine::new(&pooled)
            .or_else(|_| Engine::new(&config))
            .map_err(ToolError::engine("start"))?;
        Ok(Machine { engine, limits })
    }

    /// Compiles a module that [`Prebuilt::compile`](crate::Prebuilt::compile) gave.
    ///
    /// # Errors
    /// [`BuildError::Submission`] if no node can run it, which is the same on every machine,
    /// [`BuildError::Rejected`] if the engine breaks down on it, and [`BuildError::Tool`] if it is
    /// no such module or the machine lacks something.
    pub fn load(&self, wasm: &[u8]) -> Result<Program, BuildError> {
        Program::compile(&self.engine, wasm, self.limits)
    }
}

/// Room for instances that is used again and again: the system is asked for it once, not at every
/// start of a node.
fn pool(limits: Limits) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(MAX_NODES)
        .total_memories(MAX_NODES)
        .total_tables(MAX_NODES)
        .max_memory_size(limits.memory_bytes)
        // No module that was admitted meets these.
        .table_elements(admit::MAX_TABLE_ELEMENTS as usize)
        .max_core_instance_size(admit::MAX_INSTANCE_BYTES)
        // So much of a dead node's memory is cleaned and kept; the rest goes back to the system.
        .linear_memory_keep_resident(RESIDENT_BYTES)
        .table_keep_resident(RESIDENT_BYTES)
        // Newer Linux tells which pages were written, so that only those are cleaned.
        .pagemap_scan(Enabled::Auto);
    pool
}
