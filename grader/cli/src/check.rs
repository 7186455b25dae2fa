//! `cargo grade check`: recorded histories, and the exit code.

use std::path::Path;

use faultline_grade::{CheckRequest, Error, check_histories, write_whole};
use faultline_report::{check_page, check_text, check_to_json};
use faultline_verdict::{HistoryReport, HistoryVerdict};

/// Every history is linearizable, or what its name says.
const AS_EXPECTED: u8 = 0;
/// Some history is violated, or not what its name says.
const NOT_AS_EXPECTED: u8 = 1;
/// Nothing is wrong, but something was not decided: no pass.
const UNDECIDED: u8 = 5;

/// What to print, and the exit code. Also writes the page, if there is to be one.
pub fn check(
    request: &CheckRequest,
    json: bool,
    page: Option<&Path>,
) -> Result<(String, u8), Error> {
    let report = check_histories(request)?;
    if let Some(file) = page {
        write_whole(file, check_page(&report).as_bytes())?;
    }
    let out = if json {
        check_to_json(&report)
    } else {
        check_text(&report)
    };
    let is_undecided = |history: &HistoryReport| history.verdict == HistoryVerdict::Undecided;
    let is_wrong = |history: &HistoryReport| !is_undecided(history) && !history.is_as_expected();
    let code = match (
        report.histories.iter().any(is_wrong),
        report.histories.iter().any(is_undecided),
    ) {
        (true, _) => NOT_AS_EXPECTED,
        (false, true) => UNDECIDED,
        (false, false) => AS_EXPECTED,
    };
    Ok((out, code))
}
