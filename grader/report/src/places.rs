//! Where things are for the reader. Results name sources as they lie in the submission and handouts
//! as they lie in the project, so that they are the same everywhere; a terminal opens what it is
//! told from the folder that it is in.

/// How a path of a result begins for the reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The submission's folder with a `/` behind it; empty if the reader is in it.
    pub submission: String,
    /// The project's folder, likewise.
    pub project: String,
}

impl Places {
    /// A text in which places in sources, such as `src/server.rs:12`, can be opened.
    pub fn in_text(&self, text: &str) -> String {
        if self.submission.is_empty() {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("src/") {
            let (before, place) = rest.split_at(at);
            out += before;
            // `lab/src/x.rs` and `mysrc/x.rs` are other paths.
            let begins = !out.ends_with(|c: char| c.is_alphanumeric() || "/\\_-.".contains(c));
            if begins && is_place(place) {
                out += &self.submission;
            }
            let (head, tail) = place.split_at("src/".len());
            out += head;
            rest = tail;
        }
        out + rest
    }

    /// A path of the project.
    pub fn in_project(&self, path: &str) -> String {
        format!("{}{path}", self.project)
    }
}

/// True for what begins like `src/server.rs:12`.
fn is_place(text: &str) -> bool {
    let in_path = |c: char| c.is_alphanumeric() || "/_-.".contains(c);
    let path_end = text.find(|c| !in_path(c)).unwrap_or(text.len());
    let (path, behind) = text.split_at(path_end);
    let line = behind.strip_prefix(':').unwrap_or_default();
    path.ends_with(".rs") && line.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_source_can_be_opened_from_here() {
        let places = Places {
            submission: "starter/lab0/".to_owned(),
            project: "../".to_owned(),
        };
        for (text, expected) in [
            (
                "not implemented: Echo::start at src/echo.rs:28",
                "not implemented: Echo::start at starter/lab0/src/echo.rs:28",
            ),
            (
                " --> src/kv/store.rs:1:2\n::: src/lib.rs:3",
                " --> starter/lab0/src/kv/store.rs:1:2\n::: starter/lab0/src/lib.rs:3",
            ),
            ("[src/a.rs:1:5] x = 1", "[starter/lab0/src/a.rs:1:5] x = 1"),
            (
                "write starter/lab0/src/a.rs:1",
                "write starter/lab0/src/a.rs:1",
            ),
            (
                "mysrc/a.rs:1 src/a.rs src/ src/a.txt:1",
                "mysrc/a.rs:1 src/a.rs src/ src/a.txt:1",
            ),
        ] {
            assert_eq!(places.in_text(text), expected);
            assert_eq!(Places::default().in_text(text), text);
        }
        assert_eq!(
            places.in_project("labs/lab0/README.md"),
            "../labs/lab0/README.md"
        );
    }
}
