//! Runs one command to its end, or ends it: a deadline, an interrupt, a bound on what it may print.
//!
//! A command is the leader of a process group of its own, and the whole group is killed: killing
//! only rustc would leave its linker, and killing only what was wrapped around rustc would leave
//! rustc. What a command leaves behind when it ends by itself is killed, too. (On Windows there are
//! no such groups in the standard library; there only the command itself is killed.)

use std::{
    future::pending,
    io,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{ChildStderr, ChildStdin, ChildStdout},
    select,
    sync::oneshot,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};

/// Interval at which the interrupt flag is checked. A person who presses Ctrl-C does not notice it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Maximum time to wait for output after the group is dead. Only a process that left the group can
/// still hold the pipe.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a command may use, and what it is given.
#[derive(Clone, Debug)]
pub struct Supervised<'a> {
    /// How long it may run, by the wall clock.
    pub wall: Duration,
    /// How many bytes of its standard output, and as many of its standard error, are kept. The rest
    /// is read and forgotten: a full pipe would stop the command.
    pub output_bytes: u64,
    /// What it reads from its standard input.
    pub stdin: Vec<u8>,
    /// Whether its standard input stays open after that. Then closing it asks the command to end.
    pub keep_stdin_open: bool,
    /// Ends the command when it becomes true.
    pub interrupt: &'a AtomicBool,
    /// How long the command has to clean up after its input was closed, if it was kept open.
    pub grace: Duration,
}

/// How a command came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By itself, or killed by somebody else.
    Exited(ExitStatus),
    /// It ran longer than it may.
    OverTime,
    /// The interrupt flag was set.
    Interrupted,
}

/// A command that has ended. Nothing of its process group is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub how: How,
    /// The beginning of its standard output.
    pub stdout: Vec<u8>,
    /// The beginning of its standard error.
    pub stderr: Vec<u8>,
    /// Whether it printed more than was kept.
    pub truncated: bool,
}

/// Runs a command until it ends or is ended.
///
/// # Errors
/// It cannot be started or watched.
pub fn run(command: Command, limits: &Supervised<'_>) -> io::Result<Ended> {
    run_after(command, limits, || Ok(()), |_| Ok(()))
}

/// The same; `before` is called on the thread that will start the command, which does nothing else
/// (so it may restrict itself), and `started` as soon as the command runs.
pub(crate) fn run_after(
    command: Command,
    limits: &Supervised<'_>,
    before: impl FnOnce() -> io::Result<()> + Send,
    started: impl FnOnce(&Child) -> io::Result<()> + Send,
) -> io::Result<Ended> {
    // A thread of its own: the caller may be inside a runtime already, and must not be
    // sandboxed.
    thread::scope(|scope| {
        let supervise = move || {
            before()?;
            supervise(command, limits, started)
        };
        let thread = thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn_scoped(scope, supervise)?;
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn supervise(
    mut command: Command,
    limits: &Supervised<'_>,
    started: impl FnOnce(&Child) -> io::Result<()>,
) -> io::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let has_input = limits.keep_stdin_open || !limits.stdin.is_empty();
    command.stdin(if has_input {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut group = Group {
        leader: Arc::new(Mutex::new(command.spawn()?)),
        reaped: false,
    };
    started(&group.leader())?;
    runtime.block_on(watch(&mut group, limits))
}

async fn watch(group: &mut Group, limits: &Supervised<'_>) -> io::Result<Ended> {
    let (mut stdout, mut stderr) = (Captured::default(), Captured::default());
    let (close, closed) = oneshot::channel();
    let mut close = Some(close);
    let how = {
        let (out, err, input) = group.pipes()?;
        let talking = async {
            tokio::join!(
                stdout.read(out, limits.output_bytes),
                stderr.read(err, limits.output_bytes),
                feed(input, limits, closed)
            )
        };
        let ended = group.ended()?;
        tokio::pin!(talking, ended);
        let mut silent = false;
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let deadline = Instant::now() + limits.wall;
        let (mut stopped, mut kill_at) = (None, None);
        loop {
            select! {
                result = &mut ended => break result?,
                _ = &mut talking, if !silent => silent = true,
                () = sleep_until(deadline), if stopped.is_none() => stopped = Some(How::OverTime),
                _ = look.tick(), if stopped.is_none() => {
                    if limits.interrupt.load(Ordering::Relaxed) {
                        stopped = Some(How::Interrupted);
                    }
                }
                () = sleep_until(kill_at.unwrap_or(deadline)), if kill_at.is_some() => {
                    group.kill();
                    kill_at = None;
                }
            }
            if stopped.is_some() && close.take().is_some() {
                // The sender is gone now, which closes the input.
                let grace = if limits.keep_stdin_open {
                    limits.grace
                } else {
                    Duration::ZERO
                };
                kill_at = Some(Instant::now() + grace);
            }
        }
        // Nobody has waited for the leader yet, so its number still names this group and no other.
        group.kill();
        drop(close);
        if !silent {
            let _ = timeout(LAST_WORDS, talking).await;
        }
        stopped
    };
    let status = group.reap()?;
    let truncated = stdout.truncated || stderr.truncated;
    Ok(Ended {
        how: how.unwrap_or(How::Exited(status)),
        stdout: stdout.bytes,
        stderr: stderr.bytes,
        truncated,
    })
}

/// Writes the input and closes it: at once, or when it is time to end.
async fn feed(input: Option<ChildStdin>, limits: &Supervised<'_>, closed: oneshot::Receiver<()>) {
    let Some(mut input) = input else { return };
    let write = async {
        // A command that does not read its input to the end has its reasons.
        let _ = input.write_all(&limits.stdin).await;
        let _ = input.flush().await;
        if limits.keep_stdin_open {
            pending::<()>().await;
        }
    };
    select! {
        () = write => {}
        _ = closed => {}
    }
}

/// The beginning of what came out of a pipe.
#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    truncated: bool,
}

impl Captured {
    async fn read(&mut self, pipe: Option<impl AsyncRead + Unpin>, limit: u64) {
        let Some(mut pipe) = pipe else { return };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut chunk = vec![0; 64 << 10];
        // An error ends the output like its end does; how the command ended says more.
        while let Ok(length @ 1..) = pipe.read(&mut chunk).await {
            let kept = length.min(limit - self.bytes.len());
            self.bytes.extend_from_slice(&chunk[..kept]);
            self.truncated |= kept < length;
        }
    }
}

/// A command and the processes that it started. Dropping it kills them.
struct Group {
    leader: Arc<Mutex<Child>>,
    reaped: bool,
}

type Pipes = (Option<ChildStdout>, Option<ChildStderr>, Option<ChildStdin>);

impl Group {
    fn leader(&self) -> MutexGuard<'_, Child> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pipes(&self) -> io::Result<Pipes> {
        let mut leader = self.leader();
        let out = leader
            .stdout
            .take()
            .map(ChildStdout::from_std)
            .transpose()?;
        let err = leader
            .stderr
            .take()
            .map(ChildStderr::from_std)
            .transpose()?;
        let input = leader.stdin.take().map(ChildStdin::from_std).transpose()?;
        Ok((out, err, input))
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        self.reaped = true;
        self.leader().wait()
    }
}

#[cfg(unix)]
impl Group {
    fn kill(&self) {
        // It fails if nobody is left, which is what is wanted.
        let leader = rustix::process::Pid::from_child(&self.leader());
        let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
    }

    /// Waits for the end of the leader, but leaves it to be reaped: until then nobody else gets its
    /// number.
    fn ended(&self) -> io::Result<impl Future<Output = io::Result<()>> + use<>> {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let leader = Pid::from_child(&self.leader());
        let (tell, told) = oneshot::channel();
        thread::Builder::new()
            .name("waiting for a child".to_owned())
            .spawn(move || {
                let result = loop {
                    match waitid(
                        WaitId::Pid(leader),
                        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
                    ) {
                        Err(rustix::io::Errno::INTR) => {}
                        other => break other.map(|_| ()).map_err(io::Error::from),
                    }
                };
                // Nobody listens if the supervisor gave up for another reason.
                let _ = tell.send(result);
            })?;
        Ok(async move {
            told.await
                .unwrap_or_else(|_| Err(io::Error::other("nobody waits for the command")))
        })
    }
}

#[cfg(not(unix))]
impl Group {
    fn kill(&self) {
        // It fails if the command has ended, which is what is wanted.
        let _ = self.leader().kill();
    }

    /// Waits for the end of the leader. The standard library can only ask.
    fn ended(&self) -> io::Result<impl Future<Output = io::Result<()>> + use<>> {
        let leader = Arc::clone(&self.leader);
        Ok(async move {
            loop {
                if leader
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .try_wait()?
                    .is_some()
                {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            let _ = self.leader().wait();
        }
    }
}
