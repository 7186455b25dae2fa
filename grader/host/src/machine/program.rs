//! A module, compiled to machine code and ready to become nodes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use faultline_sim::backend::BackendError;
use wasmtime::{
    Engine, Extern, Func, Instance as WasmInstance, InstancePre, Linker, Module, ModuleExport,
    Store, Trap, TypedFunc,
};

use super::{
    admit, fault,
    host::Host,
    imports,
    limits::Limits,
    node::{Instance, NoAnswer},
    outline::Outline,
    places::Places,
    printed::Printed,
    rewrite::rewritten,
};
use crate::{
    ToolError,
    build::{BuildError, Rejected},
};

/// A submission as machine code. Cheap to clone; worlds on several threads share one.
#[derive(Clone)]
pub struct Program {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    template: InstancePre<Host>,
    exports: Exports,
    limits: Limits,
    places: Arc<Places>,
}

/// Where the exports are, so that no instance searches them by name.
struct Exports {
    memory: ModuleExport,
    input: ModuleExport,
    call: ModuleExport,
    constructors: Option<ModuleExport>,
    stack_pointer: Option<ModuleExport>,
}

impl Program {
    pub(super) fn compile(
        engine: &Engine,
        wasm: &[u8],
        limits: Limits,
    ) -> Result<Program, BuildError> {
        let outline = Outline::read(wasm).map_err(|error| admit::unreadable(wasm, &error))?;
        admit::check(&outline, &limits)?;
        let wasm = rewritten(wasm, &outline);
        let module = compiled(engine, &wasm)?;
        let exports = Exports::of(&module)?;
        let mut linker = Linker::new(engine);
        imports::define(&mut linker, &module)?;
        let template = linker
            .instantiate_pre(&module)
            .map_err(|error| admit::not_run(&wasm, "link the module", &error))?;
        let shared = Shared {
            engine: engine.clone(),
            template,
            exports,
            limits,
            places: Arc::new(Places::of(wasm)),
        };
        let program = Program {
            shared: Arc::new(shared),
        };
        program.check_version()?;
        Ok(program)
    }

    /// What the nodes may use.
    pub fn limits(&self) -> Limits {
        self.shared.limits
    }

    /// A new instance. Everything that belongs to it is in it: two instances share nothing but the
    /// machine code.
    pub(super) fn instance(&self, entropy: u64, printed: Printed) -> Result<Instance, NoAnswer> {
        let (store, instance) = self
            .bare_instance(entropy, printed)
            .map_err(NoAnswer::Dead)?;
        let (mut instance, constructors) = self
            .joined(store, &instance)
            .map_err(|error| NoAnswer::Dead(broken(&error)))?;
        if let Some(constructors) = constructors {
            let done = constructors.call(&mut instance.store, ());
            // The C library's constructors go well. A program may have brought some along.
            done.map_err(|error| instance.died(&error))?;
        }
        Ok(instance)
    }

    fn joined(
        &self,
        mut store: Store<Host>,
        instance: &WasmInstance,
    ) -> wasmtime::Result<(Instance, Option<TypedFunc<(), ()>>)> {
        let exports = &self.shared.exports;
        let memory = instance
            .get_module_export(&mut store, &exports.memory)
            .and_then(Extern::into_memory);
        let memory =
            memory.ok_or_else(|| wasmtime::format_err!("the export `memory` is no memory"))?;
        store.data_mut().memory = Some(memory);
        let constructors = match &exports.constructors {
            Some(export) => Some(function(&mut store, instance, export)?.typed(&store)?),
            None => None,
        };
        let input = function(&mut store, instance, &exports.input)?.typed(&store)?;
        let call = function(&mut store, instance, &exports.call)?.typed(&store)?;
        let stack_pointer = exports.stack_pointer.as_ref();
        let stack_pointer =
            stack_pointer.and_then(|export| instance.get_module_export(&mut store, export));
        let stack_pointer = stack_pointer.and_then(Extern::into_global);
        let instance = Instance {
            store,
            places: Arc::clone(&self.shared.places),
            memory,
            stack_pointer,
            input,
            call,
            input_at: 0,
            input_room: 0,
            used: 0,
        };
        Ok((instance, constructors))
    }

    fn bare_instance(
        &self,
        entropy: u64,
        printed: Printed,
    ) -> Result<(Store<Host>, WasmInstance), BackendError> {
        let Shared {
            engine,
            template,
            limits,
            places,
            ..
        } = &*self.shared;
        let mut store = Store::new(engine, Host::new(*limits, entropy, printed));
        store.limiter(|host| host);
        store
            .set_fuel(limits.fuel)
            .map_err(|error| broken(&error))?;
        match template.instantiate(&mut store) {
            Ok(instance) => Ok((store, instance)),
            // A start function of the module's own.
            Err(error) if error.downcast_ref::<Trap>().is_some() => {
                Err(fault::explain(&error, store.data_mut(), None, places))
            }
            Err(error) => Err(broken(&error)),
        }
    }

    /// Makes one instance, too, so that a module that cannot have any is found here.
    fn check_version(&self) -> Result<(), ToolError> {
        let (mut store, instance) = match self.bare_instance(0, Printed::default()) {
            Ok(made) => made,
            // It is told of the first node that starts.
            Err(BackendError::Fault(_)) => return Ok(()),
            Err(BackendError::Broken(reason)) => {
                let action = "start the module";
                return Err(ToolError::Engine { action, reason });
            }
        };
        let version = instance
            .get_typed_func::<(), u32>(&mut store, "faultline_version")
            .and_then(|version| version.call(&mut store, ()))
            .map_err(ToolError::engine("start the module"))?;
        if version == labkit::abi::VERSION {
            return Ok(());
        }
        let reason = format!(
            "it speaks version {version} of labkit's protocol, not {}",
            labkit::abi::VERSION
        );
        Err(ToolError::Engine {
            action: "use the module",
            reason,
        })
    }
}

fn broken(error: &wasmtime::Error) -> BackendError {
    BackendError::Broken(format!(
        "the wasm engine cannot make an instance: {error:#}"
    ))
}

/// The module as machine code. What is too much for the engine it refuses; where it breaks down, a
/// human must look.
fn compiled(engine: &Engine, wasm: &[u8]) -> Result<Module, BuildError> {
    let compile = || Module::from_binary(engine, wasm);
    match catch_unwind(AssertUnwindSafe(compile)) {
        Ok(module) => module.map_err(|error| admit::not_run(wasm, "compile the module", &error)),
        Err(_) => Err(Rejected {
            text: "error: the wasm engine broke down on this submission\n\nThat is a bug of the \
                   engine, and happens with code of an unusual form. Take away what you changed \
                   last."
                .to_owned(),
        }
        .into()),
    }
}

impl Exports {
    fn of(module: &Module) -> Result<Exports, ToolError> {
        let needed = |name: &str| {
            let reason = || format!("the module does not export `{name}`");
            let action = "use the module";
            module
                .get_export_index(name)
                .ok_or_else(|| ToolError::Engine {
                    action,
                    reason: reason(),
                })
        };
        Ok(Exports {
            memory: needed("memory")?,
            input: needed("faultline_input")?,
            call: needed("faultline_call")?,
            constructors: module
                .get_export_index("_initialize")
                .or(module.get_export_index("__wasm_call_ctors")),
            stack_pointer: module.get_export_index("__stack_pointer"),
        })
    }
}

fn function(
    store: &mut Store<Host>,
    instance: &WasmInstance,
    export: &ModuleExport,
) -> wasmtime::Result<Func> {
    let function = instance
        .get_module_export(store, export)
        .and_then(Extern::into_func);
    function.ok_or_else(|| wasmtime::format_err!("an export of the module is no function"))
}
