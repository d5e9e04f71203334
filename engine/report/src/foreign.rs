//! Text of others, made harmless for a terminal: no command can move the cursor, change colours or hide what it printed.

use std::iter::Peekable;
use std::str::Chars;

/// Characters of a line of foreign text that are shown.
const LONGEST_LINE: usize = 400;

/// The last lines of what a command printed, as the caller read them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The text; perhaps without its beginning, perhaps with anything in it.
    pub text: String,
    /// Whether something before it was left out.
    pub is_cut: bool,
}

impl Tail {
    /// Makes a tail of the last bytes of a stream; `is_cut` says whether there were bytes before them.
    pub fn of(bytes: &[u8], is_cut: bool) -> Tail {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let whole = if is_cut { text.split_once('\n').map_or(text.as_str(), |(_, rest)| rest) } else { &text };
        Tail { text: whole.to_owned(), is_cut }
    }

    /// Returns at most `count` last lines, harmless, blank ones at the end left out.
    pub(crate) fn lines(&self, count: usize) -> Vec<String> {
        let lines: Vec<String> = self.text.trim_end().lines().map(line).collect();
        let begin = lines.len().saturating_sub(count);
        lines.into_iter().skip(begin).collect()
    }
}

/// Returns a line as a terminal would leave it, harmless: what a carriage return overwrote is gone, colours too.
fn line(text: &str) -> String {
    let text = text.trim_end_matches('\r');
    let last = text.rsplit_once('\r').map_or(text, |(_, last)| last);
    shortened(harmless(last))
}

/// Returns a line that fits beside an event; the whole of it is in the log.
fn shortened(line: String) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line,
    }
}

/// Returns text without escape sequences and with every other control character spelled out, on one line.
///
/// Line feeds are kept; tabs become blanks; direction marks that make text read differently from what it is are spelled
/// out too.
pub fn harmless(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => clean.push('\n'),
            '\t' => clean.push_str("    "),
            '\u{1b}' => skip_sequence(&mut characters),
            '\u{9b}' => skip_control_sequence(&mut characters),
            '\u{90}' | '\u{9d}' | '\u{9e}' | '\u{9f}' | '\u{98}' => skip_string(&mut characters),
            other if is_dangerous(other) => clean.extend(other.escape_unicode()),
            other => clean.push(other),
        }
    }
    clean
}

fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Skips what follows an escape character.
fn skip_sequence(characters: &mut Peekable<Chars<'_>>) {
    match characters.peek() {
        Some('[') => {
            characters.next();
            skip_control_sequence(characters);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            characters.next();
            skip_string(characters);
        }
        Some(' '..='~') => {
            while characters.next_if(|character| matches!(character, ' '..='/')).is_some() {}
            characters.next_if(|character| matches!(character, '0'..='~'));
        }
        Some(_) | None => {}
    }
}

/// Skips parameters, intermediates and the final byte of a control sequence.
fn skip_control_sequence(characters: &mut Peekable<Chars<'_>>) {
    while characters.next_if(|character| matches!(character, ' '..='?')).is_some() {}
    characters.next_if(|character| matches!(character, '@'..='~'));
}

/// Skips to the end of an operating system command or another control string; never beyond the line.
fn skip_string(characters: &mut Peekable<Chars<'_>>) {
    while let Some(character) = characters.next_if(|character| *character != '\n') {
        if matches!(character, '\u{7}' | '\u{9c}') {
            return;
        }
        if character == '\u{1b}' {
            characters.next_if_eq(&'\\');
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_vanish_and_their_text_stays() {
        for (text, clean) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[2J\u{1b}[H\u{1b}[?25lgone", "gone"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}P1;2qdevice\u{1b}\\x", "x"),
            ("\u{9b}31mc1\u{9d}0;t\u{9c}x", "c1x"),
            ("\u{1b}(Bcharset\u{1b}=", "charset"),
            ("a\u{1b}]52;c;cGF5\nb", "a\nb"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(harmless(text), clean, "{text:?}");
        }
    }

    #[test]
    fn other_control_characters_are_spelled_out() {
        assert_eq!(harmless("a\u{8}b\u{0}c\u{7f}"), "a\\u{8}b\\u{0}c\\u{7f}");
        assert_eq!(harmless("safe\u{202e}gnp.exe"), "safe\\u{202e}gnp.exe");
        assert_eq!(harmless("a\tb"), "a    b");
    }

    #[test]
    fn no_control_character_survives() {
        let everything: String = (0..0x300).filter_map(char::from_u32).collect();
        let twice = everything.repeat(2);
        assert!(harmless(&twice).chars().all(|character| character == '\n' || !character.is_control()));
    }

    #[test]
    fn a_tail_is_the_last_lines_as_a_terminal_leaves_them() {
        let tail = Tail::of(b"half\none\r\n10%\r20%\r\n\n\n", true);
        assert_eq!(tail.lines(5), ["one", "20%"]);
        assert_eq!(tail.lines(1), ["20%"]);
        assert_eq!(Tail::of(b"\xff\n", false).lines(5), ["\u{fffd}"]);
        let long = Tail::of(&[0; 10_000], false).lines(5);
        assert!(long[0].len() == LONGEST_LINE + 4 && long[0].ends_with(" ..."), "{long:?}");
    }
}
