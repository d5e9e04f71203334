//! What each step needs: as written, by its place, and by what it reads.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{self, Names};
use super::reach::{self, Demand};
use super::uses::{self, Position};
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::Graph;
use crate::playbook::{OnFailure, Playbook, Step, split_milestone};
use crate::source::{Span, Spanned};

/// How many needs of a circle are shown.
const MAX_SHOWN: usize = 8;

/// The order of the steps, and what is wrong with it.
pub(super) struct Order {
    pub(super) needs: Vec<Vec<usize>>,
    pub(super) follows: Vec<Vec<usize>>,
    pub(super) finally_needs: Vec<Vec<usize>>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// One step's need of another.
#[derive(Clone, Copy)]
struct Need {
    above: usize,
    cause: Cause,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// It stands in `needs`.
    Written(Span),
    /// The step has no `needs`, and the other one stands above it.
    Place,
    /// Something of the other one is read.
    Read(Span),
    /// A milestone of the other one stands in `needs`: it begins before, and is not needed.
    Milestone(Span),
}

impl Need {
    /// Returns whether the other step must have settled well; else a milestone of it is enough.
    fn is_full(&self) -> bool {
        !matches!(self.cause, Cause::Milestone(_))
    }
}

/// What a name in `needs` or `until` is.
struct Named {
    step: usize,
    /// The step beside it that names it: the naming one, or a group around it.
    beside: usize,
    is_milestone: bool,
}

/// A question about the order, and the fault if the answer is no.
struct Question {
    above: usize,
    below: usize,
    through: Through,
    fault: Diagnostic,
}

/// What makes one step come after another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Through {
    /// That it needs it: the other one has settled well.
    Needs,
    /// Milestones, too: the other one has begun.
    Milestones,
}

/// Checks all names and the order that follows from them.
pub(super) fn check(playbook: &Playbook) -> Order {
    let names = Names::of(playbook);
    let mut diagnostics = names::check(playbook);
    let mut main = Block::new(&playbook.steps);
    let mut finally = Block::new(&playbook.finally);
    for used in uses::of(playbook) {
        let read = |above| Need { above, cause: Cause::Read(used.span) };
        match reach::demand(playbook, &names, &used) {
            Ok(Demand::Nothing) => {}
            Ok(Demand::Need { below: Position::Main(below), above }) => main.needs[below].push(read(above)),
            Ok(Demand::Need { below: Position::Final(below), above }) => finally.needs[below].push(read(above)),
            Ok(Demand::Above { below, above }) => main.ask_reader(below, above, used.span),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    main.read_until(&names, &mut diagnostics);
    main.finish(&names, &mut diagnostics);
    finally.finish(&names, &mut diagnostics);
    Order { needs: main.full(), follows: main.all(), finally_needs: finally.full(), diagnostics }
}

/// The steps of one block with what is known about their order so far.
struct Block<'p> {
    steps: &'p [Step],
    needs: Vec<Vec<Need>>,
    questions: Vec<Question>,
}

impl<'p> Block<'p> {
    fn new(steps: &'p [Step]) -> Self {
        Self { steps, needs: vec![Vec::new(); steps.len()], questions: Vec::new() }
    }

    fn id(&self, step: usize) -> &'p str {
        &self.steps[step].id.value
    }

    /// Asks whether a step that is read where no need follows from it is needed already.
    fn ask_reader(&mut self, below: usize, above: usize, span: Span) {
        let (reader, read) = (self.id(below), self.id(above));
        let message = format!("`{reader}` does not need `{read}`, so it may not have run yet");
        let fault = Diagnostic::error(Code::NotUpstream, span, message);
        let help =
            format!("conditions and hooks see only what their step needs; add `{read}` to the `needs` of `{reader}`");
        self.questions.push(Question { above, below, through: Through::Needs, fault: fault.help(help) });
    }

    /// Asks whether the steps for which a release waits come after it.
    fn read_until(&mut self, names: &Names<'_>, diagnostics: &mut Vec<Diagnostic>) {
        for (above, step) in self.steps.iter().enumerate() {
            let until = step.release.as_ref().and_then(|release| release.until.as_ref());
            for id in until.into_iter().flat_map(|until| &until.value) {
                match self.find(names, above, id) {
                    Ok(Named { step: below, beside: above, .. }) => {
                        let fault = not_below(&step.id.value, id);
                        self.questions.push(Question { above, below, through: Through::Milestones, fault });
                    }
                    Err(diagnostic) => diagnostics.push(diagnostic),
                }
            }
        }
    }

    /// Returns what an id means which stands in `needs` or `until`.
    fn find(&self, names: &Names<'_>, naming: usize, id: &Spanned<String>) -> Result<Named, Diagnostic> {
        let (name, milestone) = split_milestone(&id.value);
        let (step, beside) = self.find_step(names, naming, &Spanned::new(name.to_owned(), id.span))?;
        milestone.map_or(Ok(()), |milestone| self.check_milestone(names, step, milestone, id.span))?;
        Ok(Named { step, beside, is_milestone: milestone.is_some() })
    }

    /// Returns the step that a name means, and the step beside it that names it: the naming one, or a group around it.
    fn find_step(&self, names: &Names<'_>, naming: usize, id: &Spanned<String>) -> Result<(usize, usize), Diagnostic> {
        let name = id.value.as_str();
        if self.is_finally(names) {
            let found = names.finally.get(name).map(|&found| (found, naming));
            return checked(found, id, || names.suggest(name, &names.finally, "steps"));
        }
        let block = names.parent(naming);
        let found = names.find(block, name).map(|found| (found.step, found.around.unwrap_or(naming)));
        let member = name.rsplit('/').next().unwrap_or(name);
        let inside = "a member of a group can be named inside of it only: name the group";
        checked(found, id, || {
            if names.is_member(member) { Some(inside.to_owned()) } else { names.suggest_step(name, block) }
        })
    }

    fn check_milestone(&self, names: &Names<'_>, step: usize, name: &str, span: Span) -> Result<(), Diagnostic> {
        if self.steps[step].for_each.is_some() {
            let message = format!("`{}` is repeated, so it has no milestone of its own", self.id(step));
            return Err(Diagnostic::error(Code::UnknownMilestone, span, message));
        }
        let known = names::index(self.steps[step].milestones.iter().map(|milestone| &milestone.name));
        if known.contains_key(name) {
            return Ok(());
        }
        let message = format!("step `{}` has no milestone `{name}`", self.id(step));
        let diagnostic = Diagnostic::error(Code::UnknownMilestone, span, message);
        Err(diagnostic.maybe_help(names.suggest(name, &known, "milestones")))
    }

    /// Reports a milestone on which nothing can begin: its step may be taken back while everything else goes on.
    fn alone(&self, step: usize, id: &Spanned<String>) -> Option<Diagnostic> {
        let word = self.steps[step].on_failure.as_ref().filter(|word| word.value == OnFailure::Continue)?;
        let message = format!("nothing can begin on a milestone of `{}`, which is taken back by itself", self.id(step));
        Some(Diagnostic::error(Code::Contradiction, id.span, message).note(word.span, "the rest goes on then"))
    }

    fn is_finally(&self, names: &Names<'_>) -> bool {
        self.steps.first().is_some_and(|step| names.finally.contains_key(step.id.value.as_str()))
    }

    /// Adds what is written and what follows from the place, and answers the questions.
    fn finish(&mut self, names: &Names<'_>, diagnostics: &mut Vec<Diagnostic>) {
        self.add_written(names, diagnostics);
        self.add_places();
        let graph = self.graph(|_| true);
        match graph.order() {
            Some(order) => self.answer(&order, |_| true, diagnostics),
            None => self.report_circles(&graph, diagnostics),
        }
    }

    /// Returns the steps that must have settled well before each one.
    fn full(&self) -> Vec<Vec<usize>> {
        self.needs.iter().map(|needs| distinct(needs, Need::is_full)).collect()
    }

    /// Returns the steps that must at least have begun before each one.
    fn all(&self) -> Vec<Vec<usize>> {
        self.needs.iter().map(|needs| distinct(needs, |_| true)).collect()
    }

    fn add_written(&mut self, names: &Names<'_>, diagnostics: &mut Vec<Diagnostic>) {
        for (at, step) in self.steps.iter().enumerate() {
            for id in step.needs.iter().flat_map(|needs| &needs.value) {
                match self.find(names, at, id) {
                    Ok(Named { step: above, beside, is_milestone }) if beside == at => {
                        diagnostics.extend(self.alone(above, id).filter(|_| is_milestone));
                        let cause = if is_milestone { Cause::Milestone(id.span) } else { Cause::Written(id.span) };
                        self.needs[at].push(Need { above, cause });
                    }
                    Ok(Named { beside, .. }) => diagnostics.push(outside(id, self.id(beside))),
                    Err(diagnostic) => diagnostics.push(diagnostic),
                }
            }
        }
    }

    /// Lets each step without `needs` need every step above it that nothing above it needs.
    fn add_places(&mut self) {
        let mut needed = vec![false; self.steps.len()];
        let mut blocks: BTreeMap<Option<usize>, BTreeSet<usize>> = BTreeMap::new();
        for (at, step) in self.steps.iter().enumerate() {
            let open = blocks.entry(step.parent).or_default();
            if step.needs.is_none() {
                let places = open.iter().map(|&above| Need { above, cause: Cause::Place });
                self.needs[at].extend(places);
            }
            for need in self.needs[at].iter().filter(|need| need.is_full()) {
                needed[need.above] = true;
                open.remove(&need.above);
            }
            if !needed[at] {
                open.insert(at);
            }
        }
    }

    fn graph(&self, counts: impl Fn(&Need) -> bool) -> Graph {
        let needs = |step: usize| {
            let counted = self.needs[step].iter().filter(|need| counts(need)).map(|need| need.above);
            counted.collect::<Vec<_>>()
        };
        Graph::new(self.steps.len(), needs)
    }

    /// Answers the questions by the needs that count; `order` is an order of these.
    fn answer(&mut self, order: &[usize], counts: impl Fn(&Need) -> bool, diagnostics: &mut Vec<Diagnostic>) {
        let questions = std::mem::take(&mut self.questions);
        for through in [Through::Needs, Through::Milestones] {
            let graph = self.graph(|need| counts(need) && (need.is_full() || through == Through::Milestones));
            let asked = questions.iter().filter(|question| question.through == through);
            let pairs: Vec<(usize, usize)> = asked.clone().map(|question| (question.above, question.below)).collect();
            let answers = graph.reaches(order, &pairs);
            let wrong = asked.zip(answers).filter(|&(_, holds)| !holds);
            diagnostics.extend(wrong.map(|(question, _)| question.fault.clone()));
        }
    }

    /// Reports circles of what is written and placed; without such a one, the reads that make a circle.
    fn report_circles(&mut self, graph: &Graph, diagnostics: &mut Vec<Diagnostic>) {
        let is_unread = |need: &Need| !matches!(need.cause, Cause::Read(_));
        let unread = self.graph(is_unread);
        let Some(order) = unread.order() else {
            diagnostics.extend(unread.tangles().iter().map(|tangle| self.circle(&unread.shortest_circle(tangle))));
            return;
        };
        diagnostics.extend(graph.tangles().iter().flat_map(|tangle| self.reads_ahead(tangle)));
        self.answer(&order, is_unread, diagnostics);
    }

    fn circle(&self, steps: &[usize]) -> Diagnostic {
        let pairs = steps.iter().zip(steps.iter().cycle().skip(1));
        let mut places: Vec<(Span, String)> = pairs.map(|(&below, &above)| self.reason(below, above)).collect();
        let written = places.iter().position(|(_, reason)| reason.ends_with("here")).unwrap_or_default();
        places.rotate_left(written);
        let (span, label) = places.remove(0);
        let names: Vec<&str> = steps.iter().take(MAX_SHOWN).map(|&step| self.id(step)).collect();
        let more = if steps.len() > MAX_SHOWN { ", ..." } else { "" };
        let message = format!("steps need each other in a circle: {}{more}", names.join(" needs "));
        let diagnostic = Diagnostic::error(Code::Cycle, span, format!("{message} needs {}", names[0])).label(label);
        places.into_iter().take(MAX_SHOWN - 1).fold(diagnostic, |all, (span, reason)| all.note(span, reason))
    }

    /// Says where and why one step needs another.
    fn reason(&self, below: usize, above: usize) -> (Span, String) {
        let (reader, read) = (self.id(below), self.id(above));
        let causes = self.needs[below].iter().filter(|need| need.above == above).map(|need| need.cause);
        match causes.min_by_key(|cause| *cause == Cause::Place) {
            Some(Cause::Written(span) | Cause::Read(span)) => (span, format!("`{reader}` needs `{read}` here")),
            Some(Cause::Milestone(span)) => (span, format!("`{reader}` waits for a milestone of `{read}` here")),
            Some(Cause::Place) | None => {
                let why = format!("`{reader}` has no `needs`, so it needs `{read}` above it");
                (self.steps[below].id.span, why)
            }
        }
    }

    /// Reports the reads inside of a circle: what they name runs later.
    fn reads_ahead(&self, tangle: &[usize]) -> Vec<Diagnostic> {
        let inside = |need: &&Need| tangle.binary_search(&need.above).is_ok();
        let reads =
            tangle.iter().flat_map(|&below| self.needs[below].iter().filter(inside).map(move |need| (below, need)));
        let faults = reads.filter_map(|(below, need)| match need.cause {
            Cause::Read(span) => Some(self.read_ahead(below, need.above, span)),
            Cause::Written(_) | Cause::Place | Cause::Milestone(_) => None,
        });
        faults.collect()
    }

    fn read_ahead(&self, below: usize, above: usize, span: Span) -> Diagnostic {
        let (reader, read) = (self.id(below), self.id(above));
        let message = format!("`{reader}` reads `{read}`, which runs only after it");
        let diagnostic = Diagnostic::error(Code::NotUpstream, span, message);
        let diagnostic = diagnostic.note(self.steps[above].id.span, format!("`{read}` stands here"));
        diagnostic.help(format!("move `{read}` above `{reader}`"))
    }
}

fn checked(
    found: Option<(usize, usize)>,
    id: &Spanned<String>,
    help: impl FnOnce() -> Option<String>,
) -> Result<(usize, usize), Diagnostic> {
    let name = &id.value;
    match found {
        Some((found, naming)) if found == naming => {
            Err(Diagnostic::error(Code::OwnName, id.span, format!("step `{name}` cannot wait for itself")))
        }
        Some(found) => Ok(found),
        None => {
            let diagnostic = Diagnostic::error(Code::UnknownStep, id.span, format!("there is no step `{name}`"));
            Err(diagnostic.maybe_help(help()))
        }
    }
}

fn outside(id: &Spanned<String>, group: &str) -> Diagnostic {
    let message = format!("`{}` stands outside of the group `{group}`", id.value);
    let diagnostic = Diagnostic::error(Code::OutOfReach, id.span, message);
    diagnostic.help(format!("let the whole group wait: add `{}` to the `needs` of `{group}`", id.value))
}

fn not_below(step: &str, until: &Spanned<String>) -> Diagnostic {
    let message = format!("the release of `{step}` waits for `{}`, which does not come after it", until.value);
    let diagnostic = Diagnostic::error(Code::UntilNotBelow, until.span, message);
    diagnostic.help(format!("name steps that need `{step}`, directly or through others"))
}

fn distinct(needs: &[Need], counts: impl Fn(&Need) -> bool) -> Vec<usize> {
    let counted = needs.iter().filter(|need| counts(need));
    counted.map(|need| need.above).collect::<BTreeSet<_>>().into_iter().collect()
}
