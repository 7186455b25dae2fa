//! Tries a sandbox out. What is only asked for may not be there: kernels, containers and
//! distributions switch off parts.

use std::{
    fs, io,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::AtomicBool,
    thread,
    time::Duration,
};

use tempfile::TempDir;

use super::{
    access::FileAccess,
    confine::{Sandbox, restrict_thread},
    limits,
};
use crate::{
    Toolchain, environment,
    supervise::{self, Ended, How, Supervised},
};

/// Nothing in the sources that are compiled, so it can only come from the file that must not be
/// read.
const SECRET: &str = "CANARY-4f1c9d";

/// Compiles, if the environment is empty.
const SMALL: &str = "#![no_std]\nconst _: () = assert!(option_env!(\"PATH\").is_none());\n";

/// Maximum time to compile a small crate on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A small world around a sandbox: what is inside, and what is not.
struct Scene {
    inside: TempDir,
    sources: TempDir,
    outside: TempDir,
}

impl Scene {
    fn new(temporary: &Path) -> io::Result<Scene> {
        let folder = || {
            tempfile::Builder::new()
                .prefix("faultline-probe-")
                .tempdir_in(temporary)
        };
        let scene = Scene {
            inside: folder()?,
            sources: folder()?,
            outside: folder()?,
        };
        fs::write(scene.canary(), SECRET)?;
        fs::write(scene.sources.path().join("small.rs"), SMALL)?;
        let reads = format!(
            "compile_error!(include_str!({:?}));\n",
            scene.canary().display().to_string()
        );
        fs::write(scene.sources.path().join("reads.rs"), reads)?;
        Ok(scene)
    }

    fn canary(&self) -> PathBuf {
        self.outside.path().join("canary.txt")
    }

    fn access(&self, toolchain: &Toolchain) -> FileAccess {
        FileAccess {
            readable: vec![
                toolchain.sysroot().to_owned(),
                self.sources.path().to_owned(),
            ],
            writable: self.inside.path().to_owned(),
        }
    }

    fn compile(
        &self,
        sandbox: &Sandbox,
        toolchain: &Toolchain,
        source: &str,
        product: PathBuf,
    ) -> Result<Ended, String> {
        let mut emit = std::ffi::OsString::from("metadata=");
        emit.push(product);
        let mut command = Command::new(toolchain.rustc());
        environment::empty(&mut command, self.inside.path());
        command.current_dir(self.sources.path()).args([
            "--edition",
            "2024",
            "--crate-type",
            "lib",
            "--emit",
        ]);
        command.arg(emit).arg(source);
        let limits = Supervised {
            wall: PATIENCE,
            output_bytes: 64 << 10,
            stdin: Vec::new(),
            keep_stdin_open: false,
            interrupt: &AtomicBool::new(false),
            grace: Duration::ZERO,
        };
        sandbox
            .run(command, &self.access(toolchain), PATIENCE, &limits)
            .map_err(|error| error.to_string())
    }
}

/// Sandboxes a thread and tries to get out; gives the version of Landlock.
pub(super) fn thread(toolchain: &Toolchain, temporary: &Path) -> Result<u32, String> {
    let scene = Scene::new(temporary).map_err(|error| format!("cannot try it: {error}"))?;
    let listener =
        TcpListener::bind("127.0.0.1:0").map_err(|error| format!("cannot try it: {error}"))?;
    let address = listener
        .local_addr()
        .map_err(|error| format!("cannot try it: {error}"))?;
    let attempt = || {
        let abi = restrict_thread(&scene.access(toolchain)).map_err(|error| error.to_string())?;
        let refused = |what: &str, result: io::Result<()>| match result {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            other => Err(format!("sandboxed, {what} was not refused ({other:?})")),
        };
        refused(
            "reading a file elsewhere",
            fs::read(scene.canary()).map(|_| ()),
        )?;
        refused(
            "writing a file elsewhere",
            fs::write(scene.outside.path().join("written"), "x"),
        )?;
        refused("a connection", TcpStream::connect(address).map(|_| ()))?;
        Ok(abi)
    };
    thread::scope(|scope| {
        scope
            .spawn(attempt)
            .join()
            .unwrap_or_else(|_| Err("trying it panicked".to_owned()))
    })
}

/// Lets the compiler try the same, and do what it is there for.
pub(super) fn compiler(
    sandbox: &Sandbox,
    toolchain: &Toolchain,
    temporary: &Path,
) -> Result<(), String> {
    let scene = Scene::new(temporary).map_err(|error| format!("cannot try it: {error}"))?;
    let product = scene.inside.path().join("small.rmeta");
    let escaped = scene.outside.path().join("small.rmeta");
    let (compiled, written, read) = thread::scope(|scope| {
        let compiled =
            scope.spawn(|| scene.compile(sandbox, toolchain, "small.rs", product.clone()));
        let written =
            scope.spawn(|| scene.compile(sandbox, toolchain, "small.rs", escaped.clone()));
        let read = scene.compile(
            sandbox,
            toolchain,
            "reads.rs",
            scene.inside.path().join("reads.rmeta"),
        );
        let panicked = |_| Err("trying it panicked".to_owned());
        (
            compiled.join().unwrap_or_else(panicked),
            written.join().unwrap_or_else(panicked),
            read,
        )
    });
    let compiled = compiled?;
    if !(succeeded(&compiled) && product.is_file()) {
        let said = String::from_utf8_lossy(&compiled.stderr)
            .trim_end()
            .to_owned();
        return Err(format!(
            "sandboxed, the compiler does not work ({:?}): {said}",
            compiled.how
        ));
    }
    written?;
    if escaped.exists() {
        return Err("sandboxed, the compiler wrote a file elsewhere".to_owned());
    }
    let read = read?;
    if succeeded(&read) || String::from_utf8_lossy(&read.stderr).contains(SECRET) {
        return Err("sandboxed, the compiler read a file elsewhere".to_owned());
    }
    Ok(())
}

/// Whether the compiler sees nothing of this process's environment.
pub(super) fn environment(toolchain: &Toolchain) -> Result<String, String> {
    let scene =
        Scene::new(&std::env::temp_dir()).map_err(|error| format!("cannot try it: {error}"))?;
    let ended = scene.compile(
        &Sandbox::none(),
        toolchain,
        "small.rs",
        scene.inside.path().join("small.rmeta"),
    )?;
    if succeeded(&ended) {
        return Ok("a crate that wants no PATH compiled".to_owned());
    }
    Err(format!(
        "a crate that wants no PATH did not compile: {}",
        String::from_utf8_lossy(&ended.stderr).trim_end()
    ))
}

/// Whether a child gets limits, and a process group of its own.
pub(super) fn child(toolchain: &Toolchain) -> (Result<String, String>, Result<String, String>) {
    use rustix::process::{Pid, getpgid};
    let (mut limited, mut grouped) = (
        Err("it was not tried".to_owned()),
        Err("it was not tried".to_owned()),
    );
    let mut command = Command::new(toolchain.rustc());
    // It waits for its source until the input is closed.
    environment::empty(&mut command, &std::env::temp_dir()).args([
        "--emit",
        "metadata=/dev/null",
        "-",
    ]);
    let supervised = Supervised {
        wall: Duration::ZERO,
        output_bytes: 64 << 10,
        stdin: Vec::new(),
        keep_stdin_open: true,
        interrupt: &AtomicBool::new(false),
        grace: Duration::ZERO,
    };
    let started = |child: &std::process::Child| {
        limited = limits::set(child, PATIENCE)
            .and_then(|()| limits::memory(child))
            .map_err(|error| error.to_string())
            .and_then(|bytes| match bytes {
                Some(bytes) if bytes <= limits::MEMORY_BYTES => {
                    Ok(format!("a child was limited to {bytes} bytes"))
                }
                other => Err(format!("a child's limit of memory is {other:?}")),
            });
        let pid = Pid::from_child(child);
        grouped = match getpgid(Some(pid)) {
            Ok(group) if group == pid => Ok("a child leads a group of its own".to_owned()),
            other => Err(format!("a child belongs to another group ({other:?})")),
        };
        Ok(())
    };
    if let Err(error) = supervise::run_after(command, &supervised, || Ok(()), started) {
        return (Err(error.to_string()), Err(error.to_string()));
    }
    (limited, grouped)
}

/// Whether a sandboxed thread is refused a socket.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) fn calls() -> Result<String, String> {
    let attempt = || {
        super::seccomp::restrict_thread()?;
        match std::net::UdpSocket::bind("127.0.0.1:0") {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Ok("a socket was refused".to_owned())
            }
            other => Err(format!("a socket was not refused ({other:?})")),
        }
    };
    thread::scope(|scope| {
        scope
            .spawn(attempt)
            .join()
            .unwrap_or_else(|_| Err("trying it panicked".to_owned()))
    })
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn calls() -> Result<String, String> {
    Err(format!(
        "the filter is not known for {}",
        std::env::consts::ARCH
    ))
}

fn succeeded(ended: &Ended) -> bool {
    matches!(ended.how, How::Exited(status) if status.success())
}
