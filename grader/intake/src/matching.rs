//! Whose is what: matched by what names and lists say, never guessed.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    batch::ID_LENGTH,
    choosing::{CHOOSE, rank},
    claim::{Claim, is_same_team},
    layout::Found,
    roster::Roster,
};

/// Who has what.
#[derive(Debug, Default)]
pub(crate) struct Matched {
    /// For each submission the people whose it is.
    pub(crate) owners: Vec<BTreeSet<usize>>,
    /// For each person the submission; of several the first, which has a problem then.
    pub(crate) submission: BTreeMap<usize, usize>,
    /// For each other one of several that fit, that first one.
    pub(crate) instead_of: BTreeMap<usize, usize>,
    /// What was handed in besides, and is no submission.
    pub(crate) besides: BTreeSet<usize>,
}

/// Matches submissions with people. Of several the one with a crate is taken; if that does not
/// decide, somebody has to choose.
pub(crate) fn matched(found: &mut [Found], roster: &Roster) -> Matched {
    let mut owners: Vec<BTreeSet<usize>> = Vec::new();
    for found in found.iter_mut() {
        let claims = std::mem::take(&mut found.claims);
        let mut people = BTreeSet::new();
        for of_one in &claims {
            match claimed(of_one, roster) {
                Ok(indices) => people.extend(indices),
                Err(text) => found.notes.push(text),
            }
        }
        share_with_team(&mut people, roster);
        owners.push(people);
    }
    let mut of_person: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, people) in owners.iter().enumerate() {
        people
            .iter()
            .for_each(|person| of_person.entry(*person).or_default().push(index));
    }
    let mut matched = Matched {
        owners,
        ..Matched::default()
    };
    for (person, indices) in of_person {
        matched.choose(person, &indices, found, roster);
    }
    // Somebody else may have it as the only one.
    let taken: BTreeSet<usize> = matched.submission.values().copied().collect();
    matched.instead_of.retain(|index, _| !taken.contains(index));
    let others = &matched.instead_of;
    matched
        .besides
        .retain(|index| !taken.contains(index) && !others.contains_key(index));
    matched
}

impl Matched {
    /// Gives a person the one of these that has a crate, or the first of several, with a problem.
    fn choose(&mut self, person: usize, indices: &[usize], found: &mut [Found], roster: &Roster) {
        if let [index] = indices {
            self.submission.insert(person, *index);
            return;
        }
        let ranks: Vec<_> = indices.iter().map(|index| rank(&found[*index])).collect();
        let best = ranks.iter().max().copied();
        let all = indices.iter().copied().zip(ranks);
        let (candidates, others): (Vec<_>, Vec<_>) = all.partition(|(_, rank)| Some(*rank) == best);
        let names = |of: &[(usize, _)], found: &[Found]| {
            let names = of
                .iter()
                .map(|(index, _)| format!("`{}`", found[*index].name));
            names.collect::<Vec<_>>().join(", ")
        };
        let first = candidates[0].0;
        self.submission.insert(person, first);
        self.besides.extend(others.iter().map(|(index, _)| *index));
        self.instead_of
            .extend(candidates[1..].iter().map(|(index, _)| (*index, first)));
        if !others.is_empty() {
            let text = format!(
                "{} was handed in, too, and has no crate",
                names(&others, found)
            );
            if !found[first].notes.contains(&text) {
                found[first].notes.push(text);
            }
        }
        if candidates.len() > 1 {
            let who = &roster.people[person].identifier;
            let text = format!(
                "{} all belong to `{who}`: {CHOOSE}",
                names(&candidates, found)
            );
            for (index, _) in &candidates {
                found[*index].problem.get_or_insert(text.clone());
            }
        }
    }
}

fn claimed(claims: &[Claim], roster: &Roster) -> Result<Vec<usize>, String> {
    for claim in claims {
        let fitting = roster
            .people
            .iter()
            .enumerate()
            .filter(|(_, person)| claim.fits(person));
        let fitting: Vec<usize> = fitting.map(|(index, _)| index).collect();
        match fitting.as_slice() {
            [] => {}
            [_] => return Ok(fitting),
            _ if claim.is_for_many() => return Ok(fitting),
            _ => {
                return Err(format!(
                    "it fits {} rows of the roster, and is nobody's before somebody chooses",
                    fitting.len()
                ));
            }
        }
    }
    Ok(Vec::new())
}

/// What one member of a team handed in is the whole team's.
fn share_with_team(people: &mut BTreeSet<usize>, roster: &Roster) {
    let teams: Vec<&str> = people
        .iter()
        .filter_map(|person| roster.people[*person].team.as_deref())
        .collect();
    let members = roster.people.iter().enumerate().filter(|(_, person)| {
        person
            .team
            .as_deref()
            .is_some_and(|own| teams.iter().any(|team| is_same_team(own, team)))
    });
    people.extend(members.map(|(index, _)| index));
}

/// Ids for names: folders of results can have them on every system, and they differ in more than
/// case.
pub(crate) fn ids<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    // What Windows keeps for itself.
    let reserved = |name: &str| {
        let stem = name.split('.').next().unwrap_or_default().to_lowercase();
        matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
            || (stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")))
    };
    let mut taken = BTreeSet::new();
    let ids = names.map(|name| {
        let allowed = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
        let clean: String = name
            .chars()
            .map(|char| if allowed(char) { char } else { '-' })
            .take(ID_LENGTH - 6)
            .collect();
        let mut base = clean.trim_matches('.').trim_matches('-').to_owned();
        if base.is_empty() || base.starts_with('.') || base.ends_with('.') || reserved(&base) {
            base = format!("submission-{}", base.trim_matches('.'));
            base.truncate(ID_LENGTH - 6);
        }
        let mut id = base.clone();
        for number in 2.. {
            if taken.insert(id.to_lowercase()) {
                break;
            }
            id = format!("{base}-{number}");
        }
        id
    });
    ids.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::is_id;

    #[test]
    fn every_name_gives_an_id_of_its_own() {
        let long = "x".repeat(300);
        let names = [
            "ann",
            "ANN",
            "a/b",
            "..",
            "",
            "=cmd()",
            "\u{1b}[31m",
            "\u{202e}abc",
            "con",
            "é",
            ".git",
            &long,
            &long,
        ];
        let ids = ids(names.into_iter());
        assert!(ids.iter().all(|id| is_id(id)), "{ids:?}");
        let distinct: BTreeSet<String> = ids.iter().map(|id| id.to_lowercase()).collect();
        assert_eq!(distinct.len(), names.len(), "{ids:?}");
        assert_eq!(ids[..2], ["ann".to_owned(), "ANN-2".to_owned()]);
    }
}
