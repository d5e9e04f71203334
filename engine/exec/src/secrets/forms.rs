//! The forms in which programs write a value: as it is, line by line, and encoded.

use std::collections::BTreeSet;

use super::SHORTEST;

/// The widths at which tools break base64 into lines.
const BASE64_LINES: [usize; 2] = [76, 64];
/// The shortest line of broken base64 that is masked by itself.
const SHORTEST_BASE64_LINE: usize = 16;

/// Adds every form of a value that is masked.
pub(super) fn add(value: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let trimmed = value.trim();
    for whole in [value, trimmed] {
        written(whole, forms);
        base64_of(whole.as_bytes(), forms);
    }
    value.lines().map(str::trim).for_each(|line| written(line, forms));
    forms.retain(|form| form.len() >= SHORTEST);
}

/// Adds a text as it is, and as URLs, JSON and shells have it. One that is too short is left out, as it is everywhere.
fn written(text: &str, forms: &mut BTreeSet<Vec<u8>>) {
    if text.chars().count() < SHORTEST {
        return;
    }
    forms.insert(text.as_bytes().to_vec());
    forms.extend(urls(text).into_iter().chain(jsons(text)).chain(shells(text)).map(String::into_bytes));
}

fn urls(text: &str) -> Vec<String> {
    let mut urls = Vec::new();
    // What each writer keeps, and what it makes of a space. None keeps `%`.
    for (keeps, space) in [("", "%20"), ("", "+"), ("/", "%20"), ("!'()*", "%20"), ("!*'(),/:;@&=+$?#", "%20")] {
        let upper = url(text, keeps, space);
        urls.push(lower_hex(&upper));
        urls.push(upper);
    }
    urls
}

fn url(text: &str, keeps: &str, space: &str) -> String {
    let mut url = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => url.push_str(space),
            b'-' | b'_' | b'.' | b'~' => url.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() || keeps.as_bytes().contains(&byte) => url.push(char::from(byte)),
            _ => url.extend(["%".to_owned(), format!("{byte:02X}")]),
        }
    }
    url
}

fn lower_hex(url: &str) -> String {
    let mut lower = String::new();
    for (at, part) in url.split('%').enumerate() {
        if at == 0 {
            lower.push_str(part);
            continue;
        }
        let (digits, rest) = part.split_at(2);
        lower.push('%');
        lower.push_str(&digits.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}

/// What a writer of JSON escapes although it need not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Nothing,
    NonAscii,
    Slash,
    NonAsciiAndSlash,
    Html,
}

fn jsons(text: &str) -> Vec<String> {
    let all = [Escapes::Nothing, Escapes::NonAscii, Escapes::Slash, Escapes::NonAsciiAndSlash, Escapes::Html];
    all.into_iter().map(|escapes| json(text, escapes)).collect()
}

fn json(text: &str, escapes: Escapes) -> String {
    let mut json = String::new();
    for char in text.chars() {
        let has_slash = matches!(escapes, Escapes::Slash | Escapes::NonAsciiAndSlash);
        let is_ascii = matches!(escapes, Escapes::NonAscii | Escapes::NonAsciiAndSlash);
        match char {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '/' if has_slash => json.push_str("\\/"),
            '<' | '>' | '&' if escapes == Escapes::Html => json.push_str(&units(char)),
            _ if char.is_ascii_control() || is_ascii && !char.is_ascii() => json.push_str(&units(char)),
            _ => json.push(char),
        }
    }
    json
}

fn units(char: char) -> String {
    let units: Vec<String> = char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
    units.concat()
}

fn shells(text: &str) -> Vec<String> {
    let escaped = |needs: fn(char) -> bool| -> String {
        text.chars().flat_map(|char| needs(char).then_some('\\').into_iter().chain([char])).collect()
    };
    vec![
        text.replace('\'', "'\\''"),
        text.replace('\'', "'\"'\"'"),
        escaped(|char| "\"\\$`".contains(char)),
        escaped(|char| "\"\\$`!".contains(char)),
        escaped(|char| char.is_ascii() && !char.is_ascii_alphanumeric() && !"_-./:=@%+,".contains(char)),
        escaped(|char| char.is_ascii() && !char.is_ascii_alphanumeric() && !"_-./:=@%+".contains(char)),
        ansi_c(text),
    ]
}

/// Returns the text as it stands in `$'...'`.
fn ansi_c(text: &str) -> String {
    let mut quoted = String::new();
    for char in text.chars() {
        match char {
            '\'' => quoted.push_str("\\'"),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{1b}' => quoted.push_str("\\E"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            _ if char.is_ascii_control() => quoted.extend(["\\".to_owned(), format!("{:03o}", u32::from(char))]),
            _ => quoted.push(char),
        }
    }
    quoted
}

/// Adds the characters of base64 that do not depend on what stands around the value, for each of its three places in a
/// group of bytes, and the lines of it where a tool breaks it.
fn base64_of(value: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    if value.len() < SHORTEST {
        return;
    }
    for before in 0..3 {
        let padded = [&[0; 2][..before], value].concat();
        let encoded = base64(&padded);
        // A character holds six bits: those that share theirs with a neighbour are left out.
        let first = [0, 2, 3][before];
        let last = encoded.len() - usize::from(padded.len() % 3 != 0);
        let sure = &encoded[first..last];
        forms.insert(url_safe(sure));
        forms.insert(sure.to_vec());
    }
    let whole = base64(value);
    for width in BASE64_LINES {
        let sure = &whole[..whole.len() - usize::from(!value.len().is_multiple_of(3))];
        let lines = sure.chunks(width).filter(|line| line.len() >= SHORTEST_BASE64_LINE);
        forms.extend(lines.map(<[u8]>::to_vec));
    }
}

fn url_safe(encoded: &[u8]) -> Vec<u8> {
    let safe = |&byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => other,
    };
    encoded.iter().map(safe).collect()
}

/// Returns bytes as base64 without padding.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = Vec::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        let digits = (0..=group.len()).map(|at| DIGITS[(bits >> (18 - 6 * at) & 63) as usize]);
        encoded.extend(digits);
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(value: &str) -> BTreeSet<Vec<u8>> {
        let mut forms = BTreeSet::new();
        add(value, &mut forms);
        forms
    }

    fn holds(value: &str, form: &str) {
        assert!(forms(value).contains(form.as_bytes()), "`{form}` is no form of `{value}`");
    }

    #[test]
    fn base64_at_each_place() {
        assert_eq!(base64(b"hunter2"), b"aHVudGVyMg");
        holds("hunter2", "aHVudGVyM");
        // xhunter2x and xxhunter2xx
        holds("hunter2", "h1bnRlcj");
        holds("hunter2", "odW50ZXIy");
        holds("a?>~b?>~", "YT8-fmI_Pn");
    }

    #[test]
    fn text_in_urls_json_and_shells() {
        holds("a b&é/", "a%20b%26%C3%A9%2F");
        holds("a b&é/", "a+b%26%c3%a9%2f");
        holds("a b&é/", "a%20b%26%C3%A9/");
        holds("Ab\"c\\d\né", "Ab\\\"c\\\\d\\n\\u00e9");
        holds("a<b/c", "a\\u003cb/c");
        holds("a<b/c", "a<b\\/c");
        holds("it's $x", "it'\\''s $x");
        holds("it's $x", "it\\'s\\ \\$x");
        holds("it's $x", "it's \\$x");
        holds("it's\n$x", "it\\'s\\n$x");
    }

    #[test]
    fn lines_by_themselves_and_short_ones_not() {
        let forms = forms("-----BEGIN-----\nabc\n  defg\n");
        assert!(forms.contains(&b"-----BEGIN-----"[..]) && forms.contains(&b"defg"[..]));
        assert!(!forms.contains(&b"abc"[..]));
    }

    #[test]
    fn escapes_are_lowered_and_nothing_else() {
        assert_eq!(lower_hex("AB%2FCD%C3%A9"), "AB%2fCD%c3%a9");
    }
}
