//! `cargo grade doctor`: can this machine build what others wrote?

use std::path::Path;

use faultline_grade::{Error, Health};
use faultline_report::{MechanismLine, doctor_text};

use crate::{
    exit::{ALL_PASSED, BROKEN},
    output::{print, width},
};

/// Tries all mechanisms and says what to do about those that do not work.
pub fn doctor(root: &Path) -> Result<u8, Error> {
    let Health {
        mechanisms,
        sandbox,
    } = faultline_grade::doctor(root)?;
    let lines: Vec<MechanismLine<'_>> = mechanisms
        .iter()
        .map(|mechanism| MechanismLine {
            name: mechanism.name,
            works: mechanism.works,
            detail: &mechanism.detail,
            advice: mechanism.advice,
        })
        .collect();
    let verdict = sandbox.as_ref().map(Vec::as_slice).map_err(String::as_str);
    print(&doctor_text(&lines, verdict, width()));
    Ok(if sandbox.is_ok() { ALL_PASSED } else { BROKEN })
}
