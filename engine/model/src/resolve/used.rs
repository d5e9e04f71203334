//! A used playbook becomes a group of the plan: its inputs and vars are written into its steps.

use std::collections::BTreeMap;

use super::block::Place;
use super::inputs::{Given, GivenValue, inputs_without, vars_without};
use super::{Hoisted, Resolver, on_failure, sha256};
use crate::check::{self, Names, joined};
use crate::diagnostic::{Code, Diagnostic};
use crate::expression::{Reference, Scope, TargetField};
use crate::plan::{self, After, Deed, Group, Origin, Text};
use crate::playbook::{self, Input, Secrecy, Use, UsedPlaybook};
use crate::source::{Span, Spanned};
use crate::template::Template;
use crate::value::Value;

/// What is known of a used playbook's inputs and vars only when it is reached.
#[derive(Default)]
pub(super) struct Late {
    /// What each of them waits for.
    pub(super) waits: BTreeMap<Reference, Vec<After>>,
    inputs: BTreeMap<String, plan::Late>,
    vars: BTreeMap<String, Text>,
}

/// What a used playbook is given.
#[derive(Default)]
struct Handed {
    known: BTreeMap<String, Given>,
    late: Late,
    /// The secrets of the plan that its secrets are.
    secrets: BTreeMap<String, String>,
    /// The inputs that are the caller's.
    taken: Vec<String>,
}

impl<'a> Resolver<'a> {
    /// Puts the steps of a used playbook into its group, which has been added.
    pub(super) fn used(&mut self, step: &'a playbook::Step, used: &'a Use, group: usize, id: &str) {
        let file: &'a UsedPlaybook = self.playbook.used.get(&used.path.value).expect("a checked use has its playbook");
        let handed = self.handed(used, file, id);
        let taken = handed.taken.clone();
        let line = self.line(step.id.span);
        match self.inner(file, handed, id, line) {
            Ok((inner, known)) => self.expand(inner, step, used, group, plan::Used { taken, ..known }),
            Err(faults) => self.faults.extend(faults.into_iter().map(|fault| fault.within(&file.source))),
        }
    }

    /// Works out what the inputs of a used playbook get.
    fn handed(&mut self, used: &'a Use, file: &UsedPlaybook, id: &str) -> Handed {
        let mut handed = Handed::default();
        for input in &file.checked.inputs {
            let name = &input.name.value;
            let given = used.with.iter().find(|(given, _)| given.value == *name).map(|(_, value)| value);
            if input.secrecy == Secrecy::Secret {
                self.hand_secret(&mut handed, used, name, given);
                continue;
            }
            match given {
                Some(Spanned { value: playbook::Given::Written(value), .. }) => handed.give(name, value.clone()),
                Some(Spanned { value: playbook::Given::Computed(template), span }) => {
                    let template = Spanned::new(template.clone(), *span);
                    self.hand(&mut handed, input, &template, id);
                }
                None if self.has_same(input) => {
                    handed.taken.push(name.clone());
                    let template =
                        Template::parse(&format!("${{{{ inputs.{name} }}}}")).expect("a name is an expression");
                    self.hand(&mut handed, input, &Spanned::new(template, used.path.span), id);
                }
                None => {}
            }
        }
        handed
    }

    /// Hands a secret on: one of the caller's, named alone or of the same name.
    fn hand_secret(
        &mut self,
        handed: &mut Handed,
        used: &Use,
        name: &str,
        given: Option<&Spanned<playbook::Given<Value>>>,
    ) {
        let own = match given {
            Some(Spanned { value: playbook::Given::Computed(template), .. }) => self.playbook.secret_in(template),
            Some(Spanned { value: playbook::Given::Written(_), .. }) => None,
            None => Some(name),
        };
        if given.is_none() {
            handed.taken.push(name.to_owned());
        }
        let Some(secret) = own.and_then(|own| self.secrets.get(own)).cloned() else {
            let span = given.map_or(used.path.span, |given| given.span);
            let message = format!("input `{name}` of `{}` is a secret, and this is none", used.path.value);
            let help = "give it a secret of this playbook, alone in its braces";
            self.faults.push(Diagnostic::error(Code::SecretGiven, span, message).help(help));
            return;
        };
        handed.secrets.insert(name.to_owned(), secret);
    }

    fn has_same(&self, input: &Input) -> bool {
        let own = self.playbook.inputs.iter().find(|own| own.name.value == input.name.value);
        own.is_some_and(|own| own.shape.r#type.value == input.shape.r#type.value && own.secrecy == input.secrecy)
    }

    fn hand(&mut self, handed: &mut Handed, input: &Input, template: &Spanned<Template>, id: &str) {
        let name = &input.name.value;
        if template.value.references().any(|own| matches!(own, Reference::Input(own) if self.secrets.contains_key(own)))
        {
            let message = format!("input `{name}` is no secret, so its value would be shown and stored");
            self.faults.push(Diagnostic::error(Code::SecretPlace, template.span, message));
            return;
        }
        let folded = self.fold(template);
        let references: Vec<Reference> = folded.references().cloned().collect();
        if references.is_empty() {
            let value = self.known(&folded, template.span);
            return handed.give(name, value);
        }
        let shape = &input.shape;
        let is_free = shape.pattern.is_none() && shape.allowed.is_none() && shape.min.is_none() && shape.max.is_none();
        if !is_free || shape.items.is_some() {
            let message =
                format!("`{name}` must be known before the run starts: its value has more than a type to meet");
            let help = "give it a value of inputs and vars, or do without `pattern`, `enum`, `min`, `max` and `items`";
            self.faults.push(Diagnostic::error(Code::NoValue, template.span, message).help(help));
        }
        let after = self.after(&references, Some(id));
        handed.late.waits.insert(Reference::Input(name.clone()), after.clone());
        let text = Text::Deferred { template: folded, after };
        handed.late.inputs.insert(name.clone(), plan::Late { text, r#type: shape.r#type.value });
    }

    /// Returns what resolves the steps of a used playbook, and what the plan says of its inputs and vars.
    fn inner(
        &mut self,
        file: &'a UsedPlaybook,
        handed: Handed,
        id: &str,
        line: u32,
    ) -> Result<(Resolver<'a>, plan::Used), Vec<Diagnostic>> {
        let playbook: &playbook::Playbook = &file.checked;
        let mut late = handed.late;
        let names: Vec<&str> = late.inputs.keys().map(String::as_str).collect();
        let secrets = handed.secrets.keys().map(String::as_str);
        let names: Vec<&str> = names.into_iter().chain(secrets).collect();
        let inputs = inputs_without(playbook, &handed.known, &names)?.values;
        late.add_vars(playbook);
        let scope = self.around(playbook).with_inputs(inputs.clone());
        let vars = vars_without(playbook, scope.clone(), |name| late.waits.contains_key(name))?;
        let mut inner = Resolver {
            source: &file.source,
            playbook,
            needs: check::needs(&file.checked),
            names: Names::of(playbook),
            scope: scope.with_vars(vars.clone()),
            late,
            secrets: handed.secrets,
            folder: &file.folder,
            used_at: Some(line),
            hoisted: Hoisted::default(),
            target_env: self.target_env.clone(),
            steps: Vec::new(),
            blocks: vec![(None, id.to_owned())],
            until: Vec::new(),
            faults: Vec::new(),
        };
        inner.fold_late_vars();
        let used = plan::Used {
            playbook: playbook.name.value.clone(),
            path: String::new(),
            text_sha256: sha256(file.source.text.as_bytes()),
            inputs,
            vars,
            late: inner.late.inputs.clone(),
            late_vars: inner.late.vars.clone(),
            taken: Vec::new(),
        };
        Ok((inner, used))
    }

    /// Returns what a used playbook knows of the run around it: the target; it is no run of its own, so none came before.
    fn around(&self, playbook: &playbook::Playbook) -> Scope {
        let none = check::names_of_last(playbook).into_iter().map(|name| (name.to_owned(), Value::None));
        let fields = TargetField::ALL.map(Reference::Target);
        let known = fields.iter().filter_map(|field| Some((field, self.scope.get(field)?.clone())));
        known.fold(Scope::new().with_last(none), |scope, (field, value)| scope.with(field, value))
    }

    /// Resolves the steps of a used playbook into the group.
    fn expand(
        &mut self,
        mut inner: Resolver<'a>,
        step: &'a playbook::Step,
        used: &'a Use,
        group: usize,
        known: plan::Used,
    ) {
        let known = plan::Used { path: joined(self.folder, &used.path.value), ..known };
        let place = self.inside(group, step);
        let own = step.on_failure.is_none().then_some(inner.playbook.on_failure).flatten().map(on_failure);
        let place = Place { on_failure: own.unwrap_or(place.on_failure), ..place };
        let id = self.steps[group].id.clone();
        self.steps[group].deed = Deed::Group(Box::new(Group { used: Some(known.clone()), ..Group::default() }));
        self.check_own_guards(step, group);
        inner.steps = std::mem::take(&mut self.steps);
        inner.block(None, &place);
        inner.resolve_until();
        let outputs = inner.playbook.outputs.iter().map(|output| inner.published(output)).collect();
        let guards = inner.guards(&inner.playbook.guards, None);
        inner.hoist(used, &id, &guards);
        self.steps = inner.steps;
        self.steps[group].guards.extend(guards);
        self.steps[group].deed = Deed::Group(Box::new(Group { outputs, used: Some(known), each: None }));
        self.hoisted.add(inner.hoisted);
        let source = match self.playbook.used.get(&used.path.value) {
            Some(file) => &file.source,
            None => return,
        };
        self.faults.extend(inner.faults.into_iter().map(|fault| fault.within(source)));
    }

    /// Reports a guard of the step that names an input which is known only later: beside the guards of the used playbook
    /// nobody could tell whose input is meant.
    fn check_own_guards(&mut self, step: &playbook::Step, group: usize) {
        let is_late =
            |text: &Text| matches!(text, Text::Deferred { template, .. } if template.references().any(is_local));
        let guards = self.steps[group].guards.iter().zip(&step.guards);
        let late = guards.filter(|(guard, _)| self.used_at.is_some() && guard.probe.command.texts().any(is_late));
        let message = "a guard of a step that uses a playbook cannot name an input that is known only later";
        let faults = late.map(|(_, guard)| Diagnostic::error(Code::NoValue, guard.id.span, message));
        self.faults.extend(faults.collect::<Vec<_>>());
    }

    /// Keeps what the used playbook asks of the whole run.
    fn hoist(&mut self, used: &Use, id: &str, guards: &[plan::Guard]) {
        let locks = self.own_locks();
        self.hoisted.locks.extend(locks);
        let name = |own: &str| plan::path(id, own);
        let invariants = self.own_invariants();
        let asked =
            invariants.iter().map(|it| &it.probe.command).zip(self.playbook.invariants.iter().map(|it| it.id.span));
        self.check_hoisted(asked.collect());
        let invariants = invariants.into_iter().map(|it| plan::Invariant { id: name(&it.id), ..it });
        self.hoisted.invariants.extend(invariants);
        if used.early_guards {
            let asked = guards.iter().map(|it| &it.probe.command).zip(self.playbook.guards.iter().map(|it| it.id.span));
            self.check_hoisted(asked.collect());
            let early = guards.iter().map(|guard| plan::Guard { id: name(&guard.id), ..guard.clone() });
            self.hoisted.guards.extend(early);
        }
    }

    /// Reports what belongs to the whole run and depends on what is known only when the playbook is reached.
    fn check_hoisted(&mut self, asked: Vec<(&plan::Command, Span)>) {
        let waits =
            |text: &Text| matches!(text, Text::Deferred { template, .. } if template.references().any(is_unseen));
        let names = |command: &plan::Command| {
            let that = command.expect.that.iter().flat_map(|that| &that.references);
            command.texts().any(waits) || that.into_iter().any(is_unseen)
        };
        let late = asked.into_iter().filter(|(command, _)| names(command));
        let message = "this must be known before the run starts: it is asked without the steps of this playbook";
        self.faults.extend(late.map(|(_, span)| Diagnostic::error(Code::NoValue, span, message)));
    }
}

/// Returns whether a name is of a used playbook or an item, so that nobody outside knows it.
fn is_local(reference: &Reference) -> bool {
    matches!(reference, Reference::Input(_) | Reference::Var(_) | Reference::Item(_))
}

/// Returns whether nobody outside of a used playbook knows a name, or its guards have to be asked first.
fn is_unseen(reference: &Reference) -> bool {
    is_local(reference) || matches!(reference, Reference::GuardOutput { .. })
}

impl Handed {
    fn give(&mut self, name: &str, value: Value) {
        self.known.insert(name.to_owned(), Given { value: GivenValue::Value(value), origin: Origin::Flag });
    }
}

impl Late {
    /// Adds the vars that are computed from what is late.
    fn add_vars(&mut self, playbook: &playbook::Playbook) {
        loop {
            let before = self.waits.len();
            for var in &playbook.vars {
                let playbook::Given::Computed(template) = &var.value.value else { continue };
                let waits: Vec<After> =
                    template.references().filter_map(|name| self.waits.get(name)).flatten().cloned().collect();
                let is_late = template.references().any(|name| self.waits.contains_key(name));
                if is_late {
                    self.waits.entry(Reference::Var(var.name.value.clone())).or_insert(waits);
                }
            }
            if self.waits.len() == before {
                return;
            }
        }
    }
}

impl Resolver<'_> {
    fn fold_late_vars(&mut self) {
        let playbook = self.playbook;
        for var in &playbook.vars {
            let playbook::Given::Computed(template) = &var.value.value else { continue };
            if !self.is_known(&Reference::Var(var.name.value.clone())) {
                let text = self.text(&Spanned::new(template.clone(), var.value.span), None);
                self.late.vars.insert(var.name.value.clone(), text);
            }
        }
    }
}

impl Hoisted {
    fn add(&mut self, inner: Hoisted) {
        self.locks.extend(inner.locks);
        self.guards.extend(inner.guards);
        self.invariants.extend(inner.invariants);
    }
}
