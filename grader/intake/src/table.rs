//! CSV files as people and services write them.

use std::{fs, path::Path};

use crate::error::IntakeError;

/// Maximum size of a roster.
const MAX_BYTES: u64 = 64 << 20;

/// A CSV file with a line of headings.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    path: &'a Path,
    /// In lower case, without white space around them.
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
        let first = text
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        let count = |delimiter: u8| first.bytes().filter(|byte| *byte == delimiter).count();
        // Excel separates by semicolons where the comma is the decimal point. A single column has
        // none of them.
        let delimiter = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|delimiter| (count(*delimiter), *delimiter == b','));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter.unwrap_or(b','))
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut table = Table {
            path,
            headings: Vec::new(),
            rows: Vec::new(),
        };
        for record in reader.records() {
            let record = record.map_err(|error| IntakeError::input(path, error.to_string()))?;
            let line = record.position().map_or(0, |position| position.line());
            let cells: Vec<String> = record.iter().map(str::to_owned).collect();
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if table.headings.is_empty() {
                table.headings = cells
                    .iter()
                    .map(|cell| cell.trim().to_lowercase())
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
