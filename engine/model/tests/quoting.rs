//! Values arrive in scripts exactly as they are, whatever they contain and wherever they stand; measured with the real
//! shells. Nothing is ever executed from a value.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "only real shells show what arrives")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use firedrill_model::expression::Scope;
use firedrill_model::shell::ShellKind;
use firedrill_model::template::Template;
use firedrill_model::value::Value;

/// A place of a value: a script that prints, with a NUL byte behind, the value between `before` and `after`.
struct Place {
    name: &'static str,
    script: &'static str,
    before: &'static str,
    after: &'static str,
}

const fn place(name: &'static str, script: &'static str) -> Place {
    between(name, script, "", "")
}

const fn between(name: &'static str, script: &'static str, before: &'static str, after: &'static str) -> Place {
    Place { name, script, before, after }
}

/// Places in which the shell starts nothing.
const PLACES: &[Place] = &[
    place("bare", "p ${{ vars.v }}\n"),
    place("double quotes", "p \"${{ vars.v }}\"\n"),
    place("single quotes", "p '${{ vars.v }}'\n"),
    between("glued to literals", "p pre${{ vars.v }}post\n", "pre", "post"),
    between("glued inside double quotes", "p \"a b${{ vars.v }}c d\"\n", "a b", "c d"),
    between("glued inside single quotes", "p 'a $b${{ vars.v }}\\c'\n", "a $b", "\\c"),
    between("behind a flag", "p --flag=${{ vars.v }}\n", "--flag=", ""),
    between("behind a flag, quoted", "p --flag=\"${{ vars.v }}\"\n", "--flag=", ""),
    place("an assignment", "x=${{ vars.v }}; p \"$x\"\n"),
    place("an assignment in quotes", "x=\"${{ vars.v }}\"; p \"$x\"\n"),
    place("a local variable", "f() { local x=${{ vars.v }}; p \"$x\"; }; f\n"),
    place("an exported variable", "export X=${{ vars.v }}; p \"$X\"; unset X\n"),
    place("a loop", "for x in ${{ vars.v }} b; do p \"$x\"; break; done\n"),
    place("a function", "f() {\n  p \"$1\"\n}\nf ${{ vars.v }}\n"),
    place("a case subject", "case ${{ vars.v }} in nothing-like-this) p no;; *) p ${{ vars.v }};; esac\n"),
    place("a condition", "if [ x${{ vars.v }} = x\"${{ vars.v }}\" ]; then p ${{ vars.v }}; fi\n"),
    place("behind a continued line", "p \\\n${{ vars.v }}\n"),
    place("behind a continued line in quotes", "p \"\\\n${{ vars.v }}\"\n"),
    between("behind a variable", "y=1; p $y${{ vars.v }}\n", "1", ""),
    between("behind a variable in braces", "y=1; p \"${y}${{ vars.v }}\"\n", "1", ""),
    between("behind the number of arguments", "p \"$#${{ vars.v }}\"\n", "0", ""),
    between("before a redirection", "p 2${{ vars.v }}>&1\n", "2", ""),
    place("a digit's place before a redirection", "p ${{ vars.v }}>&1\n"),
    between("a brace", "p {${{ vars.v }},b}x | :; p \"{\"${{ vars.v }}\n", "{", ""),
    between("a tilde", "p ~${{ vars.v }}\n", "~", ""),
    between("an equals sign", "p a=${{ vars.v }}:b\n", "a=", ":b"),
    between("an escaped dollar", "p \\$${{ vars.v }}\n", "$", ""),
    between("an escaped dollar in quotes", "p \"\\$${{ vars.v }}\"\n", "$", ""),
    between("two backslashes", "p \\\\${{ vars.v }}\n", "\\", ""),
    between("two backslashes in quotes", "p \"\\\\${{ vars.v }}\"\n", "\\", ""),
    between("two values side by side", "p \"${{ vars.v }}\"${{ '$' }}\"${{ 'x' }}\"\n", "", "$x"),
    between("an apostrophe in quotes", "p \"it's ${{ vars.v }}\"\n", "it's ", ""),
    place("behind a comment", "# it's a \"comment\n: a#no # 'one\np ${{ vars.v }}\n"),
    place("behind an odd word", ": a#\\' \"#'\" '#\"' ${x:-\"}\"} $(( (1) + 1 )) `: x`; p ${{ vars.v }}\n"),
    place("eval", "eval \"x=${{ vars.v | quote }}\"; p \"$x\"\n"),
    place("set", "set -- a ${{ vars.v }}; p \"$2\"; set --\n"),
];

/// Places in which the shell starts other processes.
const STARTING_PLACES: &[Place] = &[
    place("an assignment before a command", "X=${{ vars.v }} sh -c 'printf \"%s\\0\" \"$X\"'\n"),
    place("a substitution", "x=$(printf %s ${{ vars.v }}; echo .); p \"${x%.}\"\n"),
    between("a substitution in quotes", "p \"$(printf '%s|' ${{ vars.v }})\"\n", "", "|"),
    between("quotes in a substitution in quotes", "p \"$(printf '%s|' \"${{ vars.v }}\")\"\n", "", "|"),
    between("single quotes in a substitution", "p \"$(printf '%s|' '${{ vars.v }}')\"\n", "", "|"),
    between("two substitutions deep", "p \"$(printf '%s|' \"$(printf '%s|' \"${{ vars.v }}\")\")\"\n", "", "||"),
    between("case in a substitution", "p \"$(case a in a) printf '%s|' ${{ vars.v }};; esac)\"\n", "", "|"),
    place("a subshell", "(p ${{ vars.v }})\n"),
    between("a pipe", "printf '%s|' ${{ vars.v }} | { x=$(cat); p \"$x\"; }\n", "", "|"),
    place("behind a here-document on its line", "cat >/dev/null <<E; p ${{ vars.v }}\nit's \"odd\n E\nE\n"),
    place("behind a here-document", "cat >/dev/null <<-'E F'\nit's $(odd \n\tE F\np ${{ vars.v }}\n"),
    between(
        "a here-document in a substitution",
        "p \"$(cat <<E\nit's )\"odd\nE\nprintf '%s|' ${{ vars.v }})\"\n",
        "it's )\"odd\n",
        "|",
    ),
    place("a nested shell", "sh -c \"printf '%s\\\\0' ${{ vars.v | quote }}\"\n"),
    place("a nested shell in single quotes", "sh -c 'printf \"%s\\0\" ${{ vars.v | quote }}'\n"),
    place("a nested bash", "bash -c \"printf '%s\\\\0' ${{ vars.v | quote }}\"\n"),
    place("an argument of a nested shell", "sh -c 'printf \"%s\\0\" \"$1\"' sh ${{ vars.v }}\n"),
    place("an argument of another program", "env printf '%s\\0' ${{ vars.v }}\n"),
];

/// What only bash has.
const BASH_PLACES: &[Place] = &[
    between("a here-string", "IFS= read -rd '' x <<< ${{ vars.v }} || p \"$x\"\n", "", "\n"),
    between("a here-string in quotes", "IFS= read -rd '' x <<< \"a${{ vars.v }}\" || p \"$x\"\n", "a", "\n"),
    place("an array", "a=(x ${{ vars.v }}\ny); p \"${a[1]}\"\n"),
    place("behind $'...'", ": $'a\"b'; p ${{ vars.v }}\n"),
    place("a declaration", "f() { declare x=${{ vars.v }}; p \"$x\"; }; f\n"),
    place("behind a condition", "[[ ' a]] ' == *\"]]\"* ]] && p ${{ vars.v }}\n"),
    between("process substitution", "IFS= read -rd '' x < <(printf '%s|' ${{ vars.v }}) || p \"$x\"\n", "", "|"),
];

const OWN_STRINGS: &[&str] = &[
    "",
    " ",
    "plain",
    "$(touch canary)",
    "`touch canary`",
    "${x:=$(touch canary)}",
    "'$(touch canary)'",
    "\"$(touch canary)\"",
    "'; touch canary; '",
    "\"; touch canary; \"",
    "\"'; touch canary #",
    "; touch canary",
    "\ntouch canary\n",
    "| touch canary",
    "&& touch canary",
    "<(touch canary)",
    ">canary",
    "a[$(touch canary)]",
    "a[$(touch canary)]=1",
    "-v a[$(touch canary)]",
    "-n",
    "-e",
    "-",
    "--",
    "--help",
    "*",
    "?",
    "[a-z]*",
    "~",
    "~root",
    "~+",
    "!",
    "!!",
    "!$",
    "{a,b}",
    "{1..3}",
    "#",
    " # comment",
    "\\",
    "\\\\",
    "\\'",
    "\\\"",
    "a\\",
    "\\\n",
    "a\\\nb",
    "\n",
    "a\n",
    "a\n\n",
    "\n\na",
    "\t",
    "\r\n",
    "'",
    "''",
    "'\\''",
    "\"",
    "\"\"",
    "$",
    "$$",
    "$x",
    "${x}",
    "$'\\x41'",
    "$\"x\"",
    "$((1+1))",
    "((1+1))",
    "%s%n",
    "\\0",
    "\\x41",
    "\\c",
    "=",
    "x=1",
    "2",
    "2>&1",
    "if",
    "esac",
    ")",
    "(",
    "}",
    "}}",
    "${{ inputs.x }}",
    "{{ 7 * 7 }}",
    "\u{1}",
    "\u{1}\u{1}a",
    "\u{7f}",
    "a\u{7f}b\u{1}c",
    "\u{1b}[31m",
    "\u{8}",
    "\u{81}\u{82}\u{88}",
    "블롭스토어 백업 '완료' \"$x\"",
    "日本語\\",
    "\u{feff}",
    "\u{202e}abc",
    "👩‍👩‍👧‍👦'",
    "é\u{301}",
    "\u{a0}",
    "\u{2028}",
    "EOF",
    "E",
    "E F",
];

const SHELLS: [(&str, ShellKind); 2] = [("/bin/sh", ShellKind::Posix), ("/bin/bash", ShellKind::Bash)];

fn scope(value: &str) -> Scope {
    Scope::new().with_vars([("v".to_owned(), Value::from(value))])
}

/// Prints every value in every place with one process, and compares bytes.
fn check(shell: (&str, ShellKind), places: &[&Place], values: &[String]) {
    let directory = tempfile::tempdir().unwrap();
    let script = tempfile::NamedTempFile::new().unwrap();
    let templates: Vec<_> =
        places.iter().map(|place| (place, Template::parse_script(place.script, shell.1).expect(place.name))).collect();
    let mut text = String::from("p() { printf '%s\\0' \"$1\"; }\n");
    let mut expected = Vec::new();
    for value in values {
        for (place, template) in &templates {
            text.push_str(&template.render_script(&scope(value)).unwrap());
            expected.push((place.name, format!("{}{value}{}", place.before, place.after)));
        }
    }
    fs::write(script.path(), text).unwrap();
    let output = Command::new(shell.0).arg(script.path()).current_dir(&directory).output().unwrap();
    let printed: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
    for ((name, expected), printed) in expected.iter().zip(&printed) {
        let shown = String::from_utf8_lossy(printed);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(expected.as_bytes() == *printed, "{name} in {}: {expected:?}, not {shown:?}: {errors:.500}", shell.0);
    }
    assert_eq!(printed.len(), expected.len() + 1, "{:.500}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "something was executed");
}

fn check_everywhere(values: &[String], starting: bool) {
    for shell in SHELLS {
        let mut places: Vec<&Place> = PLACES.iter().collect();
        places.extend(STARTING_PLACES.iter().filter(|_| starting));
        places.extend(BASH_PLACES.iter().filter(|_| shell.1 == ShellKind::Bash));
        check(shell, &places, values);
    }
}

/// A small generator of its own, so that a failure is the same tomorrow.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn text(&mut self) -> String {
        const HOSTILE: &[char] = &[
            '\'', '"', '\\', '$', '`', '(', ')', '{', '}', '[', ']', '<', '>', '|', '&', ';', '*', '?', '~', '!', '#',
            '=', '%', ' ', '\n', '\t', '\r', '-', 'a', 'x', '1', '\u{1}', '\u{7f}', '\u{81}', '\u{88}', 'é', '블',
            '😀',
        ];
        let length = self.below(24);
        (0..length)
            .map(|_| match self.below(10) {
                0 => char::from_u32(u32::try_from(1 + self.below(0xd7ff)).unwrap()).unwrap(),
                _ => HOSTILE[self.below(HOSTILE.len())],
            })
            .collect()
    }
}

#[test]
fn hostile_strings_arrive_unchanged() {
    let mut values: Vec<String> = OWN_STRINGS.iter().copied().map(str::to_owned).collect();
    values.push("long '\"$x\\ ".repeat(1_000));
    check_everywhere(&values, true);
    check_everywhere(&["long '\"$x\\ ".repeat(10_000)], false);
}

/// The Big List of Naughty Strings is third-party data beside the project; without it, this test has nothing to do.
#[test]
fn naughty_strings_arrive_unchanged() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lists = here.ancestors().map(|folder| folder.join("shared/reference/strings/blns.json"));
    let Some(list) = lists.into_iter().find(|path| path.exists()) else {
        return;
    };
    let strings: Vec<String> = serde_json::from_slice(&fs::read(list).unwrap()).unwrap();
    let values: Vec<String> = strings.into_iter().filter(|text| !text.contains('\0')).collect();
    check_everywhere(&values, false);
    check_everywhere(&values[values.len() - 60..], true);
}

/// How much is tried: more than in the daily suite if the variable says so.
fn rounds(usual: usize) -> usize {
    std::env::var("FIREDRILL_ROUNDS").map_or(usual, |rounds| rounds.parse().unwrap())
}

#[test]
fn random_strings_arrive_unchanged() {
    let mut random = Random(2026);
    let values: Vec<String> = (0..rounds(500)).map(|_| random.text()).collect();
    check_everywhere(&values, false);
    check_everywhere(&values[..values.len() / 40], true);
}

/// Scripts without sense: whatever the scanner makes of them, no shell executes a value.
#[test]
fn nothing_is_executed_in_random_scripts() {
    const TOKENS: &[&str] = &[
        "${{ vars.v }}",
        "${{ vars.v }}",
        "${{ vars.v }}",
        "${{ vars.v | quote }}",
        "\"",
        "\"",
        "'",
        "'",
        "\\",
        "\n",
        "\n",
        " ",
        " ",
        " ",
        "$(",
        ")",
        "(",
        "((",
        "))",
        "$((",
        "${x:-",
        "${x#",
        "${x}",
        "$x",
        "}",
        "`",
        "#",
        " #",
        "<<E",
        "<<-'E'",
        "\nE\n",
        "<<<",
        "case a in",
        " esac",
        ";;",
        " in ",
        "a)",
        "[[ ",
        " ]]",
        "eval ",
        "sh -c ",
        "bash -c ",
        "[ ",
        " ]",
        "=",
        "x=",
        "a=(",
        "a[",
        "]",
        "; ",
        "| ",
        "& ",
        "&& ",
        ">f",
        "<",
        ">&2",
        "$",
        "$'",
        "$\"",
        "echo ",
        "printf ",
        ": ",
        "if :; then ",
        "; fi",
        "for x in ",
        "; do ",
        "; done",
        "f() {",
        "{ ",
        "; }",
        "declare ",
        "export ",
        "local ",
        "unset ",
        "read ",
        "let ",
        "test ",
        "-v ",
        "-n ",
        "-c ",
        "trap ",
        " EXIT",
        "command ",
        "env ",
        "!",
        "~",
        "*",
    ];
    const VALUES: &[&str] = &[
        "$(touch canary)",
        "`touch canary`",
        "'$(touch canary)'",
        "\"$(touch canary)\"",
        "'; touch canary; '",
        "\"; touch canary; \"",
        "; touch canary #",
        "\ntouch canary\n",
        "a[$(touch canary)]",
        "a[$(touch canary)]=1",
        "x\nE\ntouch canary\n",
        ")touch canary",
        "}$(touch canary)",
        "-va[$(touch canary)]",
        "\\\"$(touch canary)",
    ];
    let mut random = Random(7);
    let mut tried = Vec::new();
    while tried.len() < rounds(150) {
        let script: String = (0..2 + random.below(14)).map(|_| TOKENS[random.below(TOKENS.len())]).collect();
        let shell = SHELLS[random.below(SHELLS.len())];
        let Ok(template) = Template::parse_script(&script, shell.1) else {
            continue;
        };
        if template.is_literal() {
            continue;
        }
        let value = VALUES[random.below(VALUES.len())];
        let text = template.render_script(&scope(value)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("timeout");
        command.args(["5", shell.0, "-c", &text]).current_dir(&directory).stdin(Stdio::null());
        command.output().unwrap();
        tried.push((directory, shell.0, text));
    }
    for (directory, shell, text) in tried {
        assert!(!directory.path().join("canary").exists(), "{shell}: {text:?}");
    }
}
