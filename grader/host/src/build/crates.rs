//! Which crates a lab consists of.

/// The names of a lab's crates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabCrates {
    /// The name under which a submission is compiled, such as `lab2`.
    pub student: String,
    /// The package with what the lab gives, such as `lab2-api`; it exports the macro `glue!`.
    pub api: String,
}

impl LabCrates {
    /// The crates of the lab called `lab`, such as `lab2`.
    pub fn of(lab: &str) -> LabCrates {
        LabCrates {
            student: lab.replace('-', "_"),
            api: format!("{lab}-api"),
        }
    }

    /// The API package as a crate name.
    pub(super) fn api_crate(&self) -> String {
        self.api.replace('-', "_")
    }
}
