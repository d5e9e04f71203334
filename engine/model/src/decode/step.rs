//! Steps and their hooks, outputs and retries.

use super::fields::{Field, Fields};
use super::scalars::NameForm;
use super::{Block, Decoder, invocation, scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{InDoubt, MAX_MILESTONES, OnCancel, OnEngineDeath};
use crate::playbook::{
    Backoff, Body, Conduct, Expect, Extract, Hook, Jitter, Milestone, Output, OutputSource, Probe, Release, Retry,
    Rollback, Step,
};
use crate::source::Spanned;
use crate::value::Type;
use crate::yaml::{Kind, Node};

impl Decoder<'_> {
    /// Returns the steps of a block; `block` tells which keys they have.
    pub(super) fn steps(&mut self, field: Field<'_>, block: Block) -> Vec<Step> {
        let mut steps = Vec::new();
        self.steps_of(field, block, None, &mut steps);
        steps
    }

    /// Adds the steps of a block; `parent` is the group whose members they are.
    pub(super) fn steps_of(&mut self, field: Field<'_>, block: Block, parent: Option<usize>, steps: &mut Vec<Step>) {
        for item in self.some_items(field).unwrap_or_default() {
            match kind_of(item.node, block) {
                kind @ (Block::Group | Block::Use) => self.group(item, kind, parent, steps),
                kind => steps.extend(self.step(item, kind).map(|step| Step { parent, ..step })),
            }
        }
    }

    fn step(&mut self, field: Field<'_>, block: Block) -> Option<Step> {
        let fields = self.fields(field, block)?;
        let id = self.id(&fields);
        // Whether it is repeated at all cannot depend on the item.
        let when = fields.get("when").and_then(|field| self.condition(field));
        let for_each = fields.get("for_each").and_then(|field| self.for_each(field));
        let step = self.naming(for_each.as_ref(), |decoder| decoder.step_of(&fields, id));
        Some(Step { when, for_each: for_each.map(Box::new), ..step })
    }

    /// Returns a step without what is said of its repetition as a whole.
    fn step_of(&mut self, fields: &Fields<'_>, id: Spanned<String>) -> Step {
        let invocation = self.invocation(fields);
        let outer = self.shell;
        if let Some(shell) = &invocation.shell {
            self.shell = invocation::kind(&shell.value);
        }
        let step = Step {
            title: fields.get("title").and_then(|field| self.some_text(field)),
            why: fields.get("why").and_then(|field| self.some_text(field)),
            caution: fields.get("caution").and_then(|field| self.some_text(field)),
            phase: fields.get("phase").and_then(|field| self.some_text(field)),
            typical: fields.get("typical").and_then(|field| self.given_duration(field)),
            needs: fields.get("needs").and_then(|field| self.ids(field)),
            guards: self.guards(fields.get("guards")),
            retry: fields.get("retry").and_then(|field| self.retry(field)).map(Box::new),
            deadline: fields.get("deadline").and_then(|field| self.given_duration(field)),
            conduct: Box::new(self.conduct(fields)),
            expect: self.expect(fields.get("expect")),
            poll: self.poll(fields).map(Box::new),
            on_failure: fields.get("on_failure").and_then(|field| self.scope_on_failure(field)),
            outputs: self.outputs_of(fields),
            milestones: fields.get("milestones").map_or_else(Vec::new, |field| self.milestones(field)),
            verify: fields.get("verify").and_then(|field| self.verify(field)).map(Box::new),
            cleanup: fields.get("cleanup").and_then(|field| self.hook(field, Block::Cleanup)).map(Box::new),
            rollback: fields.get("rollback").and_then(|field| self.rollback(field)),
            release: fields.get("release").and_then(|field| self.release(field)).map(Box::new),
            read_only: self.optional_flag(fields.get("read_only")) || fields.get("approve").is_some(),
            idempotent: self.optional_flag(fields.get("idempotent")),
            irreversible: self.optional_flag(fields.get("irreversible")),
            ..nothing(id, Body::Command(Box::new(invocation)), fields)
        };
        self.shell = outer;
        step
    }

    /// Returns the ids of steps.
    pub(super) fn ids(&mut self, field: Field<'_>) -> Option<Spanned<Vec<Spanned<String>>>> {
        let span = field.node.span;
        if let Some(word) = scalar(field.node).filter(|scalar| !scalar.text.is_empty()) {
            let ids = vec![Spanned::new(word.text.clone(), span)];
            let help = Some(format!("write [{}]", word.text));
            return self.wrong_with(field, "a list", help).or(Some(Spanned::new(ids, span)));
        }
        let items = self.items(field)?;
        let ids = items.into_iter().filter_map(|item| self.text(item)).collect();
        Some(Spanned::new(ids, span))
    }

    fn retry(&mut self, field: Field<'_>) -> Option<Retry> {
        let fields = self.fields(field, Block::Retry)?;
        let backoffs = [("constant", Backoff::Constant), ("exponential", Backoff::Exponential)];
        let jitters = [("none", Jitter::None), ("full", Jitter::Full)];
        let max_attempts = self.required(&fields, "max_attempts").and_then(|field| self.given_count(field));
        let delay = fields.get("delay").and_then(|field| self.given_duration(field));
        let backoff = fields.get("backoff").and_then(|field| self.choice(field, &backoffs));
        let factor = fields.get("factor").and_then(|field| self.factor(field));
        let max_delay = fields.get("max_delay").and_then(|field| self.given_duration(field));
        let jitter = fields.get("jitter").and_then(|field| self.choice(field, &jitters));
        let when = fields.get("when").and_then(|field| self.condition(field));
        let max_attempts = max_attempts?;
        Some(Retry { max_attempts, delay, backoff, factor, max_delay, jitter, when, span: fields.head })
    }

    fn conduct(&mut self, fields: &Fields<'_>) -> Conduct {
        let cancels = [("stop", OnCancel::Stop), ("finish", OnCancel::Finish)];
        let doubts = [("ask", InDoubt::Ask), ("rerun", InDoubt::Rerun), ("fail", InDoubt::Fail)];
        let deaths = [("adopt", OnEngineDeath::Adopt), ("kill", OnEngineDeath::Kill)];
        Conduct {
            on_cancel: fields.get("on_cancel").and_then(|field| self.choice(field, &cancels)),
            in_doubt: fields.get("in_doubt").and_then(|field| self.choice(field, &doubts)),
            on_engine_death: fields.get("on_engine_death").and_then(|field| self.choice(field, &deaths)),
            stop_grace: fields.get("stop_grace").and_then(|field| self.given_duration(field)),
        }
    }

    fn verify(&mut self, field: Field<'_>) -> Option<Probe> {
        let fields = self.fields(field, Block::Verify)?;
        Some(self.probe(&fields))
    }

    fn hook(&mut self, field: Field<'_>, block: Block) -> Option<Hook> {
        let fields = self.fields(field, block)?;
        Some(self.hook_of(&fields))
    }

    fn hook_of(&mut self, fields: &Fields<'_>) -> Hook {
        Hook {
            invocation: self.invocation(fields),
            expect: self.expect(fields.get("expect")),
            when: fields.get("when").and_then(|field| self.condition(field)),
            retry: fields.get("retry").and_then(|field| self.retry(field)).map(Box::new),
            span: fields.head,
        }
    }

    fn rollback(&mut self, field: Field<'_>) -> Option<Rollback> {
        match &field.node.kind {
            Kind::Scalar(scalar) if scalar.text == "none" => Some(Rollback::Nothing(field.node.span)),
            Kind::Scalar(_) | Kind::List(_) => {
                self.wrong_with(field, "a map or `none`", Some("`none` says that there is nothing to undo".to_owned()))
            }
            Kind::Map(_) => self.hook(field, Block::Rollback).map(|hook| Rollback::Hook(Box::new(hook))),
        }
    }

    fn release(&mut self, field: Field<'_>) -> Option<Release> {
        let fields = self.fields(field, Block::Release)?;
        let until = fields.get("until").and_then(|field| self.ids(field));
        Some(Release { hook: self.hook_of(&fields), until })
    }

    fn milestones(&mut self, field: Field<'_>) -> Vec<Milestone> {
        let entries = self.named(field);
        if entries.len() > MAX_MILESTONES {
            let message = format!("a step has at most {MAX_MILESTONES} milestones");
            self.report(Diagnostic::error(Code::OutOfRange, field.node.span, message));
        }
        let milestone = |(name, field): (&Spanned<String>, Field<'_>)| {
            let name = self.check_name(name, NameForm::Snake, "the name of a milestone");
            self.regex(field).map(|pattern| Milestone { name, pattern })
        };
        entries.into_iter().filter_map(milestone).collect()
    }

    /// Returns what a step or a guard publishes; `block` is the form of each.
    pub(super) fn outputs(&mut self, field: Field<'_>, block: Block) -> Vec<Output> {
        let entries = self.named(field);
        entries.into_iter().map(|(name, field)| self.output(name, field, block)).collect()
    }

    /// Returns an output, one that is published if it is faulty, so that its name is known.
    fn output(&mut self, name: &Spanned<String>, field: Field<'_>, block: Block) -> Output {
        let name = self.check_name(name, NameForm::Snake, "the name of an output");
        let Some(fields) = self.fields(field, block) else {
            let (source, extract, span) = (OutputSource::Published, Extract::Whole, field.node.span);
            return Output { name, source, extract, r#type: None, optional: false, span };
        };
        let types = Type::ALL.map(|known| (known.name(), known));
        let is_secret = self.optional_flag(fields.get("secret"));
        let output = Output {
            source: if is_secret { self.pipe(&fields) } else { self.output_source(&fields) },
            extract: self.extract(&fields),
            r#type: fields.get("type").and_then(|field| self.choice(field, &types)),
            optional: self.optional_flag(fields.get("optional")),
            span: fields.head,
            name,
        };
        self.check_source(&fields, &output);
        output
    }

    /// Returns where a secret comes from: from the one place that never touches a disk.
    fn pipe(&mut self, fields: &Fields<'_>) -> OutputSource {
        for key in ["from", "path", "argv", "run", "regex", "jq", "line", "type", "optional"] {
            if let Some(span) = fields.key_span(key) {
                let message = format!("a secret output has no `{key}`");
                let diagnostic = Diagnostic::error(Code::BadSecret, span, message);
                self.report(diagnostic.help("the program writes `name=value` to `$FIREDRILL_OUTPUT`, and all of it counts"));
            }
        }
        OutputSource::Secret
    }

    fn output_source(&mut self, fields: &Fields<'_>) -> OutputSource {
        let has_look = fields.get("argv").or(fields.get("run")).is_some();
        let Some(from) = fields.get("from") else {
            return if has_look { OutputSource::Look(self.invocation(fields)) } else { OutputSource::Published };
        };
        if has_look {
            let look = if fields.get("argv").is_some() { "argv" } else { "run" };
            self.exclusive(fields, "from", look);
        }
        let sources = [("stdout", From::Stdout), ("stderr", From::Stderr), ("file", From::File)];
        match self.choice(from, &sources).map(|choice| choice.value) {
            Some(From::Stderr) => OutputSource::Stderr,
            Some(From::File) => {
                let path = self.required(fields, "path").and_then(|field| self.template(field));
                path.map_or(OutputSource::Published, OutputSource::File)
            }
            Some(From::Stdout) | None => OutputSource::Stdout,
        }
    }

    fn extract(&mut self, fields: &Fields<'_>) -> Extract {
        let given: Vec<&str> = ["regex", "jq", "line"].into_iter().filter(|key| fields.get(key).is_some()).collect();
        if let [one, other, ..] = given.as_slice() {
            self.exclusive(fields, one, other);
        }
        let regex = fields.get("regex").and_then(|field| self.regex(field)).map(Extract::Regex);
        let jq = fields.get("jq").and_then(|field| self.jq(field)).map(Extract::Jq);
        let lines = [("first", Line::First), ("last", Line::Last)];
        let line = fields.get("line").and_then(|field| self.choice(field, &lines)).map(|line| match line.value {
            Line::First => Extract::FirstLine,
            Line::Last => Extract::LastLine,
        });
        regex.or(jq).or(line).unwrap_or(Extract::Whole)
    }

    /// Reports an extraction from nothing and a path without a file.
    fn check_source(&mut self, fields: &Fields<'_>, output: &Output) {
        if matches!(output.source, OutputSource::Secret) {
            return;
        }
        if let Some(path) = fields.key_span("path").filter(|_| !matches!(output.source, OutputSource::File(_))) {
            let diagnostic = Diagnostic::error(Code::Incomplete, path, "`path` needs `from: file` beside it");
            self.report(diagnostic);
        }
        let extraction = ["regex", "jq", "line"].into_iter().find_map(|key| Some((key, fields.key_span(key)?)));
        if let (Some((key, span)), OutputSource::Published, None) = (extraction, &output.source, fields.get("from")) {
            let message = format!("`{key}` of an output that has no source");
            let diagnostic = Diagnostic::error(Code::NoSource, span, message);
            self.report(diagnostic.help("add `from: stdout`; without a source the program publishes the value itself"));
        }
    }
}

/// Returns the kind of step that stands in a block.
fn kind_of(node: &Node, block: Block) -> Block {
    let Kind::Map(entries) = &node.kind else { return block };
    let has = |key: &str| block == Block::Step && entries.iter().any(|entry| entry.key.value == key);
    match (has("steps"), has("use")) {
        (true, _) => Block::Group,
        (false, true) => Block::Use,
        (false, false) => block,
    }
}

/// Returns a step of which nothing is said but what it does.
pub(super) fn nothing(id: Spanned<String>, body: Body, fields: &Fields<'_>) -> Step {
    Step {
        id,
        parent: None,
        body,
        for_each: None,
        on_failure: None,
        title: None,
        why: None,
        caution: None,
        phase: None,
        typical: None,
        needs: None,
        when: None,
        guards: Vec::new(),
        retry: None,
        deadline: None,
        conduct: Box::default(),
        expect: Expect::default(),
        poll: None,
        outputs: Vec::new(),
        milestones: Vec::new(),
        verify: None,
        cleanup: None,
        rollback: None,
        release: None,
        read_only: false,
        idempotent: false,
        irreversible: false,
        span: fields.span,
    }
}

#[derive(Clone, Copy)]
enum From {
    Stdout,
    Stderr,
    File,
}

#[derive(Clone, Copy)]
enum Line {
    First,
    Last,
}
