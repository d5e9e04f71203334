//! A rehearsal by itself, and held against the playbook that it rehearses.

use std::collections::{BTreeMap, HashMap};

use super::names::{self, Names};
use crate::decode;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::playbook::{Body, Command, Guard, OutputSource, Playbook, Rollback, Step, UsedPlaybook};
use crate::rehearsal::{
    Answer, Decision, DecisionWord, Expectation, ExpectedStep, Fault, Rehearsal, Says, Strikes, Target,
};
use crate::source::{Source, Span, Spanned};

/// What a rehearsal's file name ends with, behind the name of its playbook and before `.yaml`.
const SUFFIX: &str = ".rehearsal";

/// Reads a rehearsal and returns every finding, in the order of their places.
///
/// `file_stem` is its file's name without `.yaml` or `.rehearsal.yaml`, if known. There is a rehearsal if and only if no
/// finding is an error. Whether the playbook has what it names is found by [`check`].
pub fn load(source: &Source, file_stem: Option<&str>) -> (Option<Rehearsal>, Vec<Diagnostic>) {
    let (rehearsal, mut diagnostics) = decode::rehearsal(source);
    if let Some(rehearsal) = &rehearsal {
        diagnostics.extend(file_name(rehearsal, file_stem));
        diagnostics.extend(names::duplicates(rehearsal.scenarios.iter().map(|scenario| &scenario.name), "scenarios"));
    }
    let diagnostics = decode::in_order(diagnostics);
    let is_sound = diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    (rehearsal.filter(|_| is_sound), diagnostics)
}

/// Returns what a rehearsal names and its playbook does not have, in the order of the places.
pub fn check(rehearsal: &Rehearsal, playbook: &Playbook) -> Vec<Diagnostic> {
    let mut check = Check { rehearsal, playbook, names: Names::of(playbook), diagnostics: Vec::new() };
    check.name();
    check.inputs(&rehearsal.inputs);
    check.outputs(&rehearsal.last);
    for scenario in &rehearsal.scenarios {
        check.inputs(&scenario.inputs);
        scenario.last.iter().for_each(|last| check.outputs(last));
        scenario.faults.iter().for_each(|fault| check.fault(fault));
        scenario.answers.iter().for_each(|(name, answer)| check.answer(name, answer));
        scenario.decisions.iter().for_each(|decision| check.decision(decision));
        check.expectation(&scenario.expect);
    }
    decode::in_order(check.diagnostics)
}

fn file_name(rehearsal: &Rehearsal, file_stem: Option<&str>) -> Option<Diagnostic> {
    let stem = file_stem.map(|stem| stem.strip_suffix(SUFFIX).unwrap_or(stem));
    let name = &rehearsal.playbook;
    let stem = stem.filter(|stem| !name.value.is_empty() && *stem != name.value)?;
    let message = format!("it rehearses `{}`, its file is called `{}{SUFFIX}.yaml`", name.value, stem.escape_debug());
    let help = "a rehearsal stands beside its playbook and has its name".to_owned();
    Some(Diagnostic::error(Code::FileName, name.span, message).help(help))
}

struct Check<'a> {
    rehearsal: &'a Rehearsal,
    playbook: &'a Playbook,
    names: Names<'a>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    fn name(&mut self) {
        let (rehearsed, playbook) = (&self.rehearsal.playbook, &self.playbook.name);
        if rehearsed.value != playbook.value && !playbook.value.is_empty() {
            let message = format!("it rehearses `{}`, the playbook is called `{}`", rehearsed.value, playbook.value);
            self.report(Code::FileName, rehearsed.span, message, None);
        }
    }

    fn inputs<T>(&mut self, inputs: &BTreeMap<String, Spanned<T>>) {
        for (name, input) in inputs {
            if !self.names.inputs.contains_key(name.as_str()) {
                let help = self.names.suggest(name, &self.names.inputs, "inputs");
                self.report(Code::UnknownInput, input.span, format!("there is no input `{name}`"), help);
            }
        }
    }

    fn fault(&mut self, fault: &Spanned<Fault>) {
        let Strikes::Command { target, .. } = &fault.value.strikes else {
            return;
        };
        let places = &self.rehearsal.places;
        let (first, second) = (places.of(fault.span, 0), places.of(fault.span, 1));
        match target {
            Target::Guard(guard) => self.guard(guard, first),
            Target::Invariant(id) => self.invariant(id, first),
            Target::Final(id) => self.last(id, first),
            Target::Attempt(id) => {
                self.step(id, first);
            }
            Target::StepGuard { step, guard } => self.part(step, first, |check, step| {
                check.guard_of(step, guard, second);
            }),
            Target::Output { step, output } => self.part(step, first, |check, step| check.look(step, output, second)),
            Target::Verify(step) => self.part(step, first, |check, step| check.hook(step, "verify", second)),
            Target::Cleanup(step) => self.part(step, first, |check, step| check.hook(step, "cleanup", second)),
            Target::Rollback(step) => self.part(step, first, |check, step| check.hook(step, "rollback", second)),
            Target::Release(step) => self.part(step, first, |check, step| check.hook(step, "release", second)),
        }
    }

    /// Checks a part of a step that must be there.
    fn part(&mut self, step: &str, span: Span, of_step: impl FnOnce(&mut Self, &'a Step)) {
        if let Some(step) = self.step(step, span) {
            of_step(self, step);
        }
    }

    fn step(&mut self, id: &str, span: Span) -> Option<&'a Step> {
        if let Some((_, step)) = at_path(self.playbook, id) {
            return Some(step);
        }
        let (message, help) = if self.names.finally.contains_key(id) {
            let help = format!("a fault strikes it with `finally: {id}`; nothing else can be said of it");
            (format!("`{id}` is a step of `finally`"), Some(help))
        } else {
            (format!("there is no step `{id}`"), self.names.suggest(id, &self.names.steps, "steps"))
        };
        self.report(Code::UnknownStep, span, message, help);
        None
    }

    /// Checks that what is answered asks people, and that the answer is one to it.
    fn answer(&mut self, name: &str, answer: &Spanned<Answer>) {
        let (id, hook) = name.split_once('.').map_or((name, None), |(id, hook)| (id, Some(hook)));
        let Some(step) = self.step(id, answer.span) else { return };
        let asking = match hook {
            None => step.invocation(),
            Some(key) => step.hooks().find(|(name, _)| *name == key).map(|(_, hook)| &hook.invocation),
        };
        let Some(command) = asking.map(|invocation| &invocation.command).filter(|command| command.asks_people()) else {
            let message = format!("`{name}` asks nobody");
            return self.report(
                Code::NoCommand,
                answer.span,
                message,
                Some("only `manual` and `approve` are answered".to_owned()),
            );
        };
        let is_decision = matches!(command, Command::Approve(_));
        if let Some(says) = &answer.value.says
            && is_decision != matches!(says.value, Says::Approved | Says::Declined)
        {
            let words = if is_decision { "`approved` or `declined`" } else { "`done` or `failed`" };
            self.report(Code::UnknownChoice, says.span, format!("`{name}` is answered with {words}"), None);
        }
        for (output, value) in &answer.value.outputs {
            if step.outputs.iter().all(|asked| asked.name.value != *output) || hook.is_some() {
                self.report(Code::UnknownOutput, value.span, format!("`{name}` asks for no `{output}`"), None);
            }
        }
    }

    /// Checks that what is decided about is there.
    fn decision(&mut self, decision: &Decision) {
        let (step, hook) = match &decision.says {
            DecisionWord::Decide { step, .. } => (step, None),
            DecisionWord::Settle { step, hook, .. } => (step, *hook),
            DecisionWord::RollBack => return,
        };
        let Some(step) = self.step(&step.value, step.span) else { return };
        if let Some(hook) = hook {
            self.hook(step, hook.value.word(), hook.span);
        }
        let outputs = names::index(step.outputs.iter().map(|output| &output.name));
        for (output, value) in decision.outputs.iter().filter(|(name, _)| !outputs.contains_key(name.as_str())) {
            let help = self.names.suggest(output, &outputs, "outputs");
            let message = format!("step `{}` has no output `{output}`", step.id.value);
            self.report(Code::UnknownOutput, value.span, message, help);
        }
    }

    fn last(&mut self, id: &str, span: Span) {
        if !self.names.finally.contains_key(id) {
            let help = self.names.suggest(id, &self.names.finally, "steps of `finally`");
            self.report(Code::UnknownStep, span, format!("there is no step `{id}` in `finally`"), help);
        }
    }

    fn guard(&mut self, id: &str, span: Span) {
        let playbook = self.playbook;
        let guards = index(&playbook.guards);
        if guards.contains_key(id) || self.is_early(id) {
            return;
        }
        let owner = playbook.steps.iter().find(|step| index(&step.guards).contains_key(id));
        let help = match owner {
            Some(step) => {
                let step = &step.id.value;
                Some(format!("`{step}` has a guard of this name: add `step: {step}`"))
            }
            None => self.names.suggest(id, &guards, "guards of the playbook"),
        };
        self.report(Code::UnknownProbe, span, format!("the playbook has no guard `{id}`"), help);
    }

    /// Returns whether this is the guard of a used playbook that must hold at the start too.
    fn is_early(&self, id: &str) -> bool {
        let found = id.rsplit_once('/').and_then(|(path, guard)| Some((at_path(self.playbook, path)?, guard)));
        found.is_some_and(|((playbook, step), guard)| {
            let is_bound = matches!(&step.body, Body::Use(used) if used.early_guards);
            is_bound && used_by(playbook, step).is_some_and(|file| index(&file.checked.guards).contains_key(guard))
        })
    }

    fn guard_of(&mut self, step: &'a Step, id: &str, span: Span) {
        let mut guards = index(&step.guards);
        guards.extend(used_by(self.playbook, step).into_iter().flat_map(|file| index(&file.checked.guards)));
        // What a playbook in a used playbook uses is not looked up from here.
        let is_deep = matches!(step.body, Body::Use(_)) && used_by(self.playbook, step).is_none();
        if !guards.contains_key(id) && !is_deep {
            let help = self.names.suggest(id, &guards, "guards of the step");
            self.report(Code::UnknownProbe, span, format!("`{}` has no guard `{id}`", step.id.value), help);
        }
    }

    fn invariant(&mut self, id: &str, span: Span) {
        let invariants = names::index(self.playbook.invariants.iter().map(|invariant| &invariant.id));
        let theirs = id.rsplit_once('/').and_then(|(path, own)| Some((used_at(self.playbook, path)?, own)));
        let is_theirs = |(file, own): (&UsedPlaybook, &str)| {
            file.checked.invariants.iter().any(|invariant| invariant.id.value == own)
        };
        if !invariants.contains_key(id) && !theirs.is_some_and(is_theirs) {
            let help = self.names.suggest(id, &invariants, "invariants");
            self.report(Code::UnknownProbe, span, format!("there is no invariant `{id}`"), help);
        }
    }

    fn look(&mut self, step: &'a Step, output: &str, span: Span) {
        let outputs = names::index(step.outputs.iter().map(|output| &output.name));
        let id = &step.id.value;
        let Some(&at) = outputs.get(output) else {
            let help = self.names.suggest(output, &outputs, "outputs");
            return self.report(Code::UnknownOutput, span, format!("step `{id}` has no output `{output}`"), help);
        };
        if !matches!(step.outputs[at].source, OutputSource::Look(_)) {
            let message = format!("no command looks for the output `{output}` of `{id}`");
            let help = "it is taken from the attempt: strike that with `fault: wrong_output`".to_owned();
            self.report(Code::NoCommand, span, message, Some(help));
        }
    }

    fn hook(&mut self, step: &'a Step, hook: &str, span: Span) {
        let hooks = hooks(step);
        if hooks.contains(&hook) {
            return;
        }
        let id = &step.id.value;
        let help = match hooks.as_slice() {
            [] => format!("`{id}` has neither hooks nor a verify"),
            some => format!("`{id}` has: {}", some.join(", ")),
        };
        self.report(Code::NoCommand, span, format!("`{id}` has no {hook}"), Some(help));
    }

    fn expectation(&mut self, expect: &Expectation) {
        for (id, step) in &expect.steps {
            self.part(id, step.span, |check, found| check.expected(found, step));
        }
        for (id, hold) in &expect.hold {
            self.part(id, hold.span, |check, step| check.hook(step, "release", hold.span));
        }
        for (name, span) in self.each(expect.unmet.as_ref()) {
            match name.split_once('.') {
                Some((step, guard)) => self.part(step, span, |check, step| check.guard_of(step, guard, span)),
                None => self.any_guard(name, span),
            }
        }
        for (name, span) in self.each(expect.open.as_ref()) {
            match name.split_once('.') {
                Some((step, hook)) => self.part(step, span, |check, step| check.hook(step, hook, span)),
                None => self.part(name, span, |_, _| {}),
            }
        }
        self.outputs(&expect.outputs);
    }

    /// Reports outputs that the playbook does not have.
    fn outputs<T>(&mut self, named: &BTreeMap<String, Spanned<T>>) {
        let outputs = names::index(self.playbook.outputs.iter().map(|output| &output.name));
        for (name, output) in named.iter().filter(|(name, _)| !outputs.contains_key(name.as_str())) {
            let help = self.names.suggest(name, &outputs, "outputs");
            self.report(Code::UnknownOutput, output.span, format!("the playbook has no output `{name}`"), help);
        }
    }

    /// Returns the names of a list with their places.
    fn each<'l>(&self, list: Option<&'l Spanned<Vec<String>>>) -> Vec<(&'l str, Span)> {
        let places = &self.rehearsal.places;
        let names =
            list.into_iter().flat_map(|list| list.value.iter().enumerate().map(move |(nth, name)| (list, nth, name)));
        names.map(|(list, nth, name)| (name.as_str(), places.of(list.span, nth))).collect()
    }

    /// Reports that a step is expected to have done what it has no hook for.
    fn expected(&mut self, step: &'a Step, expected: &Spanned<ExpectedStep>) {
        let ExpectedStep { cleaned_up, rolled_back, released, .. } = expected.value;
        let done = [("cleanup", cleaned_up), ("rollback", rolled_back), ("release", released)];
        for (hook, _) in done.into_iter().filter(|&(_, done)| done == Some(true)) {
            self.hook(step, hook, expected.span);
        }
    }

    /// Checks a guard that may be one of the playbook or of any step.
    fn any_guard(&mut self, id: &str, span: Span) {
        let playbook = self.playbook;
        let guards = playbook.guards.iter().chain(playbook.steps.iter().flat_map(|step| &step.guards));
        let guards = names::index(guards.map(|guard| &guard.id));
        if !guards.contains_key(id) {
            let help = self.names.suggest(id, &guards, "guards");
            self.report(Code::UnknownProbe, span, format!("there is no guard `{id}`"), help);
        }
    }

    fn report(&mut self, code: Code, span: Span, message: String, help: Option<String>) {
        self.diagnostics.push(Diagnostic::error(code, span, message).maybe_help(help));
    }
}

/// Returns the playbook that a step uses, if it uses one.
fn used_by<'a>(playbook: &'a Playbook, step: &Step) -> Option<&'a UsedPlaybook> {
    match &step.body {
        Body::Use(used) => playbook.used.get(&used.path.value).map(|file| &**file),
        Body::Command(_) | Body::Group(_) => None,
    }
}

/// Returns the playbook that is used where a path such as `move/part` leads to, if one is.
fn used_at<'a>(playbook: &'a Playbook, path: &str) -> Option<&'a UsedPlaybook> {
    let (around, step) = at_path(playbook, path)?;
    used_by(around, step)
}

/// Returns the step with a path such as `restore/unpack` or `copy[a]/unpack`, in a playbook or in those that it uses,
/// and the playbook in which it stands.
fn at_path<'a>(playbook: &'a Playbook, path: &str) -> Option<(&'a Playbook, &'a Step)> {
    let mut playbook = playbook;
    let mut block = None;
    let mut segments = path.split('/').peekable();
    loop {
        let segment = segments.next()?;
        let (id, key) = segment.split_once('[').map_or((segment, None), |(id, key)| (id, Some(key)));
        let is_it = |step: &Step| step.parent == block && step.id.value == id;
        let at = playbook.steps.iter().position(is_it)?;
        let step = &playbook.steps[at];
        if key.is_some() && step.for_each.is_none() {
            return None;
        }
        if segments.peek().is_none() {
            return Some((playbook, step));
        }
        match &step.body {
            Body::Command(_) => return None,
            Body::Group(_) => block = Some(at),
            Body::Use(_) => (playbook, block) = (&used_by(playbook, step)?.checked, None),
        }
    }
}

fn index(guards: &[Guard]) -> HashMap<&str, usize> {
    names::index(guards.iter().map(|guard| &guard.id))
}

/// Returns the keys of a step's commands besides its attempt.
fn hooks(step: &Step) -> Vec<&'static str> {
    let has_rollback = matches!(step.rollback, Some(Rollback::Hook(_)));
    let hooks = [
        ("verify", step.verify.is_some()),
        ("cleanup", step.cleanup.is_some()),
        ("rollback", has_rollback),
        ("release", step.release.is_some()),
    ];
    hooks.into_iter().filter(|&(_, is_there)| is_there).map(|(key, _)| key).collect()
}
