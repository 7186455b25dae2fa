//! `cargo grade doctor`: can this machine build what others wrote?

use std::path::Path;

use faultline_grade::{Error, Health};
use faultline_report::{LayerLine, doctor_text};

use crate::{
    exit::{ALL_PASSED, BROKEN},
    output::{print, width},
};

/// Tries all layers and says what to do about those that do not work.
pub fn doctor(root: &Path) -> Result<u8, Error> {
    let Health { layers, cage } = faultline_grade::doctor(root)?;
    let lines: Vec<LayerLine<'_>> = layers
        .iter()
        .map(|layer| LayerLine {
            name: layer.name,
            works: layer.works,
            detail: &layer.detail,
            advice: layer.advice,
        })
        .collect();
    let verdict = cage.as_ref().map(Vec::as_slice).map_err(String::as_str);
    print(&doctor_text(&lines, verdict, width()));
    Ok(if cage.is_ok() { ALL_PASSED } else { BROKEN })
}
