//! The page of a grade: `cargo run -p faultline-report --example page < result.json > report.html`. With another way to make
//! pages than grading, their looks can be worked on in seconds.

use std::io::Read;

use faultline_report::Page;
use faultline_verdict::{Event, Grade};

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("standard input is text");
    let grade: Grade = serde_json::from_str(&text).expect("a result that `cargo grade --json` wrote");
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
