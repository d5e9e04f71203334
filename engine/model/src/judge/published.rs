//! The lines that a command writes to `$FIREDRILL_OUTPUT`.

use std::collections::BTreeMap;

/// A line that is none of the two forms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of $FIREDRILL_OUTPUT {message}")]
pub struct PublishedFault {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// Reads `name=value` lines and `name<<END` blocks; of values with the same name the last one counts.
///
/// The lines of a block are joined as they are, without a line break at the end.
pub fn published(bytes: &[u8]) -> Result<BTreeMap<String, String>, PublishedFault> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        PublishedFault { line, message: "is not UTF-8".to_owned() }
    })?;
    let mut values = BTreeMap::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let fault = |message: String| PublishedFault { line: number + 1, message };
        if line.is_empty() {
            continue;
        }
        let (name, value) = match separator(line) {
            Some((name, Form::Line(value))) => (name, value.to_owned()),
            Some((name, Form::Block(end))) => {
                let block = block(&mut lines, end);
                (name, block.ok_or_else(|| fault(format!("begins a block that `{end}` does not end")))?)
            }
            None => return Err(fault("is neither `name=value` nor `name<<END`".to_owned())),
        };
        values.insert(name.to_owned(), value);
    }
    Ok(values)
}

enum Form<'a> {
    Line(&'a str),
    Block(&'a str),
}

fn separator(line: &str) -> Option<(&str, Form<'_>)> {
    let end = line.find(|c: char| c != '_' && !c.is_ascii_alphanumeric())?;
    let (name, rest) = line.split_at(end);
    let form = match (rest.strip_prefix('='), rest.strip_prefix("<<")) {
        (Some(value), _) => Form::Line(value),
        (None, Some(end)) if !end.is_empty() => Form::Block(end),
        _ => return None,
    };
    name.starts_with(|c: char| !c.is_ascii_digit()).then_some((name, form))
}

fn block<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, end: &str) -> Option<String> {
    let mut block = Vec::new();
    for (_, line) in lines {
        if line == end {
            return Some(block.join("\n"));
        }
        block.push(line);
    }
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        published(text.as_bytes()).map(|map| map.into_iter().collect()).map_err(|fault| fault.to_string())
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn lines_and_blocks() {
        let text = "a=1\n\nb<<EOF\nx\n y=2\n\nEOF\nc==<<z\na=3\nd<<E\nE\n";
        let expected = vec![pair("a", "3"), pair("b", "x\n y=2\n"), pair("c", "=<<z"), pair("d", "")];
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn faults_name_the_line() {
        let cases = [
            ("a=1\nnonsense\n", "line 2 of $FIREDRILL_OUTPUT is neither `name=value` nor `name<<END`"),
            ("1a=1\n", "line 1 of $FIREDRILL_OUTPUT is neither `name=value` nor `name<<END`"),
            ("a=1\nb<<EOF\nx\n", "line 2 of $FIREDRILL_OUTPUT begins a block that `EOF` does not end"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Err(expected.to_owned()));
        }
        let fault = published(b"a=1\nb=\xff\n").unwrap_err();
        assert_eq!(fault.to_string(), "line 2 of $FIREDRILL_OUTPUT is not UTF-8");
    }
}
