//! The machines of the workers: they compute map and reduce functions, and know what each must be
//! given.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use faultline_sim::{
    Computation, Ends, IncarnationId, Machines,
    choice::{About, Choices},
};
use lab1_api::{Application, Group, Job, JobId, Record, Split, Task, output_file};
use labkit::{Inputs, codec};

/// A task of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// The job that it belongs to.
    pub job: JobId,
    /// What it does.
    pub kind: TaskKind,
    /// The number of the split or of the partition.
    pub number: u32,
}

/// What a piece of work does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskKind {
    /// It maps a split.
    Map,
    /// It reduces a partition.
    Reduce,
}

impl Piece {
    /// A map task.
    pub fn map(job: JobId, number: u32) -> Piece {
        Piece {
            job,
            kind: TaskKind::Map,
            number,
        }
    }

    /// A reduce task.
    pub fn reduce(job: JobId, number: u32) -> Piece {
        Piece {
            job,
            kind: TaskKind::Reduce,
            number,
        }
    }

    /// In words: `map 3`, of other jobs than the first `map 3 of job 2`.
    pub fn label(self) -> String {
        let kind = if self.kind == TaskKind::Map {
            "map"
        } else {
            "reduce"
        };
        match self.job {
            1 => format!("{kind} {}", self.number),
            job => format!("{kind} {} of job {job}", self.number),
        }
    }
}

/// How long tasks take on a machine that is not slow.
#[derive(Clone, Debug)]
pub struct Takes {
    /// A map task.
    pub map: Duration,
    /// A reduce task.
    pub reduce: Duration,
    /// The maximum, in per mille, by which a task takes longer; another one for each task.
    pub spread: u32,
    /// Other tasks than these two.
    pub special: BTreeMap<Piece, Duration>,
}

impl Takes {
    /// All map tasks take this long, and all reduce tasks that.
    pub fn equal(map: Duration, reduce: Duration) -> Takes {
        Takes {
            map,
            reduce,
            spread: 0,
            special: BTreeMap::new(),
        }
    }
}

/// A job, and what a sequential run makes of it.
#[derive(Debug)]
struct Expected {
    job: Job,
    /// For each key, the values of each split that has any, in order.
    values: BTreeMap<String, Vec<(u32, Vec<String>)>>,
    output: BTreeMap<String, String>,
}

/// The machines of a run.
#[derive(Debug)]
pub struct Plant {
    jobs: BTreeMap<JobId, Expected>,
    inputs: Inputs,
    takes: Takes,
    choices: Choices,
    /// Crashes each machine that computes it.
    poison: Option<Piece>,
    seen: Mutex<Seen>,
}

/// What was started so far.
#[derive(Debug, Default)]
struct Seen {
    /// In the order of the world's own list of work.
    pieces: Vec<Piece>,
    /// The keys of each reduce task that has begun.
    keys: BTreeMap<Piece, BTreeSet<String>>,
}

impl Plant {
    /// For these jobs and inputs.
    pub fn new(
        jobs: &[Job],
        inputs: &Inputs,
        takes: Takes,
        poison: Option<Piece>,
        choices: Choices,
    ) -> Plant {
        let jobs = jobs
            .iter()
            .map(|job| (job.id, expected(job, inputs)))
            .collect();
        Plant {
            jobs,
            inputs: inputs.clone(),
            takes,
            choices,
            poison,
            seen: Mutex::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("nobody panics with it")
    }

    /// A new world has begun.
    pub fn begin(&self) {
        *self.seen() = Seen::default();
    }

    /// The job of this number.
    pub fn job(&self, job: JobId) -> &Job {
        &self.jobs[&job].job
    }

    /// The output of a sequential run.
    pub fn output(&self, job: JobId) -> &BTreeMap<String, String> {
        &self.jobs[&job].output
    }

    /// Holds the output files of a job (the records of each reduce task) against the output of a
    /// sequential run.
    ///
    /// # Errors
    /// What is wrong, and in which file, if one has it.
    pub fn compare<'f>(
        &self,
        job: JobId,
        file: impl Fn(u32) -> Option<Vec<&'f [u8]>>,
    ) -> Result<(), (String, Option<u32>)> {
        let mut got: BTreeMap<String, (String, u32)> = BTreeMap::new();
        for reduce in 0..self.job(job).reduce_tasks {
            let name = output_file(job, reduce);
            for record in file(reduce).unwrap_or_default() {
                let Ok(Record { key, value }) = codec::from_bytes(record) else {
                    return Err((
                        format!("{name} holds something that is no `Record`"),
                        Some(reduce),
                    ));
                };
                if let Some((before, other)) = got.insert(key.clone(), (value.clone(), reduce)) {
                    let other = output_file(job, other);
                    let text = format!(
                        "{key:?} has two records: {before:?} in {other} and {value:?} in {name}"
                    );
                    return Err((text, Some(reduce)));
                }
            }
        }
        let expected = self.output(job);
        let value = |key: &String| got.get(key).map(|(value, _)| value);
        let Some(key) = expected
            .keys()
            .chain(got.keys())
            .find(|key| expected.get(*key) != value(key))
        else {
            return Ok(());
        };
        let show = |value: Option<&String>| {
            value.map_or("missing".to_owned(), |value| format!("{value:?}"))
        };
        let (wanted, found) = (show(expected.get(key)), show(value(key)));
        let text = format!(
            "the output of job {job} has {key:?}: {found}; the sequential run gives {wanted}"
        );
        Err((text, got.get(key).map(|(_, reduce)| *reduce)))
    }

    /// How many bytes the keys and values of all intermediate records of a job have, and how many
    /// records there are.
    pub fn intermediate(&self, job: JobId) -> (u64, u64) {
        let values = self.jobs[&job].values.iter().flat_map(|(key, of)| {
            of.iter()
                .flat_map(|(_, values)| values)
                .map(move |value| (key.len() + value.len()) as u64)
        });
        values.fold((0, 0), |(bytes, records), length| {
            (bytes + length, records + 1)
        })
    }

    /// The tasks that were started, in the order of the world's own list.
    pub fn pieces(&self) -> Vec<Piece> {
        self.seen().pieces.clone()
    }

    /// How long a piece of work takes on a machine of usual speed.
    pub fn takes(&self, piece: Piece) -> Duration {
        let plain = match piece.kind {
            TaskKind::Map => self.takes.map,
            TaskKind::Reduce => self.takes.reduce,
        };
        if let Some(special) = self.takes.special.get(&piece) {
            return *special;
        }
        let who = piece.job << 1 | (piece.kind == TaskKind::Reduce) as u64;
        let mut more =
            self.choices
                .draw(About::Workload, 0x7A5C_0000 | who, u64::from(piece.number));
        plain + plain * more.below(u64::from(self.takes.spread) + 1) as u32 / 1000
    }

    fn check_map(
        &self,
        job: &Job,
        app: lab1_api::App,
        split: u32,
        name: &str,
        text: &str,
    ) -> Result<(), String> {
        let Some(expected) = job.splits.get(split as usize) else {
            return Err(format!(
                "a map task for split {split}, but the job has only {} splits",
                job.splits.len()
            ));
        };
        if expected != name {
            return Err(format!(
                "a map task for split {split} with the name {name:?}, but its name is {expected:?}"
            ));
        }
        if self.inputs.get(name).is_some_and(|input| input != text) {
            return Err(format!(
                "a map task for split {split} with another text than the input {name:?} has"
            ));
        }
        same_app(job, app)
    }

    fn check_reduce(&self, known: &Expected, piece: Piece, groups: &[Group]) -> Result<(), String> {
        if piece.number >= known.job.reduce_tasks {
            return Err(format!(
                "reduce task {}, but the job has only {} reduce tasks",
                piece.number, known.job.reduce_tasks
            ));
        }
        // Where there are several jobs, the first one needs its number, too.
        let of = match piece.job == 1 && self.jobs.len() > 1 {
            true => " of job 1",
            false => "",
        };
        let what = |text: String| Err(format!("{}{of} with {text}", piece.label()));
        let mut keys = BTreeSet::new();
        for group in groups {
            let Some(values) = known.values.get(&group.key) else {
                return what(format!("the key {:?}, which no split has", group.key));
            };
            if !keys.insert(group.key.clone()) {
                return what(format!("the key {:?} twice", group.key));
            }
            if !values
                .iter()
                .flat_map(|(_, values)| values)
                .eq(&group.values)
            {
                let got = group.values.len();
                let wanted: usize = values.iter().map(|(_, values)| values.len()).sum();
                let how = compare(values, &group.values);
                let values = if got == 1 { "value" } else { "values" };
                return what(format!(
                    "{got} {values} of {:?}, and the splits have {wanted}: {how}",
                    group.key
                ));
            }
        }
        self.check_keys(piece, keys).or_else(what)
    }

    /// A reduce task has the same keys each time, and no other one has them.
    fn check_keys(&self, piece: Piece, keys: BTreeSet<String>) -> Result<(), String> {
        let mut seen = self.seen();
        let other = seen
            .keys
            .iter()
            .filter(|(other, _)| other.job == piece.job)
            .find_map(|(other, theirs)| {
                let differs = if *other == piece {
                    *theirs != keys
                } else {
                    !theirs.is_disjoint(&keys)
                };
                differs.then(|| {
                    (
                        *other,
                        keys.symmetric_difference(theirs).next(),
                        keys.intersection(theirs).next(),
                    )
                })
            });
        if let Some((other, difference, common)) = other {
            let key = if other == piece { difference } else { common };
            let how = if other == piece {
                "an earlier execution of it had other keys"
            } else {
                "another one has it, too"
            };
            let other = if other == piece {
                String::new()
            } else {
                format!(" ({})", other.label())
            };
            return Err(format!(
                "other keys than it may have: look at {key:?}; {how}{other}"
            ));
        }
        seen.keys.insert(piece, keys);
        Ok(())
    }
}

/// In which way the values of a key are not those of the splits.
fn compare(wanted: &[(u32, Vec<String>)], got: &[String]) -> String {
    if let Some(times) = times_of_each(wanted, got) {
        let wrong: Vec<String> = wanted
            .iter()
            .zip(times)
            .filter(|(_, times)| *times != 1)
            .map(|((split, values), times)| {
                let equal: Vec<String> = wanted
                    .iter()
                    .filter(|(_, theirs)| theirs == values)
                    .map(|(other, _)| other.to_string())
                    .collect();
                // Values do not tell which of several splits with equal ones it was.
                let which = match equal.as_slice() {
                    [] | [_] => format!("split {split}"),
                    equal => format!(
                        "one of the splits {}, whose values are equal",
                        equal.join(", ")
                    ),
                };
                match times {
                    0 => format!("nothing of {which}"),
                    times => format!("{times} times the values of {which}"),
                }
            })
            .collect();
        return wrong.join("; ");
    }
    let flat: Vec<&String> = wanted.iter().flat_map(|(_, values)| values).collect();
    let mut sorted: (Vec<&String>, Vec<&String>) = (flat.clone(), got.iter().collect());
    sorted.0.sort();
    sorted.1.sort();
    if sorted.0 == sorted.1 {
        let at = flat
            .iter()
            .zip(got)
            .position(|(wanted, got)| *wanted != got)
            .unwrap_or(0);
        return format!(
            "the order is another; value {at} should be {:?} and is {:?}",
            flat[at], got[at]
        );
    }
    format!("expected {}, got {}", list(&flat), list(got))
}

/// How often the values of each split follow each other there, if it is nothing else: with as few
/// splits as possible that are missing or come more than once. Splits are left out or repeated as a
/// whole, so this is a shortest path over how much of `got` is explained.
fn times_of_each(wanted: &[(u32, Vec<String>)], got: &[String]) -> Option<Vec<usize>> {
    // For each number of values that the splits so far explain: how many are wrong, and how often
    // each of them came.
    let mut ways = BTreeMap::from([(0, (0, Vec::new()))]);
    for (_, values) in wanted {
        let mut next: BTreeMap<usize, (usize, Vec<usize>)> = BTreeMap::new();
        for (begin, (wrong, times)) in ways {
            let (mut end, mut nth) = (begin, 0);
            loop {
                let way = (
                    wrong + usize::abs_diff(nth, 1),
                    times.iter().copied().chain([nth]).collect(),
                );
                match next.get(&end) {
                    Some(known) if *known <= way => {}
                    _ => {
                        next.insert(end, way);
                    }
                }
                if values.is_empty() || !got[end..].starts_with(values) {
                    break;
                }
                (end, nth) = (end + values.len(), nth + 1);
            }
        }
        ways = next;
    }
    ways.remove(&got.len()).map(|(_, times)| times)
}

fn list<T: std::fmt::Debug>(values: &[T]) -> String {
    match values {
        [first, second, third, _, ..] => format!("[{first:?}, {second:?}, {third:?}, ...]"),
        all => format!("{all:?}"),
    }
}

fn same_app(job: &Job, app: lab1_api::App) -> Result<(), String> {
    if job.app == app {
        Ok(())
    } else {
        Err("the application of another job".to_owned())
    }
}

fn expected(job: &Job, inputs: &Inputs) -> Expected {
    let mut values: BTreeMap<String, Vec<(u32, Vec<String>)>> = BTreeMap::new();
    for (split, name) in (0..).zip(&job.splits) {
        for Record { key, value } in job.app.map(&Split {
            name: name.clone(),
            text: inputs[name].clone(),
        }) {
            let of = values.entry(key).or_default();
            match of.last_mut() {
                Some((last, known)) if *last == split => known.push(value),
                _ => of.push((split, vec![value])),
            }
        }
    }
    let flat = |of: &Vec<(u32, Vec<String>)>| {
        of.iter()
            .flat_map(|(_, values)| values.clone())
            .collect::<Vec<String>>()
    };
    let output = values
        .iter()
        .map(|(key, of)| (key.clone(), job.app.reduce(key, &flat(of))))
        .collect();
    Expected {
        job: job.clone(),
        values,
        output,
    }
}

impl Machines for Plant {
    fn compute(&self, by: IncarnationId, task: &[u8]) -> Result<Computation, String> {
        let task: Task = codec::from_bytes(task)
            .map_err(|error| format!("{} started work that is not a task: {error}", by.node))?;
        let (job, piece) = match &task {
            Task::Map { job, split, .. } => (*job, Piece::map(*job, *split)),
            Task::Reduce { job, reduce, .. } => (*job, Piece::reduce(*job, *reduce)),
        };
        let Some(known) = self.jobs.get(&job) else {
            return Err(format!(
                "{} started a task of job {job}, which nobody submitted",
                by.node
            ));
        };
        let checked = match &task {
            Task::Map {
                app,
                split,
                name,
                text,
                ..
            } => self.check_map(&known.job, *app, *split, name, text),
            Task::Reduce { app, groups, .. } => {
                same_app(&known.job, *app).and_then(|()| self.check_reduce(known, piece, groups))
            }
        };
        checked.map_err(|why| format!("{} started {why}", by.node))?;
        self.seen().pieces.push(piece);
        let ends = if self.poison == Some(piece) {
            Ends::Crash
        } else {
            Ends::Done(codec::to_bytes(&task.compute()).expect("records have bytes"))
        };
        Ok(Computation {
            label: piece.label(),
            takes: self.takes(piece),
            ends,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_of_the_right_split() {
        let values = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let wanted: Vec<(u32, Vec<String>)> = (3..)
            .zip([["x"], ["a"], ["a"], ["b"]])
            .map(|(split, of)| (split, values(&of)))
            .collect();
        let of = |got: &[&str]| compare(&wanted, &values(got));
        assert_eq!(of(&["a", "a", "b"]), "nothing of split 3");
        assert_eq!(
            of(&["x", "a", "a", "a", "b"]),
            "2 times the values of one of the splits 4, 5, whose values are equal"
        );
        assert_eq!(
            of(&["x", "a", "a", "b", "b"]),
            "2 times the values of split 6"
        );
    }
}
