//! Is everything there that a lab consists of?

use std::{fs, path::Path};

use libtest_mimic::Failed;

use crate::lab::{Lab, ensure, is_hidden};

/// Everything that is not there, by name.
pub fn nothing_is_missing(lab: &Lab) -> Result<(), Failed> {
    let root = &lab.course.root;
    let mut missing = Vec::new();
    for (what, path) in [
        ("the starter", lab.starter().join("src/lib.rs")),
        ("the starter's manifest", lab.starter().join("Cargo.toml")),
        ("the reference solution", lab.solution().join("src/lib.rs")),
        (
            "the reference solution's manifest",
            lab.solution().join("Cargo.toml"),
        ),
        (
            "a correct solution of another design",
            lab.variant().join("src/lib.rs"),
        ),
        ("its manifest", lab.variant().join("Cargo.toml")),
        ("the handout", lab.handout()),
        ("the page for course staff", lab.staff_page()),
    ] {
        if !path.is_file() {
            missing.push(format!("{what}: there is no {}", shown(root, &path)));
        }
    }
    missing.extend(wrong_solutions(lab));
    missing.extend(row_of_readme(lab));
    ensure(missing.is_empty(), || {
        format!("{} is not complete:\n  {}", lab.id, missing.join("\n  "))
    })
}

fn wrong_solutions(lab: &Lab) -> Option<String> {
    let least = lab.rubric.self_check.wrong_solutions;
    match lab.mutants() {
        Err(error) => Some(format!(
            "wrong solutions: {}",
            error.message().unwrap_or_default()
        )),
        Ok(all) if all.len() < least => Some(format!(
            "wrong solutions: solutions/{}/mutants has {}, expected at least {least} \
             (self_check.wrong_solutions in rubrics/{}.toml)",
            lab.id,
            all.len(),
            lab.id
        )),
        Ok(_) => None,
    }
}

/// The course's page leads to the handout.
fn row_of_readme(lab: &Lab) -> Option<String> {
    let readme = lab.course.root.join("README.md");
    let link = format!("[{}]({})", lab.id, lab.rubric.handout);
    match fs::read_to_string(&readme) {
        Ok(text) if text.contains(&link) => None,
        Ok(_) => Some(format!("the row of README.md: expected a row with {link}")),
        Err(error) => Some(format!("README.md: {error}")),
    }
}

fn shown(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    inside.display().to_string()
}

/// Students find each public test in the handout, course staff each test at all in their page.
pub fn pages_name_every_test(lab: &Lab) -> Result<(), Failed> {
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let handout = read(&lab.handout())?;
    let staff = read(&lab.staff_page())?;
    for row in lab.rows()? {
        let id = &row.id;
        let named = handout.contains(&format!("`{id}`"));
        ensure(is_hidden(id) != named, || match named {
            true => format!("the handout names the hidden test {id}"),
            false => format!("the handout does not name `{id}`"),
        })?;
        ensure(staff.contains(id.as_str()), || {
            format!("STAFF.md does not name {id}")
        })?;
    }
    Ok(())
}
