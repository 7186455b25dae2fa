//! How paths begin for somebody in the current folder.

use std::path::{Path, PathBuf};

use faultline_grade::{Course, Replayed};
use faultline_report::Places;

/// Where the sources of this submission are for the user, who may have named its folder; else it is
/// the lab's starter.
pub fn places(course: &Course, lab: &str, named: Option<&Path>) -> Places {
    let starter = course.root.join("starter").join(lab);
    let submission = match named {
        // As it was typed, so that it is recognised.
        Some(path) => path.to_owned(),
        None => from_here(&starter),
    };
    Places {
        submission: begin(&submission),
        ..of_project(course)
    }
}

/// The same for a replay, whose submission is where the trace says if the user named none.
pub fn of_replay(course: &Course, replayed: &Replayed, named: Option<&Path>) -> Places {
    let of_trace = from_here(&course.root.join(&replayed.submission));
    places(course, &replayed.lab, Some(named.unwrap_or(&of_trace)))
}

/// Where the project is for the user.
pub fn of_project(course: &Course) -> Places {
    Places {
        project: begin(&from_here(&course.root)),
        ..Places::default()
    }
}

/// The way to a folder from the current one.
pub fn from_here(folder: &Path) -> PathBuf {
    from(&std::env::current_dir().unwrap_or_default(), folder)
}

/// The beginning of a path in this folder.
fn begin(folder: &Path) -> String {
    let text = folder.to_string_lossy().replace('\\', "/");
    match text.trim_end_matches('/') {
        "" if text.is_empty() => String::new(),
        "." => String::new(),
        text => format!("{text}/"),
    }
}

/// The way from one folder to another; the whole path if it is far.
fn from(here: &Path, folder: &Path) -> PathBuf {
    const FAR: usize = 4;
    let up = here
        .ancestors()
        .take(FAR + 1)
        .position(|above| folder.starts_with(above) && above.parent().is_some());
    match up.zip(up.and_then(|up| here.ancestors().nth(up))) {
        Some((up, above)) => {
            let mut way: PathBuf = std::iter::repeat_n("..", up).collect();
            way.extend(folder.strip_prefix(above).ok());
            way
        }
        None => folder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_where_the_user_is() {
        for (here, folder, expected) in [
            ("/p", "/p/starter/lab0", "starter/lab0/"),
            ("/p/starter/lab0", "/p/starter/lab0", ""),
            ("/p/starter/lab0/src", "/p/starter/lab0", "../"),
            ("/p/docs", "/p/starter/lab0", "../starter/lab0/"),
            ("/q", "/p/starter/lab0", "/p/starter/lab0/"),
            ("/p/a/b/c/d/e", "/p", "/p/"),
        ] {
            let way = from(Path::new(here), Path::new(folder));
            assert_eq!(begin(&way), expected, "{here} {folder}");
        }
        assert_eq!(begin(Path::new("./mine/")), "./mine/");
        assert_eq!(begin(Path::new(".")), "");
        assert_eq!(begin(Path::new("/")), "/");
    }
}
