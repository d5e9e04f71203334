//! Every use of a name in a playbook, with its place and what may be named there.

use crate::expression::{AttemptField, Expression, Reference};
use crate::playbook::{
    Body, Command, EnvForm, EnvVar, Expect, Extract, Given, Guard, Hook, Invocation, List, Output, OutputSource, Playbook, Poll, Probe,
    Required, Retry, Shell, Step,
};
use crate::source::{Span, Spanned};
use crate::template::Template;
use crate::value::Value;

/// The use of a name.
#[derive(Clone, Copy)]
pub(super) struct Use<'p> {
    pub(super) name: &'p Reference,
    pub(super) span: Span,
    pub(super) site: Site,
    /// In which text of a command.
    pub(super) spot: Spot,
}

/// The text of a command in which a name is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// An argument of a program.
    Argument,
    /// A script.
    Script,
    /// The value of an environment variable; `true` if the text is exactly the name.
    Variable(bool),
    /// The path of a file in memory, in an environment variable.
    File(bool),
    /// Standard input.
    Stdin(bool),
    /// What an input of a used playbook gets.
    Handed(bool),
    /// Everything else.
    Elsewhere,
}

/// A jq filter, which names what it uses by itself.
#[derive(Clone, Copy)]
pub(super) struct Filter<'p> {
    pub(super) text: &'p Spanned<String>,
    pub(super) site: Site,
}

/// Where a name is used; the numbers are indices of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    /// The `required` of an input.
    Requirement,
    /// A var.
    Var(usize),
    /// `defaults`
    Defaults,
    /// The name of a lock.
    Lock,
    /// A guard of the playbook.
    Guard,
    /// A command, or what belongs to it: what is read is needed.
    Body(Position),
    /// A verify: as a command, and it may read the step's own outputs.
    Verify(usize),
    /// A `when` of a step: decided when what the step needs has settled.
    Gate(Position),
    /// A guard of a step, by its number: it may read what those before it have seen.
    Asking(usize, usize),
    /// The `when` of a retry.
    Repeat(Position),
    /// The command of a hook.
    Hook(usize),
    /// The `when` of a cleanup, or of the retry of a hook.
    HookWhen(usize),
    /// An invariant.
    Invariant,
    /// An output of the playbook.
    Output,
    /// An output of a group.
    Published(usize),
}

/// A step of one of the two blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// One of `steps`.
    Main(usize),
    /// One of `finally`.
    Final(usize),
}

/// Returns every use in a playbook.
pub(super) fn of(playbook: &Playbook) -> Vec<Use<'_>> {
    walked(playbook).uses
}

/// Returns every variable that is to hold the path of a file.
pub(super) fn files(playbook: &Playbook) -> Vec<&EnvVar> {
    walked(playbook).files
}

/// Returns every jq filter.
pub(super) fn filters(playbook: &Playbook) -> Vec<Filter<'_>> {
    walked(playbook).filters
}

fn walked(playbook: &Playbook) -> Walk<'_> {
    let mut walk = Walk { playbook, uses: Vec::new(), files: Vec::new(), filters: Vec::new() };
    walk.head();
    for (index, step) in playbook.steps.iter().enumerate() {
        walk.step(step, Position::Main(index));
        walk.hooks(step, index);
    }
    for (index, step) in playbook.finally.iter().enumerate() {
        walk.step(step, Position::Final(index));
    }
    walk.tail();
    walk
}

struct Walk<'p> {
    playbook: &'p Playbook,
    uses: Vec<Use<'p>>,
    files: Vec<&'p EnvVar>,
    filters: Vec<Filter<'p>>,
}

impl<'p> Walk<'p> {
    fn head(&mut self) {
        for input in &self.playbook.inputs {
            if let Required::When(expression) = &input.required {
                self.expression(expression, Site::Requirement);
            }
        }
        for (index, var) in self.playbook.vars.iter().enumerate() {
            if let Given::Computed(template) = &var.value.value {
                self.references(template.references(), var.value.span, Site::Var(index));
            }
        }
        let defaults = &self.playbook.defaults;
        self.around(&defaults.env, defaults.dir.as_ref(), defaults.shell.as_ref(), Site::Defaults);
        for lock in &self.playbook.locks {
            self.template(lock, Site::Lock);
        }
        self.guards(&self.playbook.guards, |_| Site::Guard);
    }

    fn tail(&mut self) {
        for invariant in &self.playbook.invariants {
            self.probe(&invariant.probe, Site::Invariant);
        }
        for output in &self.playbook.outputs {
            self.template(&output.value, Site::Output);
        }
    }

    fn step(&mut self, step: &'p Step, position: Position) {
        self.optional(step.when.as_ref(), Site::Gate(position));
        self.for_each(step, position);
        if let Position::Main(index) = position {
            self.guards(&step.guards, |nth| Site::Asking(index, nth));
        }
        self.body(&step.body, position);
        self.given(step.typical.as_ref(), Site::Body(position));
        self.given(step.deadline.as_ref(), Site::Body(position));
        self.given(step.conduct.stop_grace.as_ref(), Site::Body(position));
        self.poll(step.poll.as_deref(), Site::Body(position));
        self.expect(&step.expect, Site::Body(position));
        for output in &step.outputs {
            self.extract(output, Site::Body(position));
            match &output.source {
                OutputSource::File(path) => self.template(path, Site::Body(position)),
                OutputSource::Look(look) => self.invocation(look, Site::Body(position)),
                OutputSource::Published
                | OutputSource::Stdout
                | OutputSource::Stderr
                | OutputSource::Asked
                | OutputSource::Secret => {}
            }
        }
        self.retry(step.retry.as_deref(), Site::Body(position), Site::Repeat(position));
    }

    fn for_each(&mut self, step: &'p Step, position: Position) {
        let Some(for_each) = &step.for_each else { return };
        if let List::Computed(expression) = &for_each.list.value {
            self.references(expression.references.iter(), for_each.list.span, Site::Body(position));
        }
        self.optional(for_each.key.as_ref(), Site::Body(position));
    }

    fn body(&mut self, body: &'p Body, position: Position) {
        match (body, position) {
            (Body::Command(invocation), _) => self.invocation(invocation, Site::Body(position)),
            (Body::Group(outputs), Position::Main(group)) => {
                for output in outputs {
                    self.template(&output.value, Site::Published(group));
                }
            }
            (Body::Use(used), _) => {
                for (_, value) in &used.with {
                    self.handed(value, Site::Body(position));
                }
            }
            (Body::Group(_), Position::Final(_)) => {}
        }
    }

    fn hooks(&mut self, step: &'p Step, index: usize) {
        if let Some(verify) = &step.verify {
            self.probe(verify, Site::Verify(index));
        }
        for (key, hook) in step.hooks() {
            let when = if key == "cleanup" { Site::HookWhen(index) } else { Site::Hook(index) };
            self.hook(hook, index, when);
        }
    }

    fn hook(&mut self, hook: &'p Hook, index: usize, when: Site) {
        self.invocation(&hook.invocation, Site::Hook(index));
        self.expect(&hook.expect, Site::Hook(index));
        self.optional(hook.when.as_ref(), when);
        self.retry(hook.retry.as_deref(), Site::Hook(index), Site::HookWhen(index));
    }

    fn guards(&mut self, guards: &'p [Guard], site: impl Fn(usize) -> Site) {
        for (nth, guard) in guards.iter().enumerate() {
            self.probe(&guard.probe, site(nth));
            for output in &guard.outputs {
                self.extract(output, site(nth));
                if let OutputSource::File(path) = &output.source {
                    self.template(path, site(nth));
                }
            }
        }
    }

    fn extract(&mut self, output: &'p Output, site: Site) {
        if let Extract::Jq(text) = &output.extract {
            self.filters.push(Filter { text, site });
        }
    }

    fn probe(&mut self, probe: &'p Probe, site: Site) {
        self.invocation(&probe.invocation, site);
        self.expect(&probe.expect, site);
        self.poll(probe.poll.as_ref(), site);
    }

    /// Adds what an expectation names besides the end of its own command.
    fn expect(&mut self, expect: &'p Expect, site: Site) {
        self.filters.extend(expect.jq.as_ref().map(|text| Filter { text, site }));
        let Some(that) = &expect.that else { return };
        let before = self.uses.len();
        self.expression(that, site);
        let is_other =
            |used: &Use<'_>| !matches!(used.name, Reference::Attempt(field) if *field != AttemptField::Outcome);
        let others: Vec<Use<'p>> = self.uses.drain(before..).filter(is_other).collect();
        self.uses.extend(others);
    }

    fn poll(&mut self, poll: Option<&'p Poll>, site: Site) {
        let Some(poll) = poll else { return };
        self.given(poll.every.as_ref(), site);
        self.given(Some(&poll.within), site);
        self.given(poll.after.as_ref(), site);
    }

    fn invocation(&mut self, invocation: &'p Invocation, site: Site) {
        let spot = if matches!(invocation.command, Command::Run(_)) { Spot::Script } else { Spot::Argument };
        for text in invocation.command.templates() {
            self.spotted(text, site, spot);
        }
        self.around(&invocation.env, invocation.dir.as_ref(), invocation.shell.as_ref(), site);
        if let Some(stdin) = &invocation.stdin {
            self.spotted(stdin, site, Spot::Stdin(is_a_name(&stdin.value)));
        }
        self.given(invocation.timeout.as_ref(), site);
    }

    fn around(
        &mut self,
        env: &'p [EnvVar],
        dir: Option<&'p Spanned<Template>>,
        shell: Option<&'p Spanned<Shell>>,
        site: Site,
    ) {
        let words: &[Spanned<Template>] = match shell.map(|shell| &shell.value) {
            Some(Shell::Argv(words)) => words,
            Some(Shell::Sh | Shell::Bash) | None => &[],
        };
        self.files.extend(env.iter().filter(|variable| variable.form == EnvForm::File));
        for variable in env {
            let is_alone = is_a_name(&variable.value.value);
            let spot = match variable.form {
                EnvForm::Value => Spot::Variable(is_alone),
                EnvForm::File => Spot::File(is_alone),
            };
            self.spotted(&variable.value, site, spot);
        }
        for text in dir.into_iter().chain(words) {
            self.template(text, site);
        }
    }

    fn retry(&mut self, retry: Option<&'p Retry>, site: Site, when: Site) {
        let Some(retry) = retry else { return };
        self.given(Some(&retry.max_attempts), site);
        self.given(retry.delay.as_ref(), site);
        self.given(retry.max_delay.as_ref(), site);
        self.optional(retry.when.as_ref(), when);
    }

    fn given<T>(&mut self, given: Option<&'p Spanned<Given<T>>>, site: Site) {
        if let Some(Spanned { value: Given::Computed(template), span }) = given {
            self.references(template.references(), *span, site);
        }
    }

    fn handed(&mut self, value: &'p Spanned<Given<Value>>, site: Site) {
        if let Given::Computed(template) = &value.value {
            let first = self.uses.len();
            self.references(template.references(), value.span, site);
            self.uses[first..].iter_mut().for_each(|used| used.spot = Spot::Handed(is_a_name(template)));
        }
    }

    fn template(&mut self, text: &'p Spanned<Template>, site: Site) {
        self.spotted(text, site, Spot::Elsewhere);
    }

    fn spotted(&mut self, text: &'p Spanned<Template>, site: Site, spot: Spot) {
        let first = self.uses.len();
        self.references(text.value.references(), text.span, site);
        self.uses[first..].iter_mut().for_each(|used| used.spot = spot);
    }

    fn optional(&mut self, expression: Option<&'p Spanned<Expression>>, site: Site) {
        if let Some(expression) = expression {
            self.expression(expression, site);
        }
    }

    fn expression(&mut self, expression: &'p Spanned<Expression>, site: Site) {
        self.references(expression.value.references.iter(), expression.span, site);
    }

    fn references(&mut self, names: impl Iterator<Item = &'p Reference>, text: Span, site: Site) {
        let places = self.playbook.names.get(&text).map_or(&[][..], Vec::as_slice);
        let uses = names.enumerate().map(|(nth, name)| {
            let span = places.get(nth).copied().unwrap_or(text);
            Use { name, span, site, spot: Spot::Elsewhere }
        });
        self.uses.extend(uses);
    }
}

/// Returns whether a text is exactly one name, alone in its braces.
fn is_a_name(text: &Template) -> bool {
    let single = text.as_single().map(|expression| (&expression.source, expression.references.as_slice()));
    matches!(single, Some((source, [name])) if name.to_string() == *source)
}
