//! `cargo grade new-lab`: a whole small lab to go on from.

use std::{fs, path::Path};

use faultline_cli::NewLabArguments;
use faultline_grade::Error;
use faultline_newlab::{NewLab, Source, Written, write_inside, write_outside};

/// Writes it, and tells what was written and what to do next.
pub fn new_lab(root: &Path, asked: &NewLabArguments) -> Result<String, Error> {
    let lock = root.join("Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(|error| {
        Error::Usage(format!(
            "{} cannot be read: {error}; without it the new lab's name cannot be checked",
            lock.display()
        ))
    })?;
    let commands = faultline_cli::commands();
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let lab = NewLab::new(&asked.name, asked.title.as_deref(), &lock, &commands)?;
    match &asked.outside {
        None => Ok(told(&asked.name, &write_inside(&lab, root)?)),
        Some(folder) => {
            let faultline = match (&asked.faultline_git, &asked.faultline) {
                (Some(url), _) => Source::Git {
                    url: url.clone(),
                    rev: asked.rev.clone(),
                },
                (None, Some(path)) => Source::Path(path.clone()),
                (None, None) => Source::Path(root.to_owned()),
            };
            let written = write_outside(&lab, folder, &faultline, &lock)?;
            Ok(told_outside(&asked.name, folder, &written))
        }
    }
}

fn told(name: &str, written: &Written) -> String {
    let mut out = format!("{name}: a new lab\n\n");
    for new in &written.new {
        out += &format!("  new    {new}\n");
    }
    for line in &written.lines {
        out += &format!("  line   {}: {}\n", line.file, line.text.trim());
    }
    out + "\n" + &next(name)
}

fn told_outside(name: &str, folder: &Path, written: &Written) -> String {
    let mut out = format!("{name}: a new lab in a workspace of its own\n\n");
    for new in &written.new {
        out += &format!("  new    {new}\n");
    }
    out + &format!("\n  cd {}\n", folder.display()) + &next(name)
}

fn next(name: &str) -> String {
    format!(
        "  cargo grade {name} --hidden --path solutions/{name}    earns all points\n\
         \x20 cargo grade {name}    earns none: students start here\n\
         \x20 cargo grade mutants {name}    shows which test catches which wrong solution\n\
         \x20 cargo grade starter {name}    derives the starter again, after a change\n\n\
         For the next steps see docs/a-lab-of-your-own.md in Faultline's repository.\n"
    )
}
