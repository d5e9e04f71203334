//! cf's command line: a command, its arguments and its flags in any order.

/// The flags that are followed by a value.
const VALUED: [&str; 19] = [
    "-a",
    "-u",
    "-p",
    "-o",
    "-s",
    "-i",
    "-X",
    "-d",
    "-H",
    "-m",
    "-k",
    "-f",
    "-b",
    "-c",
    "-t",
    "-e",
    "--strategy",
    "--output",
    "--origin",
];

/// What `cf` was asked to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    name: String,
    pub(super) args: Vec<String>,
    flags: Vec<(String, String)>,
}

impl Invocation {
    pub(super) fn parse(args: &[String]) -> Invocation {
        let mut words = args.iter().skip_while(|word| matches!(word.as_str(), "-v" | "--verbose"));
        let name = words.next().map_or("help", String::as_str);
        let mut invocation = Invocation { name: full_name(name).to_owned(), ..Invocation::default() };
        while let Some(word) = words.next() {
            if !word.starts_with('-') || word == "-" {
                invocation.args.push(word.clone());
            } else if let Some((flag, value)) = word.split_once('=') {
                invocation.flags.push((flag.to_owned(), value.to_owned()));
            } else if invocation.is_valued(word) {
                invocation.flags.push((word.clone(), words.next().cloned().unwrap_or_default()));
            } else {
                invocation.flags.push((word.clone(), String::new()));
            }
        }
        invocation
    }

    /// Returns whether a flag is followed by a value, which for two of them depends on the command.
    fn is_valued(&self, flag: &str) -> bool {
        match (self.name.as_str(), flag) {
            ("curl", "-i") => false,
            (command, "-f") => command == "push",
            _ => VALUED.contains(&flag),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether one of the names of a flag was given.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.flags.iter().any(|(flag, _)| names.contains(&flag.as_str()))
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|(flag, _)| flag == name).map(|(_, value)| value.as_str())
    }
}

fn full_name(name: &str) -> &str {
    match name {
        "--version" => "version",
        "--help" | "-h" => "help",
        "l" => "login",
        "t" => "target",
        "o" => "orgs",
        "a" => "apps",
        "p" => "push",
        "d" => "delete",
        "s" => "services",
        "cs" => "create-service",
        "ds" => "delete-service",
        "rs" => "restart",
        "rg" => "restage",
        "st" => "start",
        "sp" => "stop",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Invocation {
        Invocation::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_may_stand_anywhere() {
        let parsed = parse("delete canary -f -r");
        assert_eq!((parsed.args.as_slice(), parsed.has(&["-f"])), (["canary".to_owned()].as_slice(), true));
        let parsed = parse("push -p dir canary --no-start");
        assert_eq!((parsed.args.as_slice(), parsed.value("-p")), (["canary".to_owned()].as_slice(), Some("dir")));
        let parsed = parse("curl -f /v3/info");
        assert_eq!((parsed.args.as_slice(), parsed.has(&["-f", "--fail"])), (["/v3/info".to_owned()].as_slice(), true));
    }
}
