//! `pgrep`: which processes match a pattern.

use regex::Regex;

use crate::inside::Inside;
use crate::world::WorldError;
use crate::{err, out};

use super::{LOOKING, Row, rows};

/// What `pgrep` was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Search {
    pattern: String,
    matched: Matched,
    shown: Shown,
    must_be_whole: bool,
}

/// What of a process a pattern is matched with.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Matched {
    #[default]
    Name,
    Args,
}

/// What is printed beside the process id.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Shown {
    #[default]
    Nothing,
    Name,
    Args,
}

/// `pgrep [-f] [-l|-a] [-x] PATTERN`: exits 1 if nothing matches, 2 if it does not understand.
pub(in crate::inside) fn pgrep(inside: &Inside, args: &[String]) -> Result<u8, WorldError> {
    // A pattern may begin with anything, so it is matched with the paths that the VM sees.
    let args: Vec<String> = args.iter().map(|arg| inside.seen(arg)).collect();
    let (search, pattern) = match parse(&args).and_then(|search| Ok((compile(&search)?, search))) {
        Ok((pattern, search)) => (search, pattern),
        Err(why) => {
            err(&format!("pgrep: {why}\nTry `pgrep --help' for more information.\n"));
            return Ok(2);
        }
    };
    let mut rows = rows(inside, "pgrep")?;
    rows.retain(|row| row.pid != LOOKING && pattern.is_match(&matched(row, search.matched, inside)));
    for row in &rows {
        out(&match search.shown {
            Shown::Nothing => format!("{}\n", row.pid),
            Shown::Name => format!("{} {}\n", row.pid, row.name),
            Shown::Args => format!("{} {}\n", row.pid, row.args),
        });
    }
    Ok(u8::from(rows.is_empty()))
}

fn parse(args: &[String]) -> Result<Search, String> {
    let mut search = Search::default();
    let mut patterns = Vec::new();
    let mut rest = args.iter();
    for arg in rest.by_ref().take_while(|arg| *arg != "--") {
        match arg.strip_prefix('-').filter(|flags| !flags.is_empty()) {
            Some(flags) => flags.chars().try_for_each(|flag| take(&mut search, flag))?,
            None => patterns.push(arg),
        }
    }
    patterns.extend(rest);
    match patterns[..] {
        [] => Err("no matching criteria specified".into()),
        [pattern] => Ok(Search { pattern: pattern.clone(), ..search }),
        _ => Err("only one pattern can be provided".into()),
    }
}

fn take(search: &mut Search, flag: char) -> Result<(), String> {
    match flag {
        'f' => search.matched = Matched::Args,
        'l' => search.shown = Shown::Name,
        'a' => search.shown = Shown::Args,
        'x' => search.must_be_whole = true,
        other => return Err(format!("invalid option -- '{other}'")),
    }
    Ok(())
}

fn compile(search: &Search) -> Result<Regex, String> {
    let Search { pattern, must_be_whole, .. } = search;
    let pattern = if *must_be_whole { format!("^(?:{pattern})$") } else { pattern.clone() };
    Regex::new(&pattern).map_err(|_| "regex error: Invalid regular expression".into())
}

fn matched(row: &Row, matched: Matched, inside: &Inside) -> String {
    match matched {
        Matched::Name => row.name.clone(),
        Matched::Args => inside.seen(&row.args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Search, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_may_be_joined_and_patterns_may_follow_anything() {
        let search = |pattern: &str, matched, shown, must_be_whole| {
            Ok(Search { pattern: pattern.into(), matched, shown, must_be_whole })
        };
        assert_eq!(parsed("sshd"), search("sshd", Matched::Name, Shown::Nothing, false));
        assert_eq!(parsed("-fa bin/bbr"), search("bin/bbr", Matched::Args, Shown::Args, false));
        assert_eq!(parsed("bin -x -l"), search("bin", Matched::Name, Shown::Name, true));
        assert_eq!(parsed("-f -- -c"), search("-c", Matched::Args, Shown::Nothing, false));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (line, why) in [
            ("", "no matching criteria specified"),
            ("a b", "only one pattern can be provided"),
            ("-Q a", "invalid option -- 'Q'"),
        ] {
            assert_eq!(parsed(line), Err(why.into()), "{line}");
        }
        let broken = Search { pattern: "[".into(), ..Search::default() };
        assert_eq!(compile(&broken).expect_err("no pattern"), "regex error: Invalid regular expression");
    }
}
