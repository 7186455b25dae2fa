//! What a trace says of links. Whatever changes at one moment is one step of it: a reader wants to
//! know who can reach whom, and not in which order a plan went through the links.

use std::collections::BTreeSet;

use labkit::NodeId;

use crate::{
    record::{Happening, LinkChange},
    world::World,
};

/// A link in one direction.
pub(crate) type Direction = (NodeId, NodeId);

impl World<'_> {
    /// Tells that a link changes, together with others that change at the same moment.
    pub(crate) fn tell_link(&mut self, change: LinkChange, link: Direction) {
        let Some(recording) = &self.mode.recording else {
            return;
        };
        let (changed, goes_on) = recording.links_with(self.now, change, link);
        let all = self.ids();
        let told = changed
            .iter()
            .map(|(change, links)| say(*change, links, &all));
        let text = told.collect::<Vec<_>>().join("; ");
        if !goes_on {
            self.record(|_| Happening::Fault {
                text: String::new(),
            });
        }
        if let Some(recording) = &mut self.mode.recording {
            recording.last_is_of_links(changed, text);
        }
    }
}

/// What happens to these links, in words. `all` are the nodes of the world, in the order in which
/// they are named.
fn say(change: LinkChange, links: &BTreeSet<Direction>, all: &[NodeId]) -> String {
    let between = match sides(links, all) {
        Some(sides) if sides.len() == 2 || change.is_of_partitions() => Some(sides),
        _ => None,
    };
    if let Some(sides) = between.filter(|sides| sides.iter().flatten().count() > 2) {
        return say_sides(change, &sides, all);
    }
    let (what, one) = which(links, all);
    match (change, one) {
        (LinkChange::Cut, true) => format!("the link {what} is cut"),
        (LinkChange::Cut, false) => format!("the links {what} are cut"),
        (LinkChange::Heal, true) => format!("the link {what} works again"),
        (LinkChange::Heal, false) => format!("the links {what} work again"),
        (LinkChange::Hold, _) => format!("messages {what} are delayed"),
        (LinkChange::Release, _) => format!("delayed messages {what} are delivered"),
    }
}

/// The same where all links between some sides change, both ways.
fn say_sides(change: LinkChange, sides: &[Vec<NodeId>], all: &[NodeId]) -> String {
    let told = |between: &str| -> String {
        let sides = sides.iter().map(|side| format!("{{{}}}", names(side)));
        sides.collect::<Vec<_>>().join(between)
    };
    let beside: Vec<NodeId> = all
        .iter()
        .filter(|node| !sides.iter().flatten().any(|known| known == *node))
        .copied()
        .collect();
    let reach = if beside.len() == 1 {
        "reaches"
    } else {
        "reach"
    };
    let which = if sides.len() == 2 {
        "both sides"
    } else {
        "all sides"
    };
    match change {
        LinkChange::Cut if beside.is_empty() => format!("partition {}", told(" | ")),
        LinkChange::Cut => format!(
            "partition {}; {} {reach} {which}",
            told(" | "),
            names(&beside)
        ),
        LinkChange::Heal => format!("the partition {} heals", told(" | ")),
        LinkChange::Hold => format!("messages {} are delayed", told(" <-> ")),
        LinkChange::Release => format!("delayed messages {} are delivered", told(" <-> ")),
    }
}

/// The groups such that these are all links between nodes of different ones, both ways; none if
/// there are no such groups.
fn sides(links: &BTreeSet<Direction>, all: &[NodeId]) -> Option<Vec<Vec<NodeId>>> {
    if !links.iter().all(|(from, to)| links.contains(&(*to, *from))) {
        return None;
    }
    let mut sides: Vec<Vec<NodeId>> = Vec::new();
    for node in ends(links.iter().map(|(from, _)| *from), all) {
        let apart = |other: &NodeId| links.contains(&(node, *other));
        // It is in the group of those that it is not apart from, and apart from everybody else.
        match sides.iter().position(|side| !side.iter().all(apart)) {
            Some(own) => sides[own].push(node),
            None => sides.push(vec![node]),
        }
    }
    let group = |node: &NodeId| sides.iter().position(|side| side.contains(node));
    let pairs = sides.iter().flatten().flat_map(|one| {
        let others = sides.iter().flatten();
        others.map(move |other| (*one, *other))
    });
    let fits = |(one, other): (NodeId, NodeId)| {
        links.contains(&(one, other)) == (group(&one) != group(&other))
    };
    let fit = pairs.into_iter().all(fits);
    fit.then_some(sides)
}

/// Which links they are, and whether it is a single one.
fn which(links: &BTreeSet<Direction>, all: &[NodeId]) -> (String, bool) {
    let is_product = |from: &[NodeId], to: &[NodeId]| {
        from.len() * to.len() == links.len() && !from.iter().any(|node| to.contains(node))
    };
    let from = ends(links.iter().map(|(from, _)| *from), all);
    let to = ends(links.iter().map(|(_, to)| *to), all);
    if is_product(&from, &to) {
        let told = format!("{} -> {}", side(&from), side(&to));
        return (told, links.len() == 1);
    }
    let mut told: Vec<(&str, Vec<NodeId>, Vec<NodeId>)> = Vec::new();
    for from in &from {
        let ways = |both: bool| -> Vec<NodeId> {
            let to = to.iter().copied().filter(|to| {
                let back = links.contains(&(*to, *from));
                let told_before = both && place(*to, all) < place(*from, all);
                links.contains(&(*from, *to)) && back == both && !told_before
            });
            to.collect()
        };
        for (arrow, to) in [("<->", ways(true)), ("->", ways(false))] {
            let same =
                |(known, _, ends): &&mut (&str, _, Vec<NodeId>)| *known == arrow && *ends == to;
            match told.iter_mut().find(same) {
                Some((_, others, _)) => others.push(*from),
                None if to.is_empty() => {}
                None => told.push((arrow, vec![*from], to)),
            }
        }
    }
    let one = matches!(told.as_slice(), [(_, from, to)] if from.len() * to.len() == 1);
    let told = told
        .iter()
        .map(|(arrow, from, to)| format!("{} {arrow} {}", side(from), side(to)));
    (told.collect::<Vec<_>>().join(", "), one)
}

/// `s1`, or `{s1, s2}`.
fn side(nodes: &[NodeId]) -> String {
    match nodes {
        [only] => only.to_string(),
        several => format!("{{{}}}", names(several)),
    }
}

/// Each of these nodes once, in the order of `all`.
fn ends(nodes: impl Iterator<Item = NodeId>, all: &[NodeId]) -> Vec<NodeId> {
    let nodes: BTreeSet<NodeId> = nodes.collect();
    let mut nodes: Vec<NodeId> = nodes.into_iter().collect();
    nodes.sort_by_key(|node| place(*node, all));
    nodes
}

fn place(node: NodeId, all: &[NodeId]) -> usize {
    all.iter()
        .position(|known| *known == node)
        .unwrap_or(usize::MAX)
}

fn names(nodes: &[NodeId]) -> String {
    let names: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeId {
        let role = name.chars().next().expect("a role");
        NodeId::new(role, name[1..].parse().expect("a number"))
    }

    /// Links as `s1>c1 c1>s1`.
    fn said(change: LinkChange, links: &str) -> String {
        let all = ["v1", "s1", "s2", "s3", "c1"].map(node);
        let links = links.split(' ').map(|link| {
            let (from, to) = link.split_once('>').expect("an arrow");
            (node(from), node(to))
        });
        say(change, &links.collect(), &all)
    }

    #[test]
    fn links_that_change_at_once_are_one_sentence() {
        let both = |pairs: &str| {
            let pairs = pairs.split(' ').map(|pair| {
                let (one, other) = pair.split_once('-').expect("a pair");
                format!("{one}>{other} {other}>{one}")
            });
            pairs.collect::<Vec<_>>().join(" ")
        };
        let (cut, heal) = (LinkChange::Cut, LinkChange::Heal);
        for (change, links, expected) in [
            (cut, "s1>s2".to_owned(), "the link s1 -> s2 is cut"),
            (cut, both("s1-s2"), "the link s1 <-> s2 is cut"),
            (
                cut,
                both("s1-v1 s1-s2 s1-s3 s1-c1"),
                "partition {v1, s2, s3, c1} | {s1}",
            ),
            (
                cut,
                both("s1-s2 s1-c1"),
                "partition {s1} | {s2, c1}; v1, s3 reach both sides",
            ),
            (
                cut,
                both("s1-s2 s1-s3 s2-s3 s1-v1 s2-v1 s3-v1"),
                "partition {v1} | {s1} | {s2} | {s3}; c1 reaches all sides",
            ),
            // s2 and s3 are apart, too, and s1 and c1 are not: no groups.
            (
                cut,
                both("s1-s2 s1-s3 s2-s3 s2-c1"),
                "the links s1 <-> {s2, s3}, s2 <-> {s3, c1} are cut",
            ),
            (
                cut,
                format!("{} s1>c1", both("s1-s2")),
                "the links s1 <-> s2, s1 -> c1 are cut",
            ),
            (
                cut,
                "s1>s2 s1>c1".to_owned(),
                "the links s1 -> {s2, c1} are cut",
            ),
            (
                heal,
                both("s1-s2 s1-c1"),
                "the partition {s1} | {s2, c1} heals",
            ),
            (heal, "c1>s1".to_owned(), "the link c1 -> s1 works again"),
            (
                LinkChange::Hold,
                "s1>s2 s1>s3".to_owned(),
                "messages s1 -> {s2, s3} are delayed",
            ),
            (
                LinkChange::Hold,
                both("s1-s2 s1-s3"),
                "messages {s1} <-> {s2, s3} are delayed",
            ),
            (
                LinkChange::Release,
                "s1>s2".to_owned(),
                "delayed messages s1 -> s2 are delivered",
            ),
        ] {
            assert_eq!(said(change, &links), expected, "{links}");
        }
    }
}
