//! What says whose a submission is, and how it is compared with a row of the roster.

use crate::{
    bulk::CanvasName,
    roster::{Person, is_same},
};

/// What says whose a submission is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The repository has this name.
    Repository(String),
    Login(String),
    Identifier(String),
    Email(String),
    /// A team has this name, in whatever way it is written.
    Team(String),
    /// Canvas or Moodle give this number.
    PlatformId(String),
    Name(String),
    /// The name as Canvas writes it.
    SqueezedName(String),
}

impl Claim {
    pub(crate) fn fits(&self, person: &Person) -> bool {
        let same = |own: Option<&str>, claimed: &str| own.is_some_and(|own| is_same(own, claimed));
        match self {
            Claim::Repository(name) => same(person.repository.as_deref(), name),
            Claim::Login(login) => same(person.login.as_deref(), login),
            Claim::Identifier(identifier) => same(Some(&person.identifier), identifier),
            Claim::Email(email) => same(person.email.as_deref(), email),
            Claim::Team(team) => person
                .team
                .as_deref()
                .is_some_and(|own| is_same_team(own, team)),
            Claim::PlatformId(id) => same(person.platform_id.as_deref(), id),
            Claim::Name(name) => same(person.name.as_deref(), name),
            Claim::SqueezedName(name) => person
                .name
                .as_deref()
                .is_some_and(|own| CanvasName::squeezed(own) == *name),
        }
    }

    /// Whether several people may be meant.
    pub(crate) fn is_for_many(&self) -> bool {
        matches!(self, Claim::Repository(_) | Claim::Team(_))
    }
}

/// Services write the names of teams into addresses. (Names of other signs only have nothing there
/// to compare.)
pub(crate) fn is_same_team(one: &str, other: &str) -> bool {
    is_same(one, other) || (slug(one) == slug(other) && !slug(one).is_empty())
}

/// A name as services write it into addresses.
pub(crate) fn slug(name: &str) -> String {
    let dashed: String = name
        .to_lowercase()
        .chars()
        .map(|char| if char.is_alphanumeric() { char } else { '-' })
        .collect();
    dashed
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}
