//! `cargo grade check`: recorded histories, and the exit code.

use std::path::Path;

use faultline_grade::{CheckRequest, Error, HistoryModel, check_histories, write_whole};
use faultline_report::{check_page, check_text, check_to_json};
use faultline_verdict::{HistoryReport, HistoryVerdict};

use crate::{arguments::Model, output::print};

/// Every history is linearizable, or what its name says.
const AS_EXPECTED: u8 = 0;
/// Some history is violated, or not what its name says.
const NOT_AS_EXPECTED: u8 = 1;
/// Nothing is wrong, but something was not decided: no pass.
const UNDECIDED: u8 = 5;

/// Checks histories and prints what came out.
pub fn check(path: &Path, json: bool, page: Option<&Path>, model: Model) -> Result<u8, Error> {
    let model = match model {
        Model::Kv => HistoryModel::Kv,
        Model::Register => HistoryModel::Register,
        Model::Queue => HistoryModel::Queue,
        Model::Lock => HistoryModel::Lock,
        Model::Bank => HistoryModel::Bank,
    };
    let (out, code) = checked(
        &CheckRequest {
            path: path.to_owned(),
            model,
        },
        json,
        page,
    )?;
    print(&out);
    Ok(code)
}

/// What to print, and the exit code. Also writes the page, if there is to be one.
fn checked(request: &CheckRequest, json: bool, page: Option<&Path>) -> Result<(String, u8), Error> {
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
