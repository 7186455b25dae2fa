//! `cargo grade watch`: grade, wait for a change or a key, grade again.
//!
//! Three threads speak to this one through a channel: the file watcher, the keyboard, and the
//! grading run. A change in the middle of a run ends that run and begins another: its verdict would
//! be of a program that is gone.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use crossterm::{
    event::{KeyCode, KeyEventKind, KeyModifiers},
    terminal,
};
use faultline_grade::{Course, Error, Request, last_run, remember};
use faultline_report::{Shown, hint_text, printable, timings_text, watch_screen};
use faultline_verdict::{Event, Grade, Timings};
use notify::{RecursiveMode, Watcher};

use crate::{
    exit::{ALL_PASSED, INTERRUPTED},
    grade::request,
    output::width,
    places::places,
};

/// What an editor does in one save comes within this time.
const SAVE: Duration = Duration::from_millis(30);

/// Interval at which the watch checks whether the process was told to end.
const LOOK: Duration = Duration::from_millis(100);

enum Signal {
    Changed,
    Key(char),
    Graded(Box<Result<(Grade, Timings), Error>>),
}

/// What is watched: the lab that was asked for, or what was graded last.
///
/// # Errors
/// If nothing was asked for and nothing was graded yet.
pub fn watched(
    course: &Course,
    lab: Option<&str>,
    filters: &[String],
    path: Option<&Path>,
) -> Result<Request, Error> {
    if let Some(lab) = lab {
        return Ok(request(lab, filters, path));
    }
    let Some(last) = last_run(course)? else {
        let text = "nothing has been graded here yet, so name the lab to watch: `cargo grade watch \
                    LAB`";
        return Err(Error::Usage(text.to_owned()));
    };
    let path = path.or(last.submission.as_deref());
    Ok(request(&last.lab, filters, path))
}

/// Watches until it is told to quit. With `timings`, each verdict tells where the time went.
///
/// # Errors
/// A request that can never be carried out, such as an unknown lab, or a folder that cannot be
/// watched.
pub fn watch(
    course: &Course,
    request: Request,
    timings: bool,
    interrupt: &AtomicBool,
) -> Result<u8, Error> {
    let (send, receive) = channel();
    let folder = request
        .submission
        .clone()
        .unwrap_or_else(|| course.root.join("starter").join(&request.lab));
    let _watcher = watcher(&folder.join("src"), send.clone())?;
    let raw = RawMode::enter(send.clone());
    let mut session = Session {
        course: course.clone(),
        request,
        timings,
        send,
        raw: raw.is_some(),
        last: None,
        shown: Shown::Failure(0),
        run: None,
    };
    session.start(Instant::now());
    session.listen(&receive, interrupt)
}

fn watcher(folder: &Path, send: Sender<Signal>) -> Result<notify::RecommendedWatcher, Error> {
    let cannot = |error: notify::Error| {
        Error::Usage(format!("{} cannot be watched: {error}", folder.display()))
    };
    let handler = move |event: notify::Result<notify::Event>| {
        // Reading is no change; the grader itself reads on every run.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _gone = send.send(Signal::Changed);
        }
    };
    let mut watcher = notify::recommended_watcher(handler).map_err(cannot)?;
    watcher
        .watch(folder, RecursiveMode::Recursive)
        .map_err(cannot)?;
    Ok(watcher)
}

/// Keys arrive one by one while this lives; without a terminal there are none.
struct RawMode;

impl RawMode {
    fn enter(send: Sender<Signal>) -> Option<RawMode> {
        if !io::stdin().is_terminal()
            || !io::stdout().is_terminal()
            || terminal::enable_raw_mode().is_err()
        {
            return None;
        }
        std::thread::spawn(move || {
            while let Ok(event) = crossterm::event::read() {
                let Some(key) = event
                    .as_key_event()
                    .filter(|key| key.kind == KeyEventKind::Press)
                else {
                    continue;
                };
                let char = match key.code {
                    KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => 'q',
                    KeyCode::Char(char) => char,
                    KeyCode::Esc => 'q',
                    _ => continue,
                };
                if send.send(Signal::Key(char)).is_err() {
                    break;
                }
            }
        });
        Some(RawMode)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _not_raw = terminal::disable_raw_mode();
    }
}

/// A run that goes on.
struct Run {
    /// When the edit was seen that it is about.
    since: Instant,
    stop: Arc<AtomicBool>,
    /// The program has changed since it began.
    outdated: Option<Instant>,
}

/// What was graded last.
struct Last {
    grade: Grade,
    timings: Timings,
    /// From the edit to the verdict.
    took_ms: u64,
}

struct Session {
    course: Course,
    request: Request,
    timings: bool,
    send: Sender<Signal>,
    raw: bool,
    last: Option<Last>,
    shown: Shown,
    run: Option<Run>,
}

impl Session {
    fn listen(&mut self, receive: &Receiver<Signal>, interrupt: &AtomicBool) -> Result<u8, Error> {
        loop {
            match receive.recv_timeout(LOOK) {
                Ok(Signal::Changed) => {
                    let seen = Instant::now();
                    // One save is many events; keys that come meanwhile are rare enough to be lost.
                    while receive
                        .recv_timeout(SAVE)
                        .is_ok_and(|signal| matches!(signal, Signal::Changed))
                    {}
                    self.start(seen);
                }
                Ok(Signal::Key('q')) => return Ok(ALL_PASSED),
                Ok(Signal::Key(key)) => self.key(key),
                Ok(Signal::Graded(result)) => self.graded(*result)?,
                Err(RecvTimeoutError::Timeout) if interrupt.load(Ordering::Relaxed) => {
                    return Ok(INTERRUPTED);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(ALL_PASSED),
            }
        }
    }

    /// Begins a run, or makes the one that goes on end and begins when it has.
    fn start(&mut self, since: Instant) {
        if let Some(run) = &mut self.run {
            run.stop.store(true, Ordering::Relaxed);
            run.outdated.get_or_insert(since);
            return;
        }
        let (stop, send) = (Arc::new(AtomicBool::new(false)), self.send.clone());
        let (course, request) = (self.course.clone(), self.request.clone());
        self.run = Some(Run {
            since,
            stop: Arc::clone(&stop),
            outdated: None,
        });
        self.say("grading ...\n");
        std::thread::spawn(move || {
            let mut timings = Timings::default();
            let mut listen = |event: Event| {
                if let Event::Timed(told) = event {
                    timings = *told;
                }
            };
            let result = faultline_grade::grade(&course, &request, &mut listen, &stop);
            let result = result.map(|grade| (grade, timings));
            let _gone = send.send(Signal::Graded(Box::new(result)));
        });
    }

    fn graded(&mut self, result: Result<(Grade, Timings), Error>) -> Result<(), Error> {
        let Some(run) = self.run.take() else {
            return Ok(());
        };
        if let Some(since) = run.outdated {
            self.start(since);
            return Ok(());
        }
        match result {
            Ok((grade, timings)) => {
                remember(&self.course, &self.request, &grade)?;
                let took_ms = u64::try_from(run.since.elapsed().as_millis()).unwrap_or(u64::MAX);
                let last = Last {
                    grade,
                    timings,
                    took_ms,
                };
                (self.last, self.shown) = (Some(last), Shown::Failure(0));
                self.show();
                Ok(())
            }
            // A file may be missing for a moment, or the folder be unreadable: the next save may
            // mend it.
            Err(error @ Error::Usage(_)) if self.last.is_some() => {
                self.say(&format!("{}\n", printable(&error.to_string())));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn key(&mut self, key: char) {
        match (key, self.shown) {
            ('r', _) => self.start(Instant::now()),
            ('l', _) => {
                self.shown = Shown::List;
                self.show();
            }
            ('n', shown) => {
                self.shown = match shown {
                    Shown::Failure(number) => Shown::Failure(number + 1),
                    Shown::List => Shown::Failure(0),
                };
                self.show();
            }
            ('h', _) => self.hint(),
            _ => {}
        }
    }

    fn hint(&self) {
        let Some(Last { grade, .. }) = &self.last else {
            return;
        };
        let failures: Vec<&str> = grade
            .tests
            .iter()
            .filter(|verdict| verdict.failure.is_some())
            .map(|verdict| verdict.id.as_str())
            .collect();
        let number = if let Shown::Failure(number) = self.shown {
            number
        } else {
            0
        };
        let text = match failures.get(number % failures.len().max(1)) {
            None => "no test fails, so there is no hint\n".to_owned(),
            Some(test) => match faultline_grade::hint(&self.course, &self.whole_name(test)) {
                Ok(hint) => hint_text(&hint.test, &hint.kind, &hint.text, &hint.handout, width()),
                Err(error) => format!("{}\n", printable(&error.to_string())),
            },
        };
        self.say(&text);
    }

    fn whole_name(&self, test: &str) -> String {
        format!("{}/{test}", self.request.lab)
    }

    fn show(&self) {
        if let Some(last) = &self.last {
            let named = self.request.submission.as_deref();
            let places = places(&self.course, &self.request.lab, named);
            let screen = watch_screen(&last.grade, self.shown, last.took_ms, width(), &places);
            let timings = match self.timings {
                true => timings_text(&last.timings, width()),
                false => String::new(),
            };
            self.say(&format!("\n{screen}{timings}"));
        }
    }

    /// A terminal that sends every key at once also takes line feeds literally.
    fn say(&self, text: &str) {
        let text = if self.raw {
            text.replace('\n', "\r\n")
        } else {
            text.to_owned()
        };
        let mut out = io::stdout();
        let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}
