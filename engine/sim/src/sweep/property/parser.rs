//! From the text of a property to its condition.

use firedrill_model::plan::Plan;
use firedrill_model::suggest::did_you_mean;
use firedrill_run::Verdict;

use super::PropertyError;
use crate::sweep::condition::{Condition, StepStatus};

/// How deep parentheses and `not` may nest.
const MAX_DEPTH: usize = 50;

/// Returns the condition of a text, with the steps of a plan.
pub(super) fn parse(text: &str, plan: &Plan) -> Result<Condition, PropertyError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, end: text.len(), depth: 0, plan };
    let condition = parser.any()?;
    match parser.peek() {
        None => Ok(condition),
        Some(_) => Err(parser.error("expected `and` or `or` before this")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    Name(&'t str),
    Text(&'t str),
    /// `==`, `!=`, or one of `. ( ) [ ] ,`.
    Mark(&'t str),
}

const MARKS: [&str; 8] = ["==", "!=", ".", "(", ")", "[", "]", ","];

fn tokens(text: &str) -> Result<Vec<(usize, Token<'_>)>, PropertyError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let (token, length) = match first {
            _ if first.is_whitespace() => (None, first.len_utf8()),
            _ if is_of_name(first) => {
                let length = text[at..].find(|c| !is_of_name(c)).unwrap_or(text.len() - at);
                (Some(Token::Name(&text[at..at + length])), length)
            }
            '\'' | '"' => {
                let length = text[at + 1..].find(first).ok_or_else(|| unended(at))?;
                (Some(Token::Text(&text[at + 1..=at + length])), length + 2)
            }
            _ => {
                let mark =
                    MARKS.into_iter().find(|mark| text[at..].starts_with(mark)).ok_or_else(|| stray(at, first))?;
                (Some(Token::Mark(mark)), mark.len())
            }
        };
        tokens.extend(token.map(|token| (at, token)));
        at += length;
    }
    Ok(tokens)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn unended(offset: usize) -> PropertyError {
    PropertyError { offset, message: "this quote is not closed".into() }
}

fn stray(offset: usize, found: char) -> PropertyError {
    let advice = match found {
        '=' => ": did you mean `==`?",
        '&' => ": did you mean `and`?",
        '|' => ": did you mean `or`?",
        '!' => ": did you mean `not` or `!=`?",
        _ => "",
    };
    PropertyError { offset, message: format!("`{found}` means nothing here{advice}") }
}

struct Parser<'t> {
    tokens: Vec<(usize, Token<'t>)>,
    at: usize,
    end: usize,
    depth: usize,
    plan: &'t Plan,
}

impl<'t> Parser<'t> {
    fn any(&mut self) -> Result<Condition, PropertyError> {
        let mut conditions = vec![self.all()?];
        while self.takes_word("or") {
            conditions.push(self.all()?);
        }
        Ok(one_or(conditions, Condition::Or))
    }

    fn all(&mut self) -> Result<Condition, PropertyError> {
        let mut conditions = vec![self.single()?];
        while self.takes_word("and") {
            conditions.push(self.single()?);
        }
        Ok(one_or(conditions, Condition::And))
    }

    fn single(&mut self) -> Result<Condition, PropertyError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} levels of `not` and parentheses")));
        }
        let condition = if self.takes_word("not") {
            Condition::Not(Box::new(self.single()?))
        } else if self.takes(Token::Mark("(")) {
            let inner = self.any()?;
            self.expect(Token::Mark(")"), "expected `)`")?;
            inner
        } else {
            self.atom()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn atom(&mut self) -> Result<Condition, PropertyError> {
        let place = self.offset();
        let Some(Token::Name(name)) = self.peek() else {
            return Err(self.error("expected a step's status, such as `backup.failed`, or `verdict == 'stuck'`"));
        };
        self.at += 1;
        if name == "verdict" && self.peek() != Some(Token::Mark(".")) {
            return self.verdict();
        }
        let step = self.plan.step_index(name).ok_or_else(|| self.no_step(place, name))?;
        self.expect(Token::Mark("."), "expected `.` and a status")?;
        Ok(Condition::StepIs(step, self.status()?))
    }

    fn no_step(&self, offset: usize, name: &str) -> PropertyError {
        let advice = did_you_mean(name, self.plan.steps.iter().map(|step| step.id.as_str()).chain(["verdict"]));
        let advice = advice.map(|advice| format!(": {advice}")).unwrap_or_default();
        PropertyError { offset, message: format!("the playbook has no step `{name}`{advice}") }
    }

    fn status(&mut self) -> Result<StepStatus, PropertyError> {
        let words = StepStatus::WORDS;
        let names = || words.iter().map(|(word, _)| *word);
        let Some(Token::Name(name)) = self.peek() else {
            return Err(self.error(format!("expected a status: {}", listed(names()))));
        };
        let status = words.iter().find(|(word, _)| *word == name).map(|(_, status)| *status);
        let status = status.ok_or_else(|| self.unknown("status", name, names()))?;
        self.at += 1;
        Ok(status)
    }

    fn verdict(&mut self) -> Result<Condition, PropertyError> {
        if self.takes(Token::Mark("==")) {
            return Ok(Condition::Verdict(self.verdict_word()?));
        }
        if self.takes(Token::Mark("!=")) {
            return Ok(Condition::Not(Box::new(Condition::Verdict(self.verdict_word()?))));
        }
        let is_negated = self.takes_word("not");
        if !self.takes_word("in") {
            return Err(self.error("expected `==`, `!=`, `in` or `not in` after `verdict`"));
        }
        let among = self.verdicts()?;
        Ok(if is_negated { Condition::Not(Box::new(among)) } else { among })
    }

    fn verdicts(&mut self) -> Result<Condition, PropertyError> {
        self.expect(Token::Mark("["), "expected a list, such as ['failed', 'stuck']")?;
        let mut verdicts = vec![Condition::Verdict(self.verdict_word()?)];
        while self.takes(Token::Mark(",")) {
            verdicts.push(Condition::Verdict(self.verdict_word()?));
        }
        self.expect(Token::Mark("]"), "expected `,` or `]`")?;
        Ok(one_or(verdicts, Condition::Or))
    }

    fn verdict_word(&mut self) -> Result<Verdict, PropertyError> {
        let names = || VERDICTS.iter().map(|(word, _)| *word);
        let Some(Token::Text(name)) = self.peek() else {
            return Err(self.error(format!("expected a verdict in quotes: {}", listed(names()))));
        };
        let verdict = VERDICTS.iter().find(|(word, _)| *word == name).map(|(_, verdict)| *verdict);
        let verdict = verdict.ok_or_else(|| self.unknown("verdict", name, names()))?;
        self.at += 1;
        Ok(verdict)
    }

    fn unknown<'n>(&self, what: &str, name: &str, names: impl Iterator<Item = &'n str> + Clone) -> PropertyError {
        let advice = did_you_mean(name, names.clone()).unwrap_or_else(|| format!("there are {}", listed(names)));
        self.error(format!("`{name}` is no {what}: {advice}"))
    }

    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).map(|(_, token)| *token)
    }

    fn takes(&mut self, token: Token<'_>) -> bool {
        let is_next = self.peek() == Some(token);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes a word of the language, unless it is the id of a step.
    fn takes_word(&mut self, word: &str) -> bool {
        let is_step = self.tokens.get(self.at + 1).is_some_and(|(_, token)| *token == Token::Mark("."));
        !is_step && self.takes(Token::Name(word))
    }

    fn expect(&mut self, token: Token<'_>, message: &str) -> Result<(), PropertyError> {
        if self.takes(token) { Ok(()) } else { Err(self.error(message)) }
    }

    fn offset(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |(at, _)| *at)
    }

    fn error(&self, message: impl Into<String>) -> PropertyError {
        PropertyError { offset: self.offset(), message: message.into() }
    }
}

/// The verdicts by their names in the language.
const VERDICTS: [(&str, Verdict); 7] = [
    ("succeeded", Verdict::Succeeded),
    ("skipped", Verdict::Skipped),
    ("refused", Verdict::Refused),
    ("rolled_back", Verdict::RolledBack),
    ("failed", Verdict::Failed),
    ("cancelled", Verdict::Cancelled),
    ("stuck", Verdict::Stuck),
];

fn one_or(mut conditions: Vec<Condition>, joined: fn(Vec<Condition>) -> Condition) -> Condition {
    if conditions.len() == 1 { conditions.remove(0) } else { joined(conditions) }
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch;

    fn read(text: &str) -> Result<Condition, PropertyError> {
        parse(text, &sketch("lock\ncopy lock\nnot copy"))
    }

    fn is(step: usize, status: StepStatus) -> Condition {
        Condition::StepIs(step, status)
    }

    #[test]
    fn and_binds_closer_than_or_and_not_closest() {
        let [a, b] = [is(0, StepStatus::Holding), is(1, StepStatus::UnderWay)];
        let not = |condition: &Condition| Condition::Not(Box::new(condition.clone()));
        let stuck = Condition::Verdict(Verdict::Stuck);
        assert_eq!(
            read("not lock.holding and copy.running or verdict == 'stuck'"),
            Ok(Condition::Or(vec![Condition::And(vec![not(&a), b.clone()]), stuck.clone()]))
        );
        assert_eq!(read("not (lock.holding or copy.running)"), Ok(not(&Condition::Or(vec![a.clone(), b]))));
        assert_eq!(read("verdict != \"stuck\""), Ok(not(&stuck)));
        assert_eq!(
            read("verdict not in ['stuck', 'rolled_back']"),
            Ok(not(&Condition::Or(vec![stuck, Condition::Verdict(Verdict::RolledBack)])))
        );
        assert_eq!(read("not not.started"), Ok(not(&is(2, StepStatus::Effective))));
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is() {
        let wrong = [
            "",
            "lokc.holding",
            "lock.holdng",
            "lock",
            "lock.",
            "lock.holding copy.running",
            "lock.holding && copy.running",
            "verdict = 'stuck'",
            "verdict == stuck",
            "verdict == 'stick'",
            "verdict in 'stuck'",
            "verdict",
            "(lock.holding",
            "verdict == 'stuck",
            "lock.is_it_done",
            "lock.holding or",
        ];
        let told = wrong.map(|text| match read(text) {
            Err(error) => format!("{text}\n{}^ {error}", " ".repeat(error.offset)),
            Ok(condition) => panic!("{text} was read as {condition:?}"),
        });
        insta::assert_snapshot!(told.join("\n"), @"
        ^ expected a step's status, such as `backup.failed`, or `verdict == 'stuck'`
        lokc.holding
        ^ the playbook has no step `lokc`: did you mean `lock`?
        lock.holdng
             ^ `holdng` is no status: did you mean `holding`?
        lock
            ^ expected `.` and a status
        lock.
             ^ expected a status: waiting, running, succeeded, failed, skipped, in_doubt, started, cleaned_up, rolled_back, released, holding
        lock.holding copy.running
                     ^ expected `and` or `or` before this
        lock.holding && copy.running
                     ^ `&` means nothing here: did you mean `and`?
        verdict = 'stuck'
                ^ `=` means nothing here: did you mean `==`?
        verdict == stuck
                   ^ expected a verdict in quotes: succeeded, skipped, refused, rolled_back, failed, cancelled, stuck
        verdict == 'stick'
                   ^ `stick` is no verdict: did you mean `stuck`?
        verdict in 'stuck'
                   ^ expected a list, such as ['failed', 'stuck']
        verdict
               ^ expected `==`, `!=`, `in` or `not in` after `verdict`
        (lock.holding
                     ^ expected `)`
        verdict == 'stuck
                   ^ this quote is not closed
        lock.is_it_done
             ^ `is_it_done` is no status: there are waiting, running, succeeded, failed, skipped, in_doubt, started, cleaned_up, rolled_back, released, holding
        lock.holding or
                       ^ expected a step's status, such as `backup.failed`, or `verdict == 'stuck'`
        ");
        assert!(read(&"not ".repeat(10_000)).is_err());
        assert!(read(&"(".repeat(100_000)).is_err());
    }
}
