//! What there is to run, and what of it is asked for.

use std::path::Path;

use faultline_labtest::Suite;

use crate::{
    error::{Error, nearest},
    rubric::{Rubric, RubricRow},
    run::{Job, Seeds},
};

/// Which of a lab's tests are asked for.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only these parts and categories, and the tests with one of these in their names; everything
    /// if empty.
    pub filters: Vec<String>,
    /// The hidden tests, too.
    pub hidden: bool,
}

/// The rows that any of the filters names: a part by its letter, a test by its id, or tests by
/// their category or a piece of their ids. All without a filter.
pub fn selected<'a>(
    suite: &Suite,
    rubric: &'a Rubric,
    asked: &Selection,
) -> Result<Vec<&'a RubricRow>, Error> {
    if asked.hidden && suite.hidden.is_empty() {
        return Err(Error::Usage(format!(
            "--hidden: this is the students' release of {}, which has no hidden tests; course \
             staff have them",
            rubric.lab
        )));
    }
    let within_reach = |row: &&RubricRow| asked.hidden || row.is_public();
    let filters = asked.filters.iter().map(|filter| of_lab(rubric, filter));
    let filters: Vec<&str> = filters.collect::<Result<_, Error>>()?;
    for filter in &filters {
        let matching: Vec<&RubricRow> = rubric
            .tests
            .iter()
            .filter(|row| matches(rubric, filter, row))
            .collect();
        if !matching.iter().any(within_reach) {
            return Err(Error::Usage(idle(
                suite,
                rubric,
                filter,
                asked.hidden,
                matching.first().copied(),
            )));
        }
    }
    let wanted = |row: &&RubricRow| {
        filters.is_empty() || filters.iter().any(|filter| matches(rubric, filter, row))
    };
    Ok(rubric
        .tests
        .iter()
        .filter(within_reach)
        .filter(wanted)
        .collect())
}

/// A filter without the lab that may stand in front of it: `lab2/put_append_get`.
fn of_lab<'a>(rubric: &Rubric, filter: &'a str) -> Result<&'a str, Error> {
    match filter.split_once('/') {
        None => Ok(filter),
        Some((lab, rest)) if lab == rubric.lab => Ok(rest),
        Some((other, _)) => Err(Error::Usage(format!(
            "{filter:?} names a test of {other:?}, and this is about {}",
            rubric.lab
        ))),
    }
}

fn matches(rubric: &Rubric, filter: &str, row: &RubricRow) -> bool {
    if let Some(part) = rubric
        .parts
        .iter()
        .find(|part| part.id.eq_ignore_ascii_case(filter))
    {
        return row.part == part.id;
    }
    // H-C1 is one test, and not H-C10 as well.
    let whole = rubric.tests.iter().any(|row| row.id == filter);
    if whole {
        row.id == filter
    } else {
        // The ids of hidden tests tell nothing, but `chaos` means those that are.
        row.category.name() == filter || row.id.contains(filter)
    }
}

/// Why a filter selects nothing.
fn idle(
    suite: &Suite,
    rubric: &Rubric,
    filter: &str,
    hidden: bool,
    matching: Option<&RubricRow>,
) -> String {
    let lab = &rubric.lab;
    if let Some(row) = matching {
        let how = match suite.hidden.is_empty() {
            true => "this is the students' release, which has none".to_owned(),
            false => format!("add --hidden: `cargo grade {lab} {filter} --hidden`"),
        };
        let what = match row.id == filter {
            true => "is a hidden test",
            false if row.category.name() == filter => "is a category of hidden tests only",
            false => "is in the names of hidden tests only",
        };
        return format!("{filter:?} {what}; {how}");
    }
    let ids = rubric
        .tests
        .iter()
        .filter(|row| hidden || row.is_public())
        .map(|row| row.id.as_str());
    let mut categories: Vec<&str> = Vec::new();
    for row in rubric.tests.iter().filter(|row| hidden || row.is_public()) {
        if !categories.contains(&row.category.name()) {
            categories.push(row.category.name());
        }
    }
    let parts: Vec<&str> = rubric.parts.iter().map(|part| part.id.as_str()).collect();
    format!(
        "{filter:?} is neither a part of {lab} ({}) nor a category ({}) nor in the name of a \
         test{}; `cargo grade {lab} --list` lists them",
        parts.join(", "),
        categories.join(", "),
        nearest(filter, ids.chain(categories.iter().copied())),
    )
}

/// What to run; only hidden tests get the salt, so that everybody has the same public verdicts.
pub(crate) fn jobs<'a>(
    suite: &Suite,
    rows: &[&'a RubricRow],
    seeds: Seeds,
    salt: u64,
) -> Vec<Job<'a>> {
    let job = |row: &&'a RubricRow| Job {
        test: suite
            .test(&row.id)
            .expect("the rubric was checked against the suite"),
        row,
        seeds: match seeds {
            Seeds::Rubric => (0..row.seeds).collect(),
            Seeds::Count(count) => (0..count).collect(),
            Seeds::Only(seed) => vec![seed],
        },
        salt: if row.is_public() { 0 } else { salt },
    };
    rows.iter().map(job).collect()
}

/// A path as the user knows it: relative to the project where it lies inside.
pub(crate) fn shown_path(root: &Path, folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let inside = absolute.strip_prefix(root).map(Path::to_owned);
    inside.unwrap_or(absolute).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use faultline_labtest::Test;

    use super::*;

    fn rubric() -> Rubric {
        let row = |id: &str, visibility: &str, category: &str| {
            format!(
                "[[test]]\nid = {id:?}\ntitle = ''\nproperty = ''\npart = 'C'\npoints = 3\nseeds = \
                 2\n\
                 visibility = {visibility:?}\ncategory = {category:?}\nhandout = ''\n"
            )
        };
        let head =
            "lab = 'lab0'\ntitle = ''\nhandout = ''\n[[part]]\nid = 'C'\ntitle = ''\npoints = 12\n";
        let rows = [
            row("chaos", "public", "chaos"),
            row("H-C1", "hidden", "safety"),
            row("more_chaos", "public", "safety"),
            row("H-C10", "after_deadline", "chaos"),
        ];
        toml::from_str(&format!("{head}{}", rows.concat())).expect("a rubric")
    }

    fn suite(hidden: &[&'static str]) -> Suite {
        let test = |id: &&'static str| Test {
            id,
            run: |_| Ok(()),
        };
        let tests = ["chaos", "more_chaos"].iter().map(test).collect();
        Suite {
            lab: "lab0",
            api_package: "lab0-api",
            tests,
            hidden: hidden.iter().map(test).collect(),
        }
    }

    fn ids(suite: &Suite, filters: &[&str], hidden: bool) -> Result<Vec<String>, String> {
        let filters = filters.iter().map(|filter| (*filter).to_owned()).collect();
        let rubric = rubric();
        let rows = selected(suite, &rubric, &Selection { filters, hidden })
            .map_err(|error| error.to_string())?;
        Ok(rows.into_iter().map(|row| row.id.clone()).collect())
    }

    #[test]
    fn hidden_tests_are_selected_only_on_request() {
        let all = suite(&["H-C1", "H-C10"]);
        for (filters, hidden, expected) in [
            (&[][..], false, &["chaos", "more_chaos"][..]),
            (&[], true, &["chaos", "H-C1", "more_chaos", "H-C10"]),
            (&["c"], false, &["chaos", "more_chaos"]),
            (&["C"], true, &["chaos", "H-C1", "more_chaos", "H-C10"]),
            (&["H-C1"], true, &["H-C1"]),
            (&["H-"], true, &["H-C1", "H-C10"]),
            (&["chaos"], false, &["chaos"]),
            (&["chao"], false, &["chaos", "more_chaos"]),
            (&["safety"], false, &["more_chaos"]),
            (&["safety"], true, &["H-C1", "more_chaos"]),
            (&["lab0/chaos"], false, &["chaos"]),
            (&["lab0/H-C1", "more"], true, &["H-C1", "more_chaos"]),
        ] {
            assert_eq!(
                ids(&all, filters, hidden).unwrap(),
                expected,
                "{filters:?} {hidden}"
            );
        }
        for (suite, filters, hidden, expected) in [
            (
                &all,
                &["H-C1"][..],
                false,
                "\"H-C1\" is a hidden test; add --hidden: `cargo grade lab0 H-C1 --hidden`",
            ),
            (&all, &["H-"], false, "hidden tests only"),
            (&all, &["choas"], true, "did you mean `chaos`"),
            (&all, &["lab0/choas"], true, "did you mean `chaos`"),
            (
                &all,
                &["lab1/chaos"],
                true,
                "names a test of \"lab1\", and this is about lab0",
            ),
            (&suite(&[]), &["H-C1"], false, "the students' release"),
            (
                &suite(&[]),
                &[],
                true,
                "--hidden: this is the students' release of lab0",
            ),
        ] {
            let error = ids(suite, filters, hidden).unwrap_err();
            assert!(error.contains(expected), "{filters:?} {hidden}: {error}");
        }
        let error = ids(&all, &["H-D1"], false).unwrap_err();
        assert!(
            !error.contains("H-C"),
            "no hidden name is suggested: {error}"
        );
    }

    #[test]
    fn only_hidden_tests_are_salted() {
        let (suite, rubric) = (suite(&["H-C1", "H-C10"]), rubric());
        let rows = selected(
            &suite,
            &rubric,
            &Selection {
                filters: Vec::new(),
                hidden: true,
            },
        )
        .unwrap();
        let salts: Vec<u64> = jobs(&suite, &rows, Seeds::Rubric, 7)
            .iter()
            .map(|job| job.salt)
            .collect();
        assert_eq!(salts, [0, 7, 0, 7]);
        assert_eq!(suite.test("H-C10").expect("a replay finds it").id, "H-C10");
    }
}
