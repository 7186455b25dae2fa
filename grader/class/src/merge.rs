//! Joins what several machines did to what one would have done, byte for byte.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use faultline_verdict::{Class, Grade};

use faultline_grade::{Error, parts::broken, write_whole};

use super::{
    plan::Plan,
    record::Record,
    request::{ClassListener, Kept},
    store::{PREFLIGHT, Store},
    submission::sources,
};

/// What to join.
#[derive(Clone, Debug)]
pub struct MergeRequest {
    /// The folder of the joined results.
    pub out: PathBuf,
    /// The folders of the shards.
    pub shards: Vec<PathBuf>,
}

/// Joins the results of shards. A submission that none of them has stays pending.
///
/// # Errors
/// [`Error::Usage`] if a folder holds no results, if they are results of different things (another
/// roster, salt, suite, grader), or if two of them have different results for one submission. Then
/// nothing is written.
pub fn merge(request: &MergeRequest, listener: &mut dyn ClassListener) -> Result<Class, Error> {
    let shards = request.shards.iter().map(|folder| Store::look(folder));
    let shards: Vec<Store> = shards.collect::<Result<_, Error>>()?;
    let Some((first, others)) = shards.split_first() else {
        return Err(Error::Usage(
            "nothing to merge: name the folders of the shards".to_owned(),
        ));
    };
    let plan = first.plan()?;
    for other in others {
        if other.plan()? != plan {
            let (one, two) = (first.out().display(), other.out().display());
            let text = "they are no shards of one class: lab, batch.toml, salt, suite, rubric, \
                        compiler and grader must be the same";
            return Err(Error::Usage(format!("{one} and {two}: {text}")));
        }
    }
    let found = all_results(&shards, &plan)?;
    Store::look(&request.out)?.must_be_of(&plan)?;
    let store = Store::open(&request.out)?;
    store.begin(&plan)?;
    if let Some(sure) = shards
        .iter()
        .map(|shard| shard.out().join(PREFLIGHT))
        .find(|file| file.exists())
    {
        copy(&sure, &store.out().join(PREFLIGHT))?;
    }
    let mut results = BTreeMap::new();
    for (id, (shard, (record, grade))) in found {
        copy_folder(&shard.traces(&id), &store.traces(&id))?;
        store.keep_sources(&id, &sources_of(shard, &record)?)?;
        let (staff, student) = (store.staff(&id), store.student(&id));
        listener.result(&Kept {
            id: &id,
            grade: &grade,
            warnings: &record.warnings,
            staff,
            student,
        })?;
        store.keep(&id, &record, &grade)?;
        results.insert(id, record);
    }
    let class = plan.class(&results);
    listener.rows(&class)?;
    store.end()?;
    Ok(class)
}

/// A result, and the shard that has it.
type Found<'a> = (&'a Store, (Record, Grade));

/// The result of each submission that any of the shards has, and whose it is.
fn all_results<'a>(shards: &'a [Store], plan: &Plan) -> Result<BTreeMap<String, Found<'a>>, Error> {
    let mut found = BTreeMap::new();
    for item in plan.items() {
        let mut of: Option<Found<'_>> = None;
        for shard in shards {
            let record = shard.record(&item.id).map_err(|why| {
                let out = shard.out().display();
                Error::Usage(format!("{out}: {why}: grade that shard again"))
            })?;
            let Some((record, grade)) = record else {
                continue;
            };
            of_this_plan(shard, plan, &record)?;
            match &of {
                Some((other, (known, _))) if *known != record => {
                    let (one, two) = (other.out().display(), shard.out().display());
                    let text = format!("{one} and {two} have different results for {}", item.id);
                    return Err(Error::Usage(format!(
                        "{text}: remove the one that is wrong (staff/{})",
                        item.id
                    )));
                }
                Some(_) => {}
                None => of = Some((shard, (record, grade))),
            }
        }
        if let Some(of) = of {
            found.insert(item.id.clone(), of);
        }
    }
    Ok(found)
}

/// A record that was made for another plan is none of this class, however it came here.
fn of_this_plan(shard: &Store, plan: &Plan, record: &Record) -> Result<(), Error> {
    let change = record
        .key
        .as_ref()
        .and_then(|key| key.of_any_submission().change(&plan.key()));
    change.map_or(Ok(()), |change| {
        let out = shard.out().display();
        Err(Error::Usage(format!(
            "{out}: the result of {} is of another plan; {change}: grade that shard again",
            record.id
        )))
    })
}

/// The sources of a result, which must be those that were graded.
fn sources_of(shard: &Store, record: &Record) -> Result<BTreeMap<String, String>, Error> {
    let Some(key) = &record.key else {
        return Ok(BTreeMap::new());
    };
    let kept = shard.staged(&record.id);
    match kept.filter(|staged| staged.digest().to_string() == key.fingerprint.submission) {
        Some(staged) => Ok(sources(&staged)),
        None => Err(Error::Usage(format!(
            "{} does not hold what was graded: grade that shard again",
            shard.sources(&record.id).display()
        ))),
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let bytes = fs::read(from).map_err(|error| broken(format!("{}: {error}", from.display())))?;
    write_whole(to, &bytes)
}

/// Copies the files of a folder without folders in it; there may be none.
fn copy_folder(from: &Path, to: &Path) -> Result<(), Error> {
    let Ok(entries) = fs::read_dir(from) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry
            .map_err(|error| broken(format!("{}: {error}", from.display())))?
            .path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}
