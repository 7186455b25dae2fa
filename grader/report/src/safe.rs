//! Text that a submission wrote must not steer the terminal.

/// The text with control characters made visible, line breaks and tabs kept.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|char| match char {
            '\n' | '\t' => char.to_string(),
            char if char.is_control() || is_invisible(char) => char.escape_default().to_string(),
            char => char.to_string(),
        })
        .collect()
}

/// Characters that change how those around them are shown.
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Breaks a text into lines of at most `width` characters, at spaces where possible; further lines begin with `indent`.
pub(crate) fn wrap(text: &str, width: usize, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let own = &paragraph[..paragraph.len() - paragraph.trim_start().len()];
        let mut line = String::from(own);
        let mut empty = true;
        for word in paragraph.split_whitespace() {
            let mut word = word;
            let room = |line: &str| width.saturating_sub(line.chars().count());
            if !empty && room(&line) < word.chars().count() + 1 {
                lines.push(std::mem::replace(&mut line, format!("{own}{indent}")));
                empty = true;
            }
            while word.chars().count() > room(&line).max(8) {
                let (end, _) = word.char_indices().nth(room(&line).max(8)).expect("the word is longer");
                line.push_str(&word[..end]);
                lines.push(std::mem::replace(&mut line, format!("{own}{indent}")));
                word = &word[end..];
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(printable("a\u{1b}[31mb\r\n\u{202e}c"), "a\\u{1b}[31mb\\r\n\\u{202e}c");
    }

    #[test]
    fn lines_fit_and_nothing_is_lost() {
        let text = "one two three fourfivesixseveneight nine\n  indented text goes on";
        for width in 12..40 {
            let lines = wrap(text, width, "  ");
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:?}");
            let letters = |text: &str| text.chars().filter(|char| !char.is_whitespace()).collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(text));
        }
    }
}
