//! Lines of a given width.

use unicode_width::UnicodeWidthStr;

/// Returns how many columns a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Returns the text with blanks up to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Breaks text at blanks into lines of at most `columns`; a word that is longer has a line of its own.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    text.lines().flat_map(|line| wrap_line(line, columns)).collect()
}

/// Breaks prose into lines of at most `columns`: the lines of a paragraph are one text, lists and blank lines stay.
pub(crate) fn wrap_prose(text: &str, columns: usize) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let begins_item = line.trim_start().starts_with(['-', '*', '#', '|']) || line.starts_with(' ');
        match paragraphs.last_mut() {
            Some(last) if is_open && !begins_item && !line.trim().is_empty() => {
                last.push(' ');
                last.push_str(line);
            }
            _ => paragraphs.push(line.to_owned()),
        }
        is_open = !line.trim().is_empty();
    }
    paragraphs
        .iter()
        .flat_map(|paragraph| wrap_line(paragraph, columns))
        .collect()
}

fn wrap_line(line: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split_whitespace() {
        let last = lines.last_mut().expect("there is always a line");
        if last.is_empty() {
            last.push_str(word);
        } else if width(last) + 1 + width(word) <= columns {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Breaks words, which stay whole, into lines of at most `columns`; further lines are indented and each but the last
/// ends in a backslash, so that a shell reads them as one.
pub(crate) fn wrap_command(words: &[String], columns: usize, plain: impl Fn(&str) -> usize) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for word in words {
        let needed = plain(word);
        match lines.last_mut() {
            Some((line, used)) if *used + 1 + needed + 2 <= columns => {
                line.push(' ');
                line.push_str(word);
                *used += 1 + needed;
            }
            Some(_) => lines.push((format!("    {word}"), 4 + needed)),
            None => lines.push((word.clone(), needed)),
        }
    }
    let last = lines.len().saturating_sub(1);
    let ends = lines.into_iter().enumerate();
    ends.map(|(at, (line, _))| if at < last { format!("{line} \\") } else { line })
        .collect()
}

/// A table whose columns are as wide as their widest cell. Cells are painted after they are padded.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| width(cell))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let padded = |row: &Vec<String>| row.iter().zip(&widths).map(|(cell, width)| pad(cell, *width)).collect();
    rows.iter().map(padded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable x", 4), ["unbreakable", "x"]);
        assert_eq!(wrap("한국어 텍스트", 7), ["한국어", "텍스트"]);
        assert_eq!(wrap("a\n\nb", 9), ["a", "", "b"]);
    }

    #[test]
    fn paragraphs_flow_and_lists_stay() {
        let text = "one\ntwo three\n\n- four\n- five\nsix";
        assert_eq!(
            wrap_prose(text, 9),
            ["one two", "three", "", "- four", "- five", "six"].map(str::to_owned)
        );
    }

    #[test]
    fn a_broken_command_is_one_for_the_shell() {
        let words = ["bosh", "-d", "cf-0123456789", "instances", "--json"].map(str::to_owned);
        assert_eq!(
            wrap_command(&words, 24, width),
            ["bosh -d cf-0123456789 \\", "    instances --json"]
        );
    }
}
