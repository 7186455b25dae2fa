//! `cargo grade replay TRACE --step`: going through a run, forward and back.

use std::io::{self, IsTerminal, Write};

use crossterm::{
    cursor::MoveTo,
    event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
    execute, queue,
    style::Print,
    terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen},
};
use faultline_grade::Error;
use faultline_report::{Nodes, step_text};
use faultline_verdict::Walk;

const KEYS: &str =
    "left/right step  n/p in the trace  g/G first/last  up/down scroll  a all nodes  q quit";
const FEW_KEYS: &str = "left/right step  n/p in trace  g/G ends  up/down  a all  q quit";

/// True if somebody can be shown one step after the other.
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Shows the run, beginning where it broke, until somebody quits.
///
/// # Errors
/// If the terminal cannot be used.
pub fn step(walk: &Walk) -> Result<(), Error> {
    let screen = Screen::enter().map_err(cannot)?;
    let mut viewer = Viewer::new(walk);
    while !viewer.quit {
        viewer.draw(&mut io::stdout()).map_err(cannot)?;
        match crossterm::event::read().map_err(cannot)? {
            Event::Key(key) if key.kind == KeyEventKind::Press => viewer.key(key),
            _ => {}
        }
    }
    drop(screen);
    Ok(())
}

fn cannot(error: io::Error) -> Error {
    Error::Broken(format!(
        "the terminal cannot be used: {error}; `cargo grade replay TRACE --step | less` prints"
    ))
}

/// The terminal's other screen, as long as this lives.
struct Screen;

impl Screen {
    fn enter() -> io::Result<Screen> {
        terminal::enable_raw_mode()?;
        let screen = Screen;
        execute!(io::stdout(), EnterAlternateScreen)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _gone = execute!(io::stdout(), LeaveAlternateScreen);
        let _not_raw = terminal::disable_raw_mode();
    }
}

/// Where somebody is.
struct Viewer<'w> {
    walk: &'w Walk,
    position: usize,
    nodes: Nodes,
    /// Lines above the screen.
    above: usize,
    quit: bool,
}

impl<'w> Viewer<'w> {
    fn new(walk: &'w Walk) -> Viewer<'w> {
        let position = walk.steps.iter().position(|step| step.broke).unwrap_or(0);
        Viewer {
            walk,
            position,
            nodes: Nodes::default(),
            above: 0,
            quit: false,
        }
    }

    fn key(&mut self, key: KeyEvent) {
        let last = self.walk.steps.len().saturating_sub(1);
        let matters = |index: &usize| self.walk.steps[*index].matters;
        let position = match key.code {
            KeyCode::Right | KeyCode::Char(' ' | 'l') | KeyCode::Enter => {
                (self.position + 1).min(last)
            }
            KeyCode::Left | KeyCode::Backspace | KeyCode::Char('b') => {
                self.position.saturating_sub(1)
            }
            KeyCode::Char('n') => (self.position + 1..=last)
                .find(matters)
                .unwrap_or(self.position),
            KeyCode::Char('p') => (0..self.position)
                .rev()
                .find(matters)
                .unwrap_or(self.position),
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => last,
            KeyCode::Down | KeyCode::Char('j') => {
                self.above += 1;
                return;
            }
            KeyCode::Up | KeyCode::Char('k') => {
                self.above = self.above.saturating_sub(1);
                return;
            }
            KeyCode::Char('a') => {
                self.nodes = if self.nodes == Nodes::All {
                    Nodes::OfTheStep
                } else {
                    Nodes::All
                };
                return;
            }
            KeyCode::Char('q') | KeyCode::Esc => {
                self.quit = true;
                return;
            }
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.quit = true;
                return;
            }
            _ => return,
        };
        if position != self.position {
            (self.position, self.above) = (position, 0);
        }
    }

    fn draw(&mut self, out: &mut impl Write) -> io::Result<()> {
        let (columns, rows) = terminal::size()?;
        let (columns, rows) = (usize::from(columns).max(40), usize::from(rows).max(4));
        let text = step_text(self.walk, self.position, self.nodes, columns);
        let lines: Vec<&str> = text.lines().collect();
        let room = rows - 2;
        self.above = self.above.min(lines.len().saturating_sub(room));
        queue!(out, MoveTo(0, 0), Clear(ClearType::All))?;
        for (row, line) in lines.iter().skip(self.above).take(room).enumerate() {
            queue!(out, MoveTo(0, row as u16), Print(line))?;
        }
        let below = lines.len().saturating_sub(self.above + room);
        let more = if below > 0 {
            format!("{below} lines below | ")
        } else {
            String::new()
        };
        let keys = if columns > KEYS.len() + 20 {
            KEYS
        } else {
            FEW_KEYS
        };
        let keys: String = format!("{more}{keys}").chars().take(columns).collect();
        queue!(out, MoveTo(0, (rows - 1) as u16), Print(keys))?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use faultline_verdict::WalkStep;

    use super::*;

    fn walk() -> Walk {
        let step = |number: u64| WalkStep {
            number,
            matters: number.is_multiple_of(3),
            broke: number == 6,
            text: format!("step {number}"),
            ..WalkStep::default()
        };
        Walk {
            steps: (1..=9).map(step).collect(),
            folded: 0,
            of: 9,
        }
    }

    #[test]
    fn keys_go_forward_and_back_and_never_past_the_ends() {
        let walk = walk();
        let mut viewer = Viewer::new(&walk);
        let mut press = |code: KeyCode| {
            viewer.key(KeyEvent::new(code, KeyModifiers::NONE));
            viewer.walk.steps[viewer.position].number
        };
        assert_eq!(
            press(KeyCode::Right),
            7,
            "it begins where the promise was broken"
        );
        assert_eq!(press(KeyCode::Char('n')), 9);
        assert_eq!(press(KeyCode::Right), 9);
        assert_eq!(press(KeyCode::Char('n')), 9);
        assert_eq!(press(KeyCode::Char('p')), 6);
        assert_eq!(press(KeyCode::Left), 5);
        assert_eq!(press(KeyCode::Char('g')), 1);
        assert_eq!(press(KeyCode::Left), 1);
        assert_eq!(press(KeyCode::Char('p')), 1);
        assert_eq!(press(KeyCode::Char('G')), 9);
        press(KeyCode::Char('q'));
        assert!(viewer.quit);
    }
}
