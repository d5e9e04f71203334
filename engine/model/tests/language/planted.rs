//! One of many kinds of fault is planted at a random place of a valid playbook, and must be found there.

use firedrill_model::check;
use firedrill_model::diagnostic::Code;
use firedrill_model::source::Source;

const CASES: u64 = 1000;
/// The steps of the largest playbook; bounds what one case costs.
const MAX_STEPS: u64 = 25;

/// Random numbers that are the same everywhere (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// The lines of a valid playbook, with the line on which each step begins.
struct Draft {
    lines: Vec<String>,
    steps: Vec<usize>,
}

impl Draft {
    fn valid(dice: &mut Dice) -> Self {
        let mut draft = Self { lines: Vec::new(), steps: Vec::new() };
        let head = "firedrill: 1|playbook: planted|title: 심은 결함|inputs:|  name: {type: string, pattern: '^[a-z]+$'}|\
                    \x20 limit: {type: duration, default: 5m}|vars:|  dir: \"/var/${{ inputs.name }}\"|steps:";
        draft.lines.extend(head.split('|').map(str::to_owned));
        for step in 0..=dice.below(MAX_STEPS) {
            draft.steps.push(draft.lines.len());
            draft.lines.push(format!("  - id: step_{step}"));
            draft.lines.push("    title: 단계".to_owned());
            draft.lines.push("    argv: [work, \"${{ vars.dir }}\", --name, \"${{ inputs.name }}\"]".to_owned());
            draft.lines.push("    timeout: \"${{ inputs.limit }}\"".to_owned());
            draft.lines.push("    idempotent: true".to_owned());
            draft.lines.push("    retry: {max_attempts: 2, delay: 10s}".to_owned());
            draft.lines.push("    outputs: {made: {from: stdout, regex: 'made (.*)'}}".to_owned());
            if step > 0 && dice.below(2) == 0 {
                let above = dice.below(step);
                draft.lines.push(format!("    env: {{MADE: \"${{{{ steps.step_{above}.outputs.made }}}}\"}}"));
            }
            draft.lines.push("    rollback: {run: 'unmake \"${{ vars.dir }}\"'}".to_owned());
        }
        draft
    }

    /// Returns the line with `text` of a random step.
    fn line(&self, dice: &mut Dice, text: &str) -> usize {
        let step = usize::try_from(dice.below(self.steps.len() as u64)).expect("few steps");
        let from = self.steps[step];
        from + self.lines[from..].iter().position(|line| line.contains(text)).expect("every step has it")
    }

    /// Replaces `old` on a line and returns the place where `at` stands in what is there now.
    fn replace(&mut self, line: usize, old: &str, new: &str, at: &str) -> Place {
        self.lines[line] = self.lines[line].replacen(old, new, 1);
        let from = self.lines[line].find(new).expect("it was put there");
        let byte = from + self.lines[line][from..].find(at).expect("it is part of what was put there");
        Place { line: line + 1, column: self.lines[line][..byte].chars().count() + 1 }
    }

    fn insert(&mut self, line: usize, text: &str, at: &str) -> Place {
        self.lines.insert(line, text.to_owned());
        self.replace(line, text, text, at)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

/// Plants one kind of fault and returns what must be found where.
type Plant = fn(&mut Draft, &mut Dice) -> (Code, Place);

const PLANTS: [(&str, Plant); 17] = [
    ("unknown key", |draft, dice| {
        let line = draft.line(dice, "timeout:");
        (Code::UnknownKey, draft.replace(line, "timeout", "tiemout", "tiemout"))
    }),
    ("duplicate key", |draft, dice| {
        let line = draft.line(dice, "timeout:");
        (Code::DuplicateKey, draft.insert(line + 1, "    timeout: 1s", "timeout"))
    }),
    ("wrong type", |draft, dice| {
        let line = draft.line(dice, "title:");
        (Code::WrongType, draft.replace(line, "단계", "[yes]", "[yes]"))
    }),
    ("number for text", |draft, dice| {
        let line = draft.line(dice, "title:");
        (Code::QuoteIt, draft.replace(line, "단계", "1.10", "1.10"))
    }),
    ("unknown choice", |draft, dice| {
        let line = draft.line(dice, "retry:");
        (Code::UnknownChoice, draft.replace(line, "delay", "backoff: linear, delay", "linear"))
    }),
    ("bad duration", |draft, dice| {
        let line = draft.line(dice, "retry:");
        (Code::BadUnit, draft.replace(line, "10s", "10sec", "10sec"))
    }),
    ("bad name", |draft, dice| {
        let line = draft.line(dice, "outputs:");
        (Code::BadName, draft.replace(line, "{made: ", "{made: {from: stderr}, Made-2: ", "Made-2"))
    }),
    ("no command", |draft, dice| {
        let line = draft.line(dice, "argv:");
        draft.lines.remove(line);
        (Code::MissingKey, Place { line: line - 1, column: 5 })
    }),
    ("bad regex", |draft, dice| {
        let line = draft.line(dice, "outputs:");
        (Code::BadRegex, draft.replace(line, "'made (.*)'", "'made (.*'", "'made"))
    }),
    ("unknown input", |draft, dice| {
        let line = draft.line(dice, "argv:");
        (Code::UnknownInput, draft.replace(line, "${{ inputs.name", "${{ inputs.nmae", "inputs.nmae"))
    }),
    ("unknown var", |draft, dice| {
        let line = draft.line(dice, "rollback:");
        (Code::UnknownVar, draft.replace(line, "vars.dir", "vars.dri", "vars.dri"))
    }),
    ("unknown step", |draft, dice| {
        let line = draft.line(dice, "timeout:");
        (Code::UnknownStep, draft.insert(line, "    stdin: \"한 ${{ steps.nowhere.exit_code }}\"", "steps."))
    }),
    ("own name", |draft, dice| {
        let line = draft.line(dice, "- id:");
        let id = draft.lines[line].trim_start_matches("  - id: ").to_owned();
        (Code::OwnName, draft.insert(line + 1, &format!("    needs: [{id}]"), &id))
    }),
    ("no licence", |draft, dice| {
        let line = draft.line(dice, "idempotent:");
        let place = draft.replace(line + 1, "{max_attempts: 2", "{max_attempts: 2", "2");
        "    why: because".clone_into(&mut draft.lines[line]);
        (Code::NoLicence, place)
    }),
    ("unquoted template", |draft, dice| {
        let line = draft.line(dice, "argv:");
        (Code::UnquotedTemplate, draft.replace(line, "\"${{ inputs.name }}\"", "${{ inputs.name }}", "${{"))
    }),
    ("unclosed template", |draft, dice| {
        let line = draft.line(dice, "argv:");
        (Code::Template, draft.replace(line, "\"${{ inputs.name }}\"", "\"${{ inputs.name\"", "${{"))
    }),
    ("tab", |draft, dice| {
        let line = draft.line(dice, "- id:");
        let place = draft.replace(line, "  - id", "\t- id", "- id");
        (Code::Syntax, place)
    }),
];

#[test]
fn a_draft_without_a_fault_has_none() {
    for seed in 0..50 {
        let draft = Draft::valid(&mut Dice(seed));
        let source = Source::new("planted.yaml", draft.lines.join("\n"));
        let (checked, diagnostics) = check::load(&source, Some("planted"));
        assert_eq!(diagnostics, []);
        assert_eq!(checked.map(|checked| checked.steps.len()), Some(draft.steps.len()));
    }
}

#[test]
fn planted_faults_are_found_where_they_are() {
    for seed in 0..CASES {
        let mut dice = Dice(seed);
        let mut draft = Draft::valid(&mut dice);
        let (kind, plant) = PLANTS[usize::try_from(seed).expect("small") % PLANTS.len()];
        let (code, place) = plant(&mut draft, &mut dice);
        let source = Source::new("planted.yaml", draft.lines.join("\n"));
        let (checked, diagnostics) = check::load(&source, Some("planted"));
        assert!(checked.is_none(), "seed {seed}: {kind} was let through");
        let found: Vec<(Code, Place)> = diagnostics
            .iter()
            .map(|diagnostic| {
                let (line, column) = source.line_column(diagnostic.span.start);
                (diagnostic.code, Place { line, column })
            })
            .collect();
        assert_eq!(found, [(code, place)], "seed {seed}: {kind} in\n{}", source.text);
    }
}
