//! Values that want to be code: they arrive byte for byte wherever they are put, and nothing of them is executed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::rig::Sandbox;

/// Every place of a script in which a value may stand, and the one outside of it. Each writes down what arrived.
const PLACES: &[&str] = &["bare", "double", "single", "nested", "env", "argv"];

const SCRIPT: &str = r#"    run: |
      printf %s ${{ VALUE }} > "$SINK.bare"
      printf %s "${{ VALUE }}" > "$SINK.double"
      printf %s '${{ VALUE }}' > "$SINK.single"
      printf %s "$(printf %s "${{ VALUE }}"; printf x)" > "$SINK.nested"
      printf %s "$CARRIED" > "$SINK.env"
"#;

const ARGV: &str = r#"    argv: [sh, -c, 'printf %s "$1" > "$SINK.argv"', sh, "${{ VALUE }}"]
"#;

/// Made if anything of a value is ever executed.
const CANARY: &str = "canary";

/// How many values one run carries.
const AT_ONCE: usize = 40;

/// Values that have broken something somewhere.
const KNOWN: &[&str] = &[
    "",
    " ",
    "'",
    "\"",
    "''",
    "'\\''",
    "\\",
    "\\\\",
    "\\n",
    "$",
    "$$",
    "$(touch canary)",
    "`touch canary`",
    "; touch canary;",
    "'; touch canary; '",
    "\"; touch canary; \"",
    "\" $(touch canary) \"",
    "' $(touch canary) '",
    "$(touch canary",
    "`touch canary",
    ")",
    "); touch canary; (",
    "| touch canary",
    "&& touch canary",
    "& touch canary &",
    "\ntouch canary\n",
    "\r\ntouch canary\r\n",
    "> canary",
    "<(touch canary)",
    "${IFS}",
    "$IFS",
    "${x:-$(touch canary)}",
    "$((1+1))",
    "*",
    "?",
    "[a-z]*",
    "~",
    "~root",
    "{a,b}",
    "{1..9}",
    "!",
    "!!",
    "!touch",
    "#",
    " # not a comment",
    "-n",
    "-e",
    "--",
    "--help",
    "%s%n%d",
    "%",
    "${{ inputs.v0 }}",
    "{{7*7}}",
    "{% raw %}",
    "{# x #}",
    "}}",
    "${{",
    "<<EOF\ntouch canary\nEOF",
    "\u{1b}[2J",
    "\u{7}",
    "\u{8}",
    "\u{7f}",
    "\u{85}",
    "\u{feff}",
    "\u{202e}",
    "\u{2028}",
    "é",
    "e\u{301}",
    "한국어",
    "👩‍👩‍👧‍👦",
    "\t",
    "a\tb",
    "a  b",
    " lead",
    "trail ",
    "trail\n",
    "\n\n\n",
    "null",
    "~",
    "yes",
    "1.10",
    "0x1f",
    "1e3",
    "{}",
    "[]",
    "a: b",
    "- a",
    "&a",
    "*a",
    "!!str x",
    "|",
    ">",
    "\"\"\"",
    "C:\\new\\table",
    "../../etc/passwd",
    "a=b",
    "=b",
];

#[test]
fn known_values_arrive_as_they_are() {
    let values: Vec<String> = KNOWN.iter().map(ToString::to_string).collect();
    arrive(&values);
}

#[test]
fn random_values_arrive_as_they_are() {
    let mut random = Random(0x005e_ed0f_f1ed);
    let values: Vec<String> = (0..520).map(|_| random.text()).collect();
    arrive(&values);
}

/// The Big List of Naughty Strings, if it is there: it belongs to others and is not part of this repository.
#[test]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn naughty_strings_arrive_as_they_are() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/strings/blns.json");
    let near: PathBuf = std::env::var_os("FIREDRILL_STRINGS").map_or(list, PathBuf::from);
    let Ok(text) = fs::read_to_string(&near) else {
        println!("skipped: there is no {}", near.display());
        return;
    };
    arrive(&serde_json::from_str::<Vec<String>>(&text).unwrap());
}

/// A NUL byte cannot be an argument: it is refused by name before anything runs.
#[test]
fn a_nul_byte_is_refused_before_anything_runs() {
    let value = "a\0b".to_owned();
    let sandbox = sandbox(&[value], "sh");
    let called = sandbox.run(&["--inputs", "inputs.yaml"]).exit(3);
    assert!(called.err.contains("v0"), "the input is not named:\n{}", called.err);
    assert!(!sandbox.path("sinks").join("v0.argv").exists());
}

/// Sends values to every place, under both shells, and holds what arrives against what was sent.
fn arrive(values: &[String]) {
    for shell in ["sh", "bash"] {
        for some in values.chunks(AT_ONCE) {
            let sandbox = sandbox(some, shell);
            sandbox.run(&["--inputs", "inputs.yaml"]).exit(0);
            for (at, value) in some.iter().enumerate() {
                for place in PLACES {
                    let arrived = fs::read(sandbox.path("sinks").join(format!("v{at}.{place}"))).unwrap();
                    let sent = if *place == "nested" { format!("{value}x") } else { value.clone() };
                    assert_eq!(arrived, sent.as_bytes(), "{shell}, {place}: {value:?}");
                }
            }
            assert_eq!(canaries(&sandbox), Vec::<PathBuf>::new(), "something was executed under {shell}");
        }
    }
}

/// Writes a playbook with one step for each value and place.
fn sandbox(values: &[String], shell: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let sinks = sandbox.path("sinks");
    fs::create_dir(&sinks).unwrap();
    let mut text =
        format!("firedrill: 1\nplaybook: playbook\ndefaults: {{shell: {shell}}}\nmax_parallel: 8\ninputs:\n");
    for at in 0..values.len() {
        writeln!(text, "  v{at}: {{type: string}}").unwrap();
    }
    text.push_str("steps:\n");
    for (at, (name, what)) in (0..values.len()).flat_map(|at| [("script", SCRIPT), ("argv", ARGV)].map(|way| (at, way)))
    {
        let value = format!("inputs.v{at}");
        let sink = sinks.join(format!("v{at}"));
        writeln!(text, "  - id: v{at}_{name}\n    idempotent: true\n    rollback: none").unwrap();
        writeln!(text, "    env: {{SINK: '{}', CARRIED: \"${{{{ {value} }}}}\"}}", sink.display()).unwrap();
        text.push_str(&what.replace("VALUE", &value));
    }
    let inputs = (0..).zip(values).map(|(at, value): (usize, _)| format!("v{at}: {}\n", quoted(value)));
    sandbox.write("inputs.yaml", inputs.collect::<String>());
    sandbox.playbook(&text)
}

/// Returns a text as YAML in double quotes, in plain ASCII: YAML takes few control characters as they are.
fn quoted(text: &str) -> String {
    let characters = text.chars().map(|character| match character {
        '"' | '\\' => format!("\\{character}"),
        ' '..='~' => character.to_string(),
        _ => format!("\\U{:08x}", u32::from(character)),
    });
    format!("\"{}\"", characters.collect::<String>())
}

/// Returns every file called like the canary below the sandbox.
fn canaries(sandbox: &Sandbox) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![sandbox.path("")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.file_name() == CANARY {
                found.push(entry.path());
            } else if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            }
        }
    }
    found
}

/// Random texts that are always the same.
struct Random(u64);

impl Random {
    /// Returns the next number (xorshift64*).
    fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.number() % limit as u64).unwrap()
    }

    /// Returns a text of up to 24 pieces, most of which mean something to a shell.
    fn text(&mut self) -> String {
        const PIECES: &[&str] = &[
            "'",
            "\"",
            "\\",
            "$",
            "`",
            "(",
            ")",
            "$(",
            "${",
            "}",
            "{",
            ";",
            "&",
            "|",
            "<",
            ">",
            "\n",
            " ",
            "\t",
            "#",
            "!",
            "*",
            "?",
            "[",
            "]",
            "~",
            "=",
            "-",
            "%",
            "touch canary",
            "${{",
            "}}",
            "\r",
            "é",
            "한",
        ];
        (0..self.below(25)).fold(String::new(), |mut text, _| {
            match self.below(4) {
                0 => text.push(char::from_u32(1 + u32::try_from(self.below(0xd7ff)).unwrap()).unwrap()),
                1 => text.push(char::from(1 + u8::try_from(self.below(0x7e)).unwrap())),
                _ => text.push_str(PIECES[self.below(PIECES.len())]),
            }
            text
        })
    }
}
