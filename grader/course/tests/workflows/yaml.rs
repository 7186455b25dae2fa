//! Reading workflows.

use std::{fs, path::PathBuf};

use saphyr::{LoadableYamlNode, Yaml};

use super::{read, root};

/// A file's documents.
pub fn documents(text: &str) -> Vec<Yaml<'_>> {
    Yaml::load_from_str(text).expect("it is YAML")
}

/// Runs `check` on each workflow: its name and what it says.
pub fn each_workflow(mut check: impl FnMut(&str, &Yaml<'_>)) {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(root().join(".github/workflows")).expect("the workflows are there") {
        files.push(entry.expect("an entry").path());
    }
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let text = read(&file);
        let documents = documents(&text);
        assert_eq!(documents.len(), 1, "{}", file.display());
        check(
            &file.file_stem().expect("a name").to_string_lossy(),
            &documents[0],
        );
    }
}

/// Runs `check` on one of them.
pub fn workflow(name: &str, check: impl FnOnce(&Yaml<'_>)) {
    let text = read(&root().join(format!(".github/workflows/{name}.yml")));
    check(&documents(&text)[0]);
}

pub fn entries<'a, 'b>(node: &'a Yaml<'b>) -> impl Iterator<Item = (&'a str, &'a Yaml<'b>)> {
    let mapping = node
        .as_mapping()
        .unwrap_or_else(|| panic!("no mapping: {node:?}"));
    mapping
        .iter()
        .map(|(key, value)| (key.as_str().expect("a name"), value))
}

pub fn jobs<'a, 'b>(workflow: &'a Yaml<'b>) -> impl Iterator<Item = (&'a str, &'a Yaml<'b>)> {
    entries(get(workflow, "jobs"))
}

pub fn get<'a, 'b>(node: &'a Yaml<'b>, key: &str) -> &'a Yaml<'b> {
    node.as_mapping_get(key)
        .unwrap_or_else(|| panic!("no {key:?} in {node:?}"))
}

pub fn steps<'a, 'b>(job: &'a Yaml<'b>) -> &'a [Yaml<'b>] {
    get(job, "steps").as_vec().expect("a list of steps")
}

pub fn text<'a>(node: &'a Yaml<'_>, key: &str) -> Option<&'a str> {
    node.as_mapping_get(key).map(|value| {
        value
            .as_str()
            .unwrap_or_else(|| panic!("{key:?} is no text: {value:?}"))
    })
}

/// All texts in a document, keys included.
fn texts(node: &Yaml<'_>, found: &mut Vec<String>) {
    if let Some(mapping) = node.as_mapping() {
        for (key, value) in mapping {
            texts(key, found);
            texts(value, found);
        }
    } else if let Some(list) = node.as_vec() {
        list.iter().for_each(|one| texts(one, found));
    } else if let Some(one) = node.as_str() {
        found.push(one.to_owned());
    }
}

pub fn all_text(node: &Yaml<'_>) -> String {
    let mut found = Vec::new();
    texts(node, &mut found);
    found.join("\n")
}

/// The position of the first step whose script has this in it.
pub fn position(job: &Yaml<'_>, script: &str) -> usize {
    let found = steps(job)
        .iter()
        .position(|step| text(step, "run").is_some_and(|run| run.contains(script)));
    found.unwrap_or_else(|| panic!("no step runs {script:?}"))
}

pub fn is_empty(node: &Yaml<'_>) -> bool {
    entries(node).next().is_none()
}
