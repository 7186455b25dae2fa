//! The check of recorded histories for the terminal.

use faultline_verdict::{
    CheckReport, HistoryReport, HistoryVerdict, OperationLine, ViolationReport,
};

use crate::{safe::printable, terminal::count};

/// What a check found, a line for each history; below a violated one, why.
pub fn check_text(report: &CheckReport) -> String {
    report.histories.iter().map(history).collect()
}

/// The verdict in a word.
pub(crate) fn word(verdict: HistoryVerdict) -> &'static str {
    match verdict {
        HistoryVerdict::Linearizable => "linearizable",
        HistoryVerdict::Violated => "violated",
        HistoryVerdict::Undecided => "undecided",
    }
}

/// What the file's name has to say to the verdict.
pub(crate) fn said(report: &HistoryReport) -> Option<String> {
    let expected = report.expected?;
    Some(match report.verdict {
        _ if report.is_as_expected() => "as its name says".to_owned(),
        _ => format!("but its name says {}", word(expected)),
    })
}

/// How the verdict was found.
pub(crate) fn effort(report: &HistoryReport) -> String {
    match report.keys_by_search {
        0 => "no search".to_owned(),
        _ => format!("{} configurations searched", report.configurations),
    }
}

/// What an undecided history means.
pub(crate) const UNDECIDED: &str = "the budget of the search was used up before anything was \
                                    certain: this is neither a pass nor a violation";

fn history(report: &HistoryReport) -> String {
    let verdict = match report.verdict {
        HistoryVerdict::Undecided => "UNDECIDED",
        verdict => word(verdict),
    };
    let said = said(report)
        .map(|said| format!(", {said}"))
        .unwrap_or_default();
    let (file, effort) = (printable(&report.file), effort(report));
    let mut out = format!(
        "{file:<24} {verdict:<12} {:>8} operations, {effort}{said}\n",
        report.operations
    );
    if report.verdict == HistoryVerdict::Undecided {
        out += &format!("    {UNDECIDED}\n");
    }
    if let Some(violation) = &report.violation {
        out += &format!(
            "    {}: {}\n",
            violation.kind,
            printable(&violation.sentence)
        );
        out += &operations(violation);
        if let Some(instead) = instead(violation) {
            out += &format!("    {}\n", printable(&instead));
        }
    }
    out
}

/// Maximum number of operations that are listed below a violation.
const OPERATIONS: usize = 20;

/// The operations that contradict each other; of many the last ones up to the impossible reply,
/// and those behind it that were called before it came.
fn operations(violation: &ViolationReport) -> String {
    let about = violation.about();
    let wrong = about
        .iter()
        .position(|line| line.line == violation.impossible.line)
        .unwrap_or(0);
    let behind = about.len() - wrong - 1;
    let end = wrong + 1 + behind.min(OPERATIONS / 4);
    let begin = end.saturating_sub(OPERATIONS);
    let remark = |number: usize, which: &str| match number {
        0 => String::new(),
        number => format!(
            "    ({} left out; --json has all)\n",
            count(number, &format!("{which} operation"))
        ),
    };
    let mut out = remark(begin, "earlier");
    for line in &about[begin..end] {
        out += &operation(line, violation);
    }
    out + &remark(about.len() - end, "later")
}

/// `line 3: [5, 9] client 2: get "x" = "a"`.
fn operation(line: &OperationLine, violation: &ViolationReport) -> String {
    let mark = if line.line == violation.impossible.line {
        "  <- impossible"
    } else {
        ""
    };
    let ret = line.ret.map_or("?".to_owned(), |ret| ret.to_string());
    let reply = line
        .reply
        .as_ref()
        .map(|reply| format!(" = {}", printable(reply)))
        .unwrap_or_default();
    let command = printable(&line.command);
    format!(
        "    line {}: [{}, {ret}] client {}: {command}{reply}{mark}\n",
        line.line, line.call, line.client
    )
}

/// What could have been replied instead of the impossible.
pub(crate) fn instead(violation: &ViolationReport) -> Option<String> {
    let possible: Vec<String> = violation.possible_replies.iter().take(3).cloned().collect();
    (!possible.is_empty()).then(|| {
        format!(
            "possible replies at line {}: {}",
            violation.impossible.line,
            possible.join(" or ")
        )
    })
}
