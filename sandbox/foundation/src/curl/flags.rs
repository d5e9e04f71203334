//! curl's command line.

/// Options of which curl has more to say than the platform's hosts understand; they are followed by a value.
const VALUED: [&str; 31] = [
    "--cacert",
    "--capath",
    "--cert",
    "--ciphers",
    "--config",
    "--connect-timeout",
    "--connect-to",
    "--cookie",
    "--cookie-jar",
    "--data-raw",
    "--data-urlencode",
    "--dump-header",
    "--form",
    "--interface",
    "--keepalive-time",
    "--key",
    "--limit-rate",
    "--max-redirs",
    "--noproxy",
    "--pass",
    "--proxy",
    "--proxy-user",
    "--range",
    "--referer",
    "--resolve",
    "--retry",
    "--retry-delay",
    "--retry-max-time",
    "--unix-socket",
    "--upload-file",
    "--user-agent",
];

/// Options that are followed by a value that matters, or that may be wrong.
const MEANT_VALUED: [&str; 15] = [
    "--data",
    "--data-ascii",
    "--data-binary",
    "--header",
    "--json",
    "--max-time",
    "--oauth2-bearer",
    "--output",
    "--output-dir",
    "--request",
    "--speed-limit",
    "--speed-time",
    "--url",
    "--user",
    "--write-out",
];

/// Options without a value that matter.
const MEANT: [&str; 9] = [
    "--disable",
    "--fail",
    "--fail-with-body",
    "--head",
    "--include",
    "--remote-name",
    "--show-error",
    "--silent",
    "--verbose",
];

/// Options without a value that change nothing here.
const PLAIN: [&str; 31] = [
    "--anyauth",
    "--basic",
    "--compressed",
    "--create-dirs",
    "--digest",
    "--fail-early",
    "--get",
    "--globoff",
    "--http1.0",
    "--http1.1",
    "--http2",
    "--insecure",
    "--ipv4",
    "--ipv6",
    "--keepalive",
    "--location",
    "--location-trusted",
    "--negotiate",
    "--next",
    "--no-buffer",
    "--no-keepalive",
    "--no-progress-meter",
    "--no-sessionid",
    "--progress-bar",
    "--retry-all-errors",
    "--retry-connrefused",
    "--ssl",
    "--ssl-reqd",
    "--tcp-nodelay",
    "--tlsv1.2",
    "--tlsv1.3",
];

/// The long names of options of one letter.
const LETTERS: [(char, &str); 37] = [
    ('#', "--progress-bar"),
    ('0', "--http1.0"),
    ('4', "--ipv4"),
    ('6', "--ipv6"),
    ('A', "--user-agent"),
    ('b', "--cookie"),
    ('c', "--cookie-jar"),
    ('D', "--dump-header"),
    ('d', "--data"),
    ('E', "--cert"),
    ('e', "--referer"),
    ('F', "--form"),
    ('f', "--fail"),
    ('G', "--get"),
    ('g', "--globoff"),
    ('H', "--header"),
    ('I', "--head"),
    ('i', "--include"),
    ('K', "--config"),
    ('k', "--insecure"),
    ('L', "--location"),
    ('m', "--max-time"),
    ('N', "--no-buffer"),
    ('O', "--remote-name"),
    ('o', "--output"),
    ('q', "--disable"),
    ('r', "--range"),
    ('S', "--show-error"),
    ('s', "--silent"),
    ('T', "--upload-file"),
    ('U', "--proxy-user"),
    ('u', "--user"),
    ('v', "--verbose"),
    ('w', "--write-out"),
    ('X', "--request"),
    ('x', "--proxy"),
    ('Y', "--speed-limit"),
];

/// What curl was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) url: Option<String>,
    method: Option<String>,
    body: Option<String>,
    pub(super) output: Option<String>,
    pub(super) format: Option<String>,
    pub(super) noise: Noise,
    pub(super) errors: Errors,
    pub(super) shown: Shown,
}

/// What curl says of a failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Noise {
    #[default]
    Usual,
    Silent,
    /// Silent, except of errors.
    Errors,
}

/// What becomes of an answer that is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Errors {
    /// It is an answer like any other.
    #[default]
    Answer,
    /// curl fails, and shows nothing of it.
    Fail,
    /// curl shows it, and fails.
    FailWithBody,
}

/// What is shown of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Shown {
    #[default]
    Body,
    Head,
    HeadAndBody,
}

impl Request {
    /// Reads a command line; the error is what is wrong with it.
    pub(super) fn parse(args: &[String]) -> Result<Request, String> {
        let mut request = Request::default();
        let mut words = args.iter();
        while let Some(word) = words.next() {
            if word.starts_with("--") && word != "--" {
                request.set(word, word, || words.next().cloned())?;
            } else if word.starts_with('-') && word.len() > 1 {
                request.set_letters(word, || words.next().cloned())?;
            } else {
                request.url = Some(word.clone());
            }
        }
        Ok(request)
    }

    pub(super) fn method(&self) -> &str {
        let usual = if self.body.is_some() { "POST" } else { "GET" };
        self.method.as_deref().unwrap_or(usual)
    }

    pub(super) fn body(&self) -> &str {
        self.body.as_deref().unwrap_or_default()
    }

    /// Sets options of one letter, which may be joined; the value of the last one may follow at once.
    fn set_letters(&mut self, word: &str, next: impl FnOnce() -> Option<String>) -> Result<(), String> {
        let mut letters = word[1..].chars();
        while let Some(letter) = letters.next() {
            let named = LETTERS.iter().find(|(known, _)| *known == letter);
            let (_, name) = named.ok_or_else(|| format!("option {word}: is unknown"))?;
            if is_valued(name) {
                let rest = letters.as_str();
                return self.set(name, word, || if rest.is_empty() { next() } else { Some(rest.to_owned()) });
            }
            self.set(name, word, || None)?;
        }
        Ok(())
    }

    /// Sets an option that was given as `word`.
    fn set(&mut self, name: &str, word: &str, value: impl FnOnce() -> Option<String>) -> Result<(), String> {
        let value = if is_valued(name) { value() } else { Some(String::new()) };
        let value = value.ok_or_else(|| format!("option {word}: requires parameter"))?;
        match name {
            "--output" => self.output = Some(value),
            "--write-out" => self.format = Some(value),
            "--request" => self.method = Some(value),
            "--data" | "--data-ascii" | "--data-binary" | "--data-raw" | "--json" => self.body = Some(value),
            "--url" => self.url = Some(value),
            "--max-time" | "--connect-timeout" | "--retry" | "--retry-delay" | "--retry-max-time" => {
                value.parse::<f64>().map_err(|_| format!("option {word}: expected a proper numerical parameter"))?;
            }
            "--silent" if self.noise == Noise::Usual => self.noise = Noise::Silent,
            "--show-error" => self.noise = Noise::Errors,
            "--fail" => self.errors = Errors::Fail,
            "--fail-with-body" => self.errors = Errors::FailWithBody,
            "--head" => {
                self.shown = Shown::Head;
                self.method = Some("HEAD".into());
            }
            "--include" => self.shown = Shown::HeadAndBody,
            _ if is_valued(name) || PLAIN.contains(&name) || MEANT.contains(&name) => {}
            _ => return Err(format!("option {word}: is unknown")),
        }
        Ok(())
    }
}

fn is_valued(name: &str) -> bool {
    VALUED.contains(&name) || MEANT_VALUED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Request, String> {
        Request::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn letters_are_joined_and_take_values() {
        let request = parse("-sSfkL -m5 -o/dev/null -w x https://a").expect("it is right");
        assert_eq!((request.noise, request.errors), (Noise::Errors, Errors::Fail));
        assert_eq!(request.output.as_deref(), Some("/dev/null"));
        assert_eq!((request.url.as_deref(), request.method()), (Some("https://a"), "GET"));
        assert_eq!(parse("-d {} a").expect("it is right").method(), "POST");
        assert_eq!(parse("-Sd {} -X PATCH a").expect("it is right").method(), "PATCH");
    }

    #[test]
    fn what_curl_does_not_know_is_refused() {
        for (line, error) in [
            ("--nope https://a", "option --nope: is unknown"),
            ("--fail=1 https://a", "option --fail=1: is unknown"),
            ("-sJ9 https://a", "option -sJ9: is unknown"),
            ("https://a -o", "option -o: requires parameter"),
            ("--max-time soon https://a", "option --max-time: expected a proper numerical parameter"),
        ] {
            assert_eq!(parse(line).expect_err("it is wrong"), error);
        }
    }

    #[test]
    fn every_letter_has_an_option() {
        for (letter, name) in LETTERS {
            let known = is_valued(name) || PLAIN.contains(&name) || MEANT.contains(&name);
            assert!(known, "-{letter} is {name}");
        }
    }
}
