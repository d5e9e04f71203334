//! The options of `ps`: which processes, and what of them.

use std::slice::Iter;

const USAGE: &str = "
Usage:
 ps [options]

 Try 'ps --help <simple|list|output|threads|misc|all>'
  or 'ps --help <s|l|o|t|m|a>'
 for additional help text.

For more details see ps(1).
";

/// What of a process is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Pid,
    Ppid,
    User,
    Args,
    Comm,
    Etime,
    Etimes,
    Stat,
    Start,
    Tty,
    Time,
    /// A share of the processor or of the memory.
    Share,
}

impl Field {
    pub(super) fn is_number(self) -> bool {
        matches!(self, Field::Pid | Field::Ppid | Field::Etime | Field::Etimes | Field::Share)
    }
}

/// The fields of `-o`, with their titles.
const FIELDS: [(&str, Field, &str); 12] = [
    ("args", Field::Args, "COMMAND"),
    ("cmd", Field::Args, "CMD"),
    ("command", Field::Args, "COMMAND"),
    ("comm", Field::Comm, "COMMAND"),
    ("etime", Field::Etime, "ELAPSED"),
    ("etimes", Field::Etimes, "ELAPSED"),
    ("pid", Field::Pid, "PID"),
    ("ppid", Field::Ppid, "PPID"),
    ("start", Field::Start, "STARTED"),
    ("stat", Field::Stat, "STAT"),
    ("time", Field::Time, "TIME"),
    ("user", Field::User, "USER"),
];

const SHORT: [(Field, &str); 4] =
    [(Field::Pid, "PID"), (Field::Tty, "TTY"), (Field::Time, "TIME"), (Field::Comm, "CMD")];
const FULL: [(Field, &str); 8] = [
    (Field::User, "UID"),
    (Field::Pid, "PID"),
    (Field::Ppid, "PPID"),
    (Field::Share, "C"),
    (Field::Start, "STIME"),
    (Field::Tty, "TTY"),
    (Field::Time, "TIME"),
    (Field::Args, "CMD"),
];
const BSD: [(Field, &str); 5] =
    [(Field::Pid, "PID"), (Field::Tty, "TTY"), (Field::Stat, "STAT"), (Field::Time, "TIME"), (Field::Args, "COMMAND")];
const BSD_USERS: [(Field, &str); 11] = [
    (Field::User, "USER"),
    (Field::Pid, "PID"),
    (Field::Share, "%CPU"),
    (Field::Share, "%MEM"),
    (Field::Share, "VSZ"),
    (Field::Share, "RSS"),
    (Field::Tty, "TTY"),
    (Field::Stat, "STAT"),
    (Field::Start, "START"),
    (Field::Time, "TIME"),
    (Field::Args, "COMMAND"),
];

/// A column of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) field: Field,
    pub(super) title: String,
}

/// Which processes are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selection {
    /// Those of the session.
    Session,
    All,
    Pids(Vec<u32>),
    Names(Vec<String>),
    Users(Vec<String>),
}

/// What `ps` was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) selection: Selection,
    pub(super) columns: Vec<Column>,
    is_bare: bool,
}

impl Listing {
    /// Returns whether a line of titles comes first.
    pub(super) fn has_titles(&self) -> bool {
        !self.is_bare && self.columns.iter().any(|column| !column.title.is_empty())
    }
}

/// Returns what the options ask for; the error is what `ps` says of them.
pub(super) fn parse(args: &[String]) -> Result<Listing, String> {
    let mut listing = Listing { selection: Selection::Session, columns: Vec::new(), is_bare: false };
    let mut preset = columns(&SHORT);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.strip_prefix('-') {
            Some("-no-headers" | "-no-heading") => listing.is_bare = true,
            Some(flags) if flags.is_empty() || flags.starts_with('-') => {
                return Err(refusal("unknown gnu long option"));
            }
            Some(flags) => preset = sysv(flags, &mut rest, &mut listing)?.unwrap_or(preset),
            None => preset = bsd(arg, &mut listing)?,
        }
    }
    if listing.columns.is_empty() {
        listing.columns = preset;
    }
    Ok(listing)
}

/// Takes a word of flags, whose last may have its value in the next word; returns the columns that it asks for.
fn sysv(flags: &str, rest: &mut Iter<String>, listing: &mut Listing) -> Result<Option<Vec<Column>>, String> {
    let mut preset = None;
    for (index, flag) in flags.char_indices() {
        match flag {
            'e' | 'A' => listing.selection = Selection::All,
            'f' => preset = Some(columns(&FULL)),
            'w' => {}
            'o' | 'p' | 'C' | 'u' => {
                let attached = &flags[index + 1..];
                let value = if attached.is_empty() { rest.next().map_or("", String::as_str) } else { attached };
                take(listing, flag, value)?;
                break;
            }
            _ => return Err(refusal("unsupported SysV option")),
        }
    }
    Ok(preset)
}

fn bsd(letters: &str, listing: &mut Listing) -> Result<Vec<Column>, String> {
    if letters.is_empty() || letters.contains(|letter| !"auxw".contains(letter)) {
        return Err(refusal("unsupported option (BSD syntax)"));
    }
    if letters.contains(['a', 'x']) {
        listing.selection = Selection::All;
    }
    Ok(if letters.contains('u') { columns(&BSD_USERS) } else { columns(&BSD) })
}

/// Takes the value of an option.
fn take(listing: &mut Listing, flag: char, value: &str) -> Result<(), String> {
    let parts = || value.split([',', ' ']).filter(|part| !part.is_empty()).map(str::to_owned);
    if value.is_empty() {
        return Err(refusal("list of items must follow an option"));
    }
    match flag {
        'o' => listing.columns.extend(parts().map(|part| column(&part)).collect::<Result<Vec<_>, _>>()?),
        'p' => {
            let pids = parts().map(|part| part.parse::<u32>()).collect::<Result<_, _>>();
            listing.selection = Selection::Pids(pids.map_err(|_| refusal("process ID list syntax error"))?);
        }
        'C' => listing.selection = Selection::Names(parts().collect()),
        _ => listing.selection = Selection::Users(parts().collect()),
    }
    Ok(())
}

/// Returns the column of `FIELD` or `FIELD=TITLE`.
fn column(text: &str) -> Result<Column, String> {
    let (name, title) = text.split_once('=').map_or((text, None), |(name, title)| (name, Some(title)));
    let known = FIELDS.iter().find(|(known, ..)| *known == name);
    let (_, field, usual) =
        known.ok_or_else(|| refusal(&format!("unknown user-defined format specifier \"{name}\"")))?;
    Ok(Column { field: *field, title: title.unwrap_or(usual).to_owned() })
}

fn columns(of: &[(Field, &str)]) -> Vec<Column> {
    of.iter().map(|(field, title)| Column { field: *field, title: (*title).to_owned() }).collect()
}

fn refusal(why: &str) -> String {
    format!("error: {why}\n{USAGE}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Listing, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_select() {
        for (line, selection, width) in [
            ("", Selection::Session, 4),
            ("-A", Selection::All, 4),
            ("-ef", Selection::All, 8),
            ("aux", Selection::All, 11),
            ("ax", Selection::All, 5),
            ("-eo pid,args", Selection::All, 2),
            ("-o pid -o args -p 1,2", Selection::Pids(vec![1, 2]), 2),
            ("-C sshd", Selection::Names(vec!["sshd".into()]), 4),
            ("-fu vcap", Selection::Users(vec!["vcap".into()]), 8),
        ] {
            let listing = parsed(line).expect(line);
            assert_eq!((listing.selection, listing.columns.len()), (selection, width), "{line}");
        }
    }

    #[test]
    fn titles_can_be_left_out() {
        assert!(parsed("-eo pid=,args").expect("known options").has_titles());
        assert!(!parsed("-eo pid=,args=").expect("known options").has_titles());
        assert!(!parsed("-e --no-headers").expect("known options").has_titles());
    }

    #[test]
    fn unknown_options_are_refused() {
        for line in ["-Q", "--nothing", "-o nothing", "-o", "-p x", "nothing"] {
            let said = parsed(line).expect_err(line);
            assert!(said.starts_with("error: ") && said.contains("\nUsage:\n"), "{line}: {said}");
        }
    }
}
