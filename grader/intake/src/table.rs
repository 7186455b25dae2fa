//! CSV files as people and services write them.

use std::{fs, path::Path};

use crate::error::IntakeError;

/// Maximum size of a roster.
const MAX_BYTES: u64 = 64 << 20;

/// Headings of texts that may have several lines.
const LONG_TEXTS: [&str; 3] = ["comment", "feedback", "text"];

/// A CSV file with a line of headings.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    path: &'a Path,
    /// As they stand there, without white space around them.
    titles: Vec<String>,
    /// The same in lower case.
    headings: Vec<String>,
    rows: Vec<TableRow>,
}

/// A line below the headings.
#[derive(Debug)]
pub(crate) struct TableRow {
    pub(crate) line: u64,
    cells: Vec<String>,
}

impl TableRow {
    /// The cell of a column; none if it is empty, or there is no such column.
    pub(crate) fn cell(&self, column: Option<usize>) -> Option<&str> {
        self.cells
            .get(column?)
            .map(|cell| cell.trim())
            .filter(|cell| !cell.is_empty())
    }
}

impl<'a> Table<'a> {
    /// Reads a file: UTF-8, with or without a byte order mark, separated by commas, semicolons or
    /// tabs.
    pub(crate) fn read(path: &'a Path) -> Result<Table<'a>, IntakeError> {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => IntakeError::input(path, "there is no such file"),
            _ => IntakeError::io("read", path)(error),
        })?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(IntakeError::input(
                path,
                format!("expected a CSV file of at most {MAX_BYTES} bytes"),
            ));
        }
        let bytes = fs::read(path).map_err(IntakeError::io("read", path))?;
        let encoding = || IntakeError::input(path, "it is not UTF-8 text: save it as `CSV UTF-8`");
        let text = String::from_utf8(bytes).map_err(|_| encoding())?;
        Table::parse(path, text.strip_prefix('\u{feff}').unwrap_or(&text))
    }

    fn parse(path: &'a Path, text: &str) -> Result<Table<'a>, IntakeError> {
        let (told, text) = separator_line(text);
        let first = text
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        let count = |delimiter: u8| first.bytes().filter(|byte| *byte == delimiter).count();
        // Excel separates by semicolons where the comma is the decimal point. A single column has
        // none of them.
        let guessed = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|delimiter| (count(*delimiter), *delimiter == b','));
        let delimiter = told.or(guessed).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut table = Table {
            path,
            titles: Vec::new(),
            headings: Vec::new(),
            rows: Vec::new(),
        };
        // The reader would take the rest of the file for one cell, without a word.
        if let Some((line, problem)) = misquoted(text, delimiter) {
            return Err(table.at(line, problem));
        }
        for record in reader.records() {
            let record = record.map_err(|error| IntakeError::input(path, error.to_string()))?;
            let line = record.position().map_or(0, |position| position.line());
            let cells: Vec<String> = record.iter().map(str::to_owned).collect();
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if table.headings.is_empty() {
                table.titles = cells.iter().map(|cell| cell.trim().to_owned()).collect();
                table.headings = table
                    .titles
                    .iter()
                    .map(|title| title.to_lowercase())
                    .collect();
                continue;
            }
            let (found, expected) = (cells.len(), table.headings.len());
            if cells
                .iter()
                .skip(expected)
                .any(|cell| !cell.trim().is_empty())
            {
                let problem = format!(
                    "it has {found} cells, and the headings are {expected}: quote cells with \
                     separators"
                );
                return Err(table.at(line, &problem));
            }
            let longer = cells.iter().zip(&table.headings).find(|(cell, heading)| {
                cell.trim().contains('\n') && !LONG_TEXTS.iter().any(|text| heading.contains(text))
            });
            if let Some((_, heading)) = longer {
                let problem =
                    format!("its cell `{heading}` goes over several lines: is a quote not closed?");
                return Err(table.at(line, &problem));
            }
            table.rows.push(TableRow { line, cells });
        }
        table.check_headings()?;
        Ok(table)
    }

    fn check_headings(&self) -> Result<(), IntakeError> {
        for (index, heading) in self.headings.iter().enumerate() {
            if !heading.is_empty() && self.headings[..index].contains(heading) {
                return Err(self.at(1, &format!("two columns are called `{heading}`")));
            }
        }
        if self.headings.is_empty() {
            return Err(IntakeError::input(
                self.path,
                "it is empty: expected a line of headings and a line for each student",
            ));
        }
        Ok(())
    }

    pub(crate) fn rows(&self) -> &[TableRow] {
        &self.rows
    }

    /// The first column that has one of these headings.
    pub(crate) fn column(&self, names: &[&str]) -> Option<usize> {
        names
            .iter()
            .find_map(|name| self.headings.iter().position(|heading| heading == name))
    }

    /// The heading of a column as it stands in the file.
    pub(crate) fn title(&self, column: usize) -> &str {
        &self.titles[column]
    }

    /// A column without which the file is of no use.
    pub(crate) fn needed(&self, names: &[&str], expected: &str) -> Result<usize, IntakeError> {
        self.column(names)
            .ok_or_else(|| self.wrong_columns(expected))
    }

    /// Says which columns there are, and which were expected.
    pub(crate) fn wrong_columns(&self, expected: &str) -> IntakeError {
        self.at(
            1,
            &format!(
                "it has the columns `{}`; expected {expected}",
                self.headings.join(",")
            ),
        )
    }

    pub(crate) fn at(&self, line: u64, problem: &str) -> IntakeError {
        IntakeError::input(self.path, format!("line {line}: {problem}"))
    }
}

/// The separator that a line `sep=;` before the headings tells a spreadsheet, and what follows
/// that line (with its end, so that lines keep their numbers).
fn separator_line(text: &str) -> (Option<u8>, &str) {
    let line = text.lines().next().unwrap_or_default();
    let told = line.trim().trim_matches('"').strip_prefix("sep=");
    match told.map(str::as_bytes) {
        Some([separator]) => (Some(*separator), &text[line.len()..]),
        _ => (None, text),
    }
}

/// The first cell whose quotes are not those of a table, by the line in which it begins.
fn misquoted(text: &str, delimiter: u8) -> Option<(u64, &'static str)> {
    let bytes = text.as_bytes();
    let (mut at, mut line, mut is_begin) = (0, 1, true);
    while let Some(byte) = bytes.get(at) {
        if *byte == b'"' && is_begin {
            let began = line;
            loop {
                at += 1;
                match (bytes.get(at), bytes.get(at + 1)) {
                    (None, _) => {
                        let problem = "a quote begins here and is not closed: close it, or remove \
                                       it";
                        return Some((began, problem));
                    }
                    (Some(b'"'), Some(b'"')) => at += 1,
                    (Some(b'"'), _) => break,
                    (Some(b'\n'), _) => line += 1,
                    (Some(_), _) => {}
                }
            }
            let rest = bytes[at + 1..].iter().find(|byte| **byte != b' ');
            if rest.is_some_and(|byte| !(*byte == delimiter || b"\r\n".contains(byte))) {
                let problem = "there is text behind the closing quote of a cell that begins here: \
                               is a quote not closed? (Inside of a cell, quotes are doubled)";
                return Some((began, problem));
            }
        }
        line += u64::from(*byte == b'\n');
        is_begin = *byte == delimiter || *byte == b'\n';
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.csv");
        fs::write(&path, text).expect("written");
        let table = Table::read(&path).map_err(|error| error.to_string())?;
        let columns = [table.column(&["a"]), table.column(&["b", "other"])];
        let cells = |row: &TableRow| {
            columns
                .iter()
                .map(|column| row.cell(*column).map(str::to_owned))
                .collect()
        };
        Ok(table.rows().iter().map(cells).collect())
    }

    #[test]
    fn every_way_to_write_a_table_is_read() {
        let expected = vec![
            vec![Some("1".to_owned()), Some("x, y".to_owned())],
            vec![Some("2".to_owned()), None],
        ];
        for text in [
            "a,b\n1,\"x, y\"\n2,\n",
            "\u{feff}A;B\r\n1;x, y\r\n\r\n2;\r\n",
            "other\ta\nx, y\t1\n\t2\n",
            "a,b\n1,\"x, y\",,\n2\n,,\n",
            "sep=;\na;b\n1;\"x, y\"\n2;\n",
            "\u{feff}\"sep=|\"\r\na|b\r\n1|x, y\r\n2|\r\n",
        ] {
            assert_eq!(table(text), Ok(expected.clone()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_table_is_told_with_its_line() {
        for (text, says) in [
            ("", "it is empty"),
            (
                "a,b\n1,2,3\n",
                "line 2: it has 3 cells, and the headings are 2",
            ),
            ("a,b,A\n", "line 1: two columns are called `a`"),
            (
                "a,b\n1,2\n3,\"x\n4,5\n",
                "line 3: a quote begins here and is not closed",
            ),
            (
                "sep=;\na;b\n3;\"x\n",
                "line 3: a quote begins here and is not closed",
            ),
            // The quote of a later line would close it.
            (
                "a,b\n1,\"x\n2,\"y\"\n",
                "line 2: there is text behind the closing quote",
            ),
            (
                "a,b\n1,\"x\n2,y\"\n",
                "line 2: its cell `b` goes over several lines",
            ),
        ] {
            let error = table(text).expect_err(text);
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn what_is_not_utf_8_says_how_to_save_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.csv");
        fs::write(&path, b"a,b\n1,M\xfcller\n").expect("written");
        assert!(
            Table::read(&path)
                .expect_err("Latin 1")
                .to_string()
                .contains("CSV UTF-8")
        );
    }
}
