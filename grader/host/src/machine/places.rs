//! Where in the student's sources a node was when it was stopped.
//!
//! A module has the lines of its sources with it, as other programs have for a debugger. They are
//! read only when a node has been stopped by something that does not know its own place.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use addr2line::{Context, demangle_auto};
use gimli::{Dwarf, EndianSlice, LittleEndian};
use wasmparser::{Parser, Payload};
use wasmtime::FrameInfo;

/// A call from the student's sources into what is not theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    /// Such as `src/server.rs:12`.
    pub place: Option<String>,
    /// What is called there, such as `std::fs::write`.
    pub what: Option<String>,
}

/// The lines of one module.
pub(super) struct Places {
    wasm: Vec<u8>,
    /// Where the code begins, from which lines are counted.
    code_at: usize,
    /// What was found before, by the offsets of the frames: one fault may be looked at many times.
    found: Mutex<BTreeMap<Vec<usize>, Call>>,
}

type Slice<'a> = EndianSlice<'a, LittleEndian>;

impl Places {
    pub fn of(wasm: Vec<u8>) -> Places {
        let code_at = sections(&wasm).find_map(|payload| match payload {
            Payload::CodeSectionStart { range, .. } => Some(range.start),
            _ => None,
        });
        Places {
            code_at: code_at.unwrap_or(0),
            wasm,
            found: Mutex::default(),
        }
    }

    /// The innermost call in the student's sources. The innermost frame stands first.
    pub fn innermost(&self, frames: &[FrameInfo]) -> Call {
        let offsets = frames.iter().filter_map(FrameInfo::module_offset).collect();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        // Without lines, or with such that make no sense, there is no place to tell.
        found
            .entry(offsets)
            .or_insert_with(|| self.look(frames).unwrap_or_default())
            .clone()
    }

    /// The student's line that an instruction comes from.
    pub fn line_of(&self, offset: usize) -> Option<String> {
        let context = self.context().ok()?;
        let mut frames = context
            .find_frames(offset.checked_sub(self.code_at)? as u64)
            .skip_all_loads()
            .ok()?;
        while let Some(frame) = frames.next().ok()? {
            if let Some(place) = frame.location.as_ref().and_then(own_place) {
                return Some(place);
            }
        }
        None
    }

    fn context(&self) -> Result<Context<Slice<'_>>, gimli::Error> {
        let dwarf: Dwarf<Slice<'_>> = Dwarf::load(|id| {
            let section = sections(&self.wasm).find_map(|payload| match payload {
                Payload::CustomSection(section) if section.name() == id.name() => {
                    Some(section.data())
                }
                _ => None,
            });
            Ok::<_, gimli::Error>(EndianSlice::new(section.unwrap_or_default(), LittleEndian))
        })?;
        Context::from_dwarf(dwarf)
    }

    fn look(&self, calls: &[FrameInfo]) -> Result<Call, gimli::Error> {
        let context = self.context()?;
        let mut what = None;
        for call in calls {
            let offset = call.module_offset().unwrap_or_default();
            let Some(probe) = offset.checked_sub(self.code_at) else {
                continue;
            };
            let mut frames = context.find_frames(probe as u64).skip_all_loads()?;
            let mut has_names = false;
            while let Some(frame) = frames.next()? {
                if let Some(place) = frame.location.as_ref().and_then(own_place) {
                    let place = Some(place);
                    return Ok(Call { place, what });
                }
                if let Some(name) = &frame.function {
                    what = Some(plain_path(&name.demangle()?));
                    has_names = true;
                }
            }
            if let Some(symbol) = call.func_name().filter(|_| !has_names) {
                what = Some(plain_path(&demangle_auto(symbol.into(), None)));
            }
        }
        Ok(Call::default())
    }
}

fn sections(wasm: &[u8]) -> impl Iterator<Item = Payload<'_>> {
    Parser::new(0).parse_all(wasm).map_while(Result::ok)
}

/// The place, if it is in the student's sources.
fn own_place(location: &addr2line::Location<'_>) -> Option<String> {
    let file = location.file?.replace('\\', "/");
    let file = file.strip_prefix("./").unwrap_or(&file);
    let line = location.line.filter(|_| file.starts_with("src/"))?;
    Some(format!("{file}:{line}"))
}

/// A function's path as people write it: without a hash, without types in angle brackets.
pub(super) fn plain_path(name: &str) -> String {
    let mut path = String::new();
    let mut depth = 0_usize;
    // A method of a type that is written `<std::fs::File>::open` keeps the type.
    let (owner, rest) = match name.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((owner, rest)) if !owner.contains([' ', '<']) => (owner, rest),
        _ => ("", name),
    };
    for character in owner.chars().chain(rest.chars()) {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => path.push(character),
            _ => {}
        }
    }
    let parts = path.split("::");
    let parts: Vec<&str> = parts
        .filter(|part| !part.is_empty() && !is_hash(part))
        .collect();
    // Types and what is written in `use` are public; the modules between them are not.
    let is_public = |index: usize| {
        index < 2 || index + 1 == parts.len() || parts[index].starts_with(char::is_uppercase)
    };
    let public = (0..parts.len()).filter(|&index| is_public(index));
    public
        .map(|index| parts[index])
        .collect::<Vec<_>>()
        .join("::")
}

/// `h251ab6fcb723cace`, at the end of a symbol.
fn is_hash(part: &str) -> bool {
    part.len() == 17
        && part
            .strip_prefix('h')
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_what_people_write() {
        for (name, path) in [
            ("std::fs::write::h251ab6fcb723cace", "std::fs::write"),
            ("<std::fs::File>::open::<&str>", "std::fs::File::open"),
            ("std::env::var", "std::env::var"),
            ("std::thread::functions::spawn", "std::thread::spawn"),
            (
                "std::net::tcp::TcpStream::connect",
                "std::net::TcpStream::connect",
            ),
        ] {
            assert_eq!(plain_path(name), path);
        }
    }

    #[test]
    fn what_has_no_lines_has_no_place() {
        let places = Places::of(b"no module".to_vec());
        assert_eq!(places.innermost(&[]), Call::default());
    }
}
