//! Pages without grading, so that their looks can be worked on in seconds: `cargo run -p
//! faultline-report --example page < result.json > report.html` makes that of a result; with the
//! argument `hostile`, that of a grade full of hostile texts; with `class`, that of a class.

#[path = "../tests/page_data/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod page_data;

#[path = "../tests/class_data/mod.rs"]
mod class_data;

use std::io::Read;

use faultline_report::{Page, class_page};
use faultline_verdict::{Event, Grade};

fn main() {
    let asked = std::env::args().nth(1);
    if asked.as_deref() == Some("class") {
        print!("{}", class_page(&class_data::class()));
        return;
    }
    let grade: Grade = if asked.as_deref() == Some("hostile") {
        page_data::hostile()
    } else {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .expect("standard input is text");
        serde_json::from_str(&text).expect("a result that `cargo grade --json` wrote")
    };
    let mut page = Page::default();
    page.event(&Event::Started {
        lab: grade.lab.clone(),
        title: grade.title.clone(),
        submission: "starter/lab2".to_owned(),
        tests: grade.tests.len(),
        hidden_in_full: 0,
    });
    print!("{}", page.of(&grade));
}
