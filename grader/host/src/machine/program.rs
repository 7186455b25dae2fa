//! A module, compiled to machine code and ready to become nodes.

use std::sync::Arc;

use faultline_sim::backend::BackendError;
use wasmtime::{
    Engine, Extern, Func, Instance as WasmInstance, InstancePre, Linker, Module, ModuleExport,
    Store,
};

use super::{
    host::Host,
    imports,
    limits::Limits,
    node::{Instance, NoAnswer},
    places::Places,
    printed::Printed,
    rewrite::rewritten,
};
use crate::ToolError;

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
    ) -> Result<Program, ToolError> {
        let wasm = rewritten(wasm);
        let module =
            Module::from_binary(engine, &wasm).map_err(ToolError::engine("compile the module"))?;
        let exports = Exports::of(&module)?;
        let mut linker = Linker::new(engine);
        imports::define(&mut linker, &module)?;
        let template = linker
            .instantiate_pre(&module)
            .map_err(ToolError::engine("link the module"))?;
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
        self.try_instance(entropy, printed).map_err(|error| {
            NoAnswer::Dead(BackendError::Broken(format!(
                "the wasm engine cannot make an instance: {error:#}"
            )))
        })
    }

    fn try_instance(&self, entropy: u64, printed: Printed) -> wasmtime::Result<Instance> {
        let (mut store, instance) = self.bare_instance(entropy, printed)?;
        let exports = &self.shared.exports;
        let memory = instance
            .get_module_export(&mut store, &exports.memory)
            .and_then(Extern::into_memory);
        let memory =
            memory.ok_or_else(|| wasmtime::format_err!("the export `memory` is no memory"))?;
        store.data_mut().memory = Some(memory);
        if let Some(constructors) = &exports.constructors {
            function(&mut store, &instance, constructors)?
                .typed::<(), ()>(&store)?
                .call(&mut store, ())?;
        }
        let input = function(&mut store, &instance, &exports.input)?.typed(&store)?;
        let call = function(&mut store, &instance, &exports.call)?.typed(&store)?;
        let stack_pointer = exports.stack_pointer.as_ref();
        let stack_pointer =
            stack_pointer.and_then(|export| instance.get_module_export(&mut store, export));
        let stack_pointer = stack_pointer.and_then(Extern::into_global);
        Ok(Instance {
            store,
            places: Arc::clone(&self.shared.places),
            memory,
            stack_pointer,
            input,
            call,
            input_at: 0,
            input_room: 0,
            used: 0,
        })
    }

    fn bare_instance(
        &self,
        entropy: u64,
        printed: Printed,
    ) -> wasmtime::Result<(Store<Host>, WasmInstance)> {
        let Shared {
            engine,
            template,
            limits,
            ..
        } = &*self.shared;
        let mut store = Store::new(engine, Host::new(*limits, entropy, printed));
        store.limiter(|host| host);
        store.set_fuel(limits.fuel)?;
        let instance = template.instantiate(&mut store)?;
        Ok((store, instance))
    }

    /// Makes one instance, too, so that a module that cannot have any is found here.
    fn check_version(&self) -> Result<(), ToolError> {
        let ask = || {
            let (mut store, instance) = self.bare_instance(0, Printed::default())?;
            instance
                .get_typed_func::<(), u32>(&mut store, "faultline_version")?
                .call(&mut store, ())
        };
        let version = ask().map_err(ToolError::engine("start the module"))?;
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
