//! Paths and names that lead elsewhere or that no system agrees on.

use faultline_intake::take;

use crate::class::{Class, LIMITS, has_note, noon};

#[test]
fn a_path_of_the_batch_cannot_name_a_crate_elsewhere() {
    let class = Class::new();
    let commit = class.clone_of("ann", &noon(1));
    for folder in ["..", "../ann", "/etc", "a/../.."] {
        let submission = faultline_intake::Submission {
            id: "x".into(),
            path: "ann".into(),
            commit: Some(commit.clone()),
            crate_dir: Some(folder.into()),
            ..Default::default()
        };
        assert!(class.take(&submission).is_err(), "{folder}");
    }
    let missing = faultline_intake::Submission {
        id: "x".into(),
        path: "gone".into(),
        ..Default::default()
    };
    let error = take(&class.path(""), &missing, "lab2", LIMITS).expect_err("missing");
    assert!(
        matches!(error, faultline_intake::TakeError::Machine(_)),
        "{error}"
    );
}

#[test]
fn names_of_all_kinds_are_imported() {
    let class = Class::new();
    for name in [
        "\u{1b}[31mred",
        "\u{202e}txt",
        "=cmd()",
        "a\nb",
        "con",
        "ann",
    ] {
        class.write_crate(&format!("c/{name}"));
    }
    let imported = class.import("c", 10, 20);
    assert_eq!(imported.batch.submissions.len(), 6);
    let read = faultline_intake::Batch::read(imported.path()).expect("a batch");
    assert_eq!(read, imported.batch);
    for submission in &read.submissions {
        assert!(
            matches!(
                class_take(&class, submission),
                Ok(faultline_intake::Taken::Folder(_))
            ),
            "{submission:?}"
        );
        assert!(!has_note(submission, "guess"));
    }
}

fn class_take(
    class: &Class,
    submission: &faultline_intake::Submission,
) -> Result<faultline_intake::Taken, faultline_intake::TakeError> {
    take(&class.path("c"), submission, "lab2", LIMITS)
}
