//! `cargo grade check`: the reports of recorded histories as text, and the exit code.

use faultline_grade::{CheckRequest, Error, HistoryReport, HistoryVerdict, OperationLine, check_histories};
use faultline_report::printable;

/// Every history is linearizable, or what its name says.
const AS_EXPECTED: u8 = 0;
/// Some history is violated, or not what its name says.
const NOT_AS_EXPECTED: u8 = 1;
/// Nothing is wrong, but something was not decided: no pass.
const UNDECIDED: u8 = 5;

/// What to print, and the exit code.
pub fn check(request: &CheckRequest, json: bool) -> Result<(String, u8), Error> {
    let reports = check_histories(request)?;
    let out = match json {
        true => {
            let text = faultline_grade::histories_to_json(&reports);
            text + "\n"
        }
        false => reports.iter().map(say).collect(),
    };
    let is_undecided = |report: &&HistoryReport| report.verdict == HistoryVerdict::Undecided;
    let wrong = |report: &HistoryReport| !is_undecided(&report) && !report.is_as_expected();
    let code = match (reports.iter().any(wrong), reports.iter().any(|report| is_undecided(&report))) {
        (true, _) => NOT_AS_EXPECTED,
        (false, true) => UNDECIDED,
        (false, false) => AS_EXPECTED,
    };
    Ok((out, code))
}

fn say(report: &HistoryReport) -> String {
    let verdict = match report.verdict {
        HistoryVerdict::Linearizable => "linearizable",
        HistoryVerdict::Violated => "violated",
        HistoryVerdict::Undecided => "UNDECIDED",
    };
    let mut out = format!(
        "{:<24} {verdict:<12} {:>8} operations, {} configurations",
        printable(&report.file),
        report.operations,
        report.configurations
    );
    if let Some(expected) = report.expected {
        let expected = if expected == HistoryVerdict::Violated { "bad" } else { "ok" };
        out += if report.is_as_expected() { ", as its name says" } else { "" };
        if !report.is_as_expected() {
            out += &format!(", BUT ITS NAME SAYS {expected}");
        }
    }
    out += "\n";
    if report.verdict == HistoryVerdict::Undecided {
        out += "    the budget of the search was used up before anything was certain: this is no pass\n";
    }
    if let Some(violation) = &report.violation {
        out += &format!("    {}: {}\n", violation.kind, printable(&violation.sentence));
        let mut lines: Vec<&OperationLine> = violation.core.iter().chain(&violation.context).collect();
        if !lines.contains(&&violation.impossible) {
            lines.push(&violation.impossible);
        }
        lines.sort_by_key(|line| (line.call, line.line));
        for line in lines {
            let ret = line.ret.map_or("?".to_owned(), |ret| ret.to_string());
            let mark = if *line == violation.impossible { "  <- impossible" } else { "" };
            let text = printable(&line.text);
            out += &format!("    line {}: [{}, {ret}] client {}: {text}{mark}\n", line.line, line.call, line.client);
        }
    }
    out
}
