//! The kill matrix for the terminal: rows as they come, then what they add up to.

use std::{io::Write, ops::Range};

use colored::Colorize;
use faultline_verdict::{Matrix, MatrixRow, MatrixTest, Status};

use crate::safe::{printable, wrap};

/// Maximum number of columns of a name; longer ones end in an ellipsis.
const WIDEST_NAME: usize = 40;

/// Minimum width for names: with less room, public and hidden tests are shown one below the other.
const NARROWEST_NAME: usize = 24;

/// What a line holds besides the name and the cells: spaces and `100/100`.
const BESIDES: usize = 10;

/// What separates public tests from hidden ones.
const SEPARATOR: &str = " | ";

/// A listener of a matrix that grows.
pub struct MatrixScreen<W> {
    out: W,
    width: usize,
}

impl<W: Write> MatrixScreen<W> {
    /// Writes to `out` in lines of at most `width` columns.
    pub fn new(out: W, width: usize) -> MatrixScreen<W> {
        MatrixScreen {
            out,
            width: width.clamp(60, 160),
        }
    }

    /// Writes the last row of the matrix or, as long as it has none, its head.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn grown(&mut self, matrix: &Matrix) -> std::io::Result<()> {
        let layout = Layout::of(matrix, self.width);
        let Some((row, before)) = matrix.rows.split_last() else {
            let public = public(&matrix.tests);
            let hidden = matrix.tests.len() - public;
            let title = format!(
                "{public} public and {hidden} hidden tests; the columns are numbered below"
            );
            writeln!(self.out, "{}  {}", matrix.lab.bold(), title.dimmed())?;
            writeln!(self.out, "{}", layout.head(0))?;
            return self.out.flush();
        };
        writeln!(self.out, "{}", layout.line(0, row, before.last()))?;
        self.out.flush()
    }

    /// Writes what did not fit beside the names, the legend, how much is caught, and the broken
    /// promises.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn finished(&mut self, matrix: &Matrix) -> std::io::Result<()> {
        let layout = Layout::of(matrix, self.width);
        for block in 1..layout.blocks.len() {
            writeln!(self.out, "\n{}", layout.head(block))?;
            let before = std::iter::once(None).chain(matrix.rows.iter().map(Some));
            for (row, before) in matrix.rows.iter().zip(before) {
                writeln!(self.out, "{}", layout.line(block, row, before))?;
            }
        }
        writeln!(
            self.out,
            "\n{}",
            ". passed   X failed   w withheld   ? not scored".dimmed()
        )?;
        for (column, test) in matrix.tests.iter().enumerate() {
            if column > 0 && column == public(&matrix.tests) {
                writeln!(self.out, "{}", "hidden:".dimmed())?;
            }
            let caught = format!("catches {}", matrix.kills(column));
            let caught = if matrix.kills(column) == 0 {
                caught.yellow()
            } else {
                caught.dimmed()
            };
            let points = format!(
                "{} {}",
                test.points,
                if test.points == 1 { "point" } else { "points" }
            );
            let test = format!("{}  {:<45}", test.part, test.id);
            writeln!(self.out, "{:>3}  {test} {points:>9}  {caught}", column + 1)?;
        }
        self.sums(matrix)?;
        self.out.flush()
    }

    fn sums(&mut self, matrix: &Matrix) -> std::io::Result<()> {
        let (all, (by_public, hidden_only)) = (matrix.wrong().count(), matrix.killed());
        let percent = (by_public * 100).checked_div(all).unwrap_or(0);
        writeln!(
            self.out,
            "\nwrong solutions caught by a public test: {by_public} of {all} ({percent} %)"
        )?;
        writeln!(
            self.out,
            "only by hidden tests: {hidden_only}; by none: {}",
            all - by_public - hidden_only
        )?;
        let idle = (0..matrix.tests.len()).filter(|column| matrix.kills(*column) == 0);
        let idle: Vec<&str> = idle
            .map(|column| matrix.tests[column].id.as_str())
            .collect();
        // Of a few wrong solutions that somebody chose, most tests catch none.
        if !idle.is_empty() && !matrix.partial {
            let text = format!("tests that catch nothing: {}", idle.join(", "));
            writeln!(self.out, "{}", wrap(&text, self.width, "  ").join("\n"))?;
        }
        match matrix.broken_promises.len() {
            0 => writeln!(self.out, "{}", "every promise is kept".green())?,
            1 => writeln!(self.out, "\n{}", "1 promise is broken:".red().bold())?,
            count => writeln!(
                self.out,
                "\n{}",
                format!("{count} promises are broken:").red().bold()
            )?,
        }
        for promise in &matrix.broken_promises {
            writeln!(
                self.out,
                "{}",
                wrap(&format!("- {}", printable(promise)), self.width, "  ").join("\n")
            )?;
        }
        Ok(())
    }
}

/// How many of the columns are public; those come first.
fn public(tests: &[MatrixTest]) -> usize {
    tests
        .iter()
        .filter(|test| test.visibility.is_public())
        .count()
}

/// Which columns stand where.
struct Layout {
    /// The width of the names.
    names: usize,
    /// Columns that stand side by side: what stands above one another is cut here.
    blocks: Vec<Range<usize>>,
    /// The first hidden column.
    hidden: usize,
}

impl Layout {
    fn of(matrix: &Matrix, width: usize) -> Layout {
        let (all, public) = (matrix.tests.len(), public(&matrix.tests));
        let separated = if public < all { SEPARATOR.len() } else { 0 };
        let names = width
            .saturating_sub(all + separated + BESIDES)
            .min(WIDEST_NAME);
        if names >= NARROWEST_NAME {
            return Layout {
                names,
                blocks: std::iter::once(0..all).collect(),
                hidden: public,
            };
        }
        let widest = public.max(all - public);
        let names = width
            .saturating_sub(widest + BESIDES)
            .clamp(NARROWEST_NAME, WIDEST_NAME);
        let room = width - names - BESIDES;
        let cut = |range: Range<usize>| {
            let end = range.end;
            range
                .step_by(room)
                .map(move |first| first..(first + room).min(end))
        };
        Layout {
            names,
            blocks: cut(0..public).chain(cut(public..all)).collect(),
            hidden: public,
        }
    }

    /// The numbers of the columns, from top to bottom.
    fn head(&self, block: usize) -> String {
        let digits = self
            .blocks
            .iter()
            .map(|block| block.end)
            .max()
            .unwrap_or(0)
            .to_string()
            .len();
        let line = |digit: usize| {
            let numbers =
                |column: usize| format!("{:>digits$}", column + 1)[digit..=digit].to_owned();
            format!("{:1$} {2}", "", self.names, self.cells(block, numbers))
                .trim_end()
                .to_owned()
        };
        (0..digits)
            .map(line)
            .map(|line| line.dimmed().to_string())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// A solution; the first wrong one after correct ones is set apart.
    fn line(&self, block: usize, row: &MatrixRow, before: Option<&MatrixRow>) -> String {
        let gap = if before.is_some_and(|before| before.correct) && !row.correct {
            "\n"
        } else {
            ""
        };
        let name = format!(
            "{:<1$}",
            shortened(&printable(&row.name), self.names),
            self.names
        );
        let name = if row.correct {
            name.green()
        } else {
            name.normal()
        };
        if row.cells.is_empty() {
            return format!("{gap}{name} {}", "does not build".red().bold());
        }
        let cells = self.cells(block, |column| cell(row.cells.get(column).copied()));
        let score = format!("{}/{}", row.score.earned, row.score.possible);
        format!("{gap}{name} {cells}  {score:>7}")
    }

    fn cells(&self, block: usize, cell: impl Fn(usize) -> String) -> String {
        let Some(block) = self.blocks.get(block) else {
            return String::new();
        };
        let separated = |column: usize| match column == self.hidden && column > block.start {
            true => format!("{SEPARATOR}{}", cell(column)),
            false => cell(column),
        };
        block.clone().map(separated).collect()
    }
}

fn cell(status: Option<Status>) -> String {
    match status {
        Some(Status::Passed) => ".".dimmed(),
        Some(Status::Failed) => "X".red().bold(),
        Some(Status::Withheld) => "w".yellow(),
        Some(Status::NotScored) => "?".yellow().bold(),
        None => " ".normal(),
    }
    .to_string()
}

fn shortened(name: &str, width: usize) -> String {
    if name.chars().count() <= width {
        return name.to_owned();
    }
    name.chars()
        .take(width.saturating_sub(1))
        .chain(['…'])
        .collect()
}
