//! The points at which a plan can be struck, counted from the plan alone.

use std::fmt;

use firedrill_model::plan::{Command, Condition, Hook, OnFailure, Plan, Step};
use firedrill_model::rehearsal::SweptKind;
use firedrill_run::{CommandId, Question, Role, StepId, Subject};

use crate::place::{named, place};

/// One kind of fault at one place of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FaultPoint {
    /// Where it strikes.
    pub site: Site,
    /// What it is.
    pub kind: FaultKind,
}

/// Where a fault can strike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    /// Any try of a command.
    Command {
        /// Whose command it is.
        subject: Subject,
        /// What it is for.
        role: Role,
    },
    /// The answering of a question of the playbook.
    Question(Question),
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// One try does not end as expected.
    Fails,
    /// No try ends as expected.
    FailsForGood,
    /// One try exceeds its time limit.
    TimesOut,
    /// The program cannot be started.
    NotStarted,
    /// It exits as expected and printed something else.
    WrongOutput,
    /// The probe does not hold.
    DoesNotHold,
    /// The probe could not tell.
    CouldNotTell,
    /// A deferred text or condition has no value.
    NoValue,
    /// The engine crashes while it runs; the world knows of it or does not.
    Crash,
    /// The run is cancelled while it runs.
    Cancel,
    /// Nobody answers in time.
    Unanswered,
    /// Whoever is asked declines, or says that it failed.
    Declined,
}

/// Whether a command does something or answers a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Does what a step is for.
    Attempt,
    /// Discharges an obligation.
    Hook,
    /// Reads an output, or runs at the very end.
    Other,
    /// Holds, does not hold, or could not tell.
    Probe,
}

impl Nature {
    pub(crate) fn of(role: &Role) -> Nature {
        match role {
            Role::Attempt => Nature::Attempt,
            Role::Cleanup | Role::Rollback | Role::Release => Nature::Hook,
            Role::Look(_) | Role::Final(_) => Nature::Other,
            Role::Guard(_) | Role::Verify | Role::Invariant(_) => Nature::Probe,
        }
    }
}

/// Returns every fault point of a plan, in the order of the plan. Steps and commands that can never run are left out,
/// such as rollbacks with `on_failure: stop`.
pub fn fault_points(plan: &Plan) -> Vec<FaultPoint> {
    let mut points = Vec::new();
    for guard in &plan.guards {
        of_playbook(&mut points, Role::Guard(guard.id.as_str().into()), &guard.probe.command);
    }
    for step in plan.steps.iter().filter(|step| can_run(step.when.as_ref())) {
        of_step(&mut points, step, step.on_failure != OnFailure::Stop);
    }
    for invariant in &plan.invariants {
        of_playbook(&mut points, Role::Invariant(invariant.id.as_str().into()), &invariant.probe.command);
    }
    for last in plan.finally.iter().filter(|last| can_run(last.when.as_ref())) {
        asked(&mut points, last.when.as_ref(), Question::FinalWhen(last.id.clone()));
        of_playbook(&mut points, Role::Final(last.id.as_str().into()), &last.command);
    }
    points
}

fn of_playbook(points: &mut Vec<FaultPoint>, role: Role, command: &Command) {
    of_command(points, &Subject::Playbook, role, command, 1);
}

fn of_step(points: &mut Vec<FaultPoint>, step: &Step, is_undone: bool) {
    let id = StepId::from(step.id.as_str());
    let subject = Subject::Step(id.clone());
    asked(points, step.when.as_ref(), Question::When(id.clone()));
    for guard in &step.guards {
        of_command(points, &subject, Role::Guard(guard.id.as_str().into()), &guard.probe.command, 1);
    }
    if let Some(command) = step.command() {
        of_command(points, &subject, Role::Attempt, command, step.retry.max_attempts.get());
    }
    for look in &step.looks {
        of_command(points, &subject, Role::Look(look.name.as_str().into()), &look.command, 1);
    }
    if let Some(verify) = &step.verify {
        of_command(points, &subject, Role::Verify, &verify.command, 1);
    }
    if let Some(hook) = &step.cleanup {
        of_hook(points, &subject, Role::Cleanup, hook, Question::CleanupWhen(id.clone()));
    }
    if step.retry.when.is_some() {
        points.push(no_value(Question::RetryWhen(id.clone())));
    }
    if let Some(hook) = step.rollback_hook().filter(|_| is_undone) {
        let tries = hook.retry.max_attempts.get();
        of_command(points, &subject, Role::Rollback, &hook.command, tries);
    }
    if let Some(release) = &step.release {
        of_hook(points, &subject, Role::Release, &release.hook, Question::ReleaseWhen(id));
    }
}

fn of_hook(points: &mut Vec<FaultPoint>, subject: &Subject, role: Role, hook: &Hook, question: Question) {
    if can_run(hook.when.as_ref()) {
        asked(points, hook.when.as_ref(), question);
        of_command(points, subject, role, &hook.command, hook.retry.max_attempts.get());
    }
}

fn of_command(points: &mut Vec<FaultPoint>, subject: &Subject, role: Role, command: &Command, tries: u32) {
    let kinds: Vec<FaultKind> = if command.program.asks_people() {
        kinds_of_people(command).collect()
    } else {
        kinds(Nature::of(&role), command, tries).collect()
    };
    let subject = subject.clone();
    let site = Site::Command { subject, role };
    points.extend(kinds.into_iter().map(|kind| FaultPoint { site: site.clone(), kind }));
}

/// Iterates over what can go wrong where people are asked.
fn kinds_of_people(command: &Command) -> impl Iterator<Item = FaultKind> {
    let kinds = [
        (FaultKind::NoValue, !command.is_known()),
        (FaultKind::Crash, true),
        (FaultKind::Cancel, true),
        (FaultKind::Unanswered, command.time_limit.is_some()),
        (FaultKind::Declined, true),
    ];
    kinds.into_iter().filter_map(|(kind, can_happen)| can_happen.then_some(kind))
}

/// Iterates over what can go wrong with a command that has this many tries.
fn kinds(nature: Nature, command: &Command, tries: u32) -> impl Iterator<Item = FaultKind> {
    let is_probe = nature == Nature::Probe;
    let is_deferred = !command.is_known();
    [
        (FaultKind::Fails, !is_probe),
        (FaultKind::FailsForGood, !is_probe && tries > 1),
        (FaultKind::TimesOut, nature == Nature::Attempt),
        (FaultKind::NotStarted, nature == Nature::Attempt),
        (FaultKind::WrongOutput, !is_probe && is_judged(command)),
        (FaultKind::DoesNotHold, is_probe && can_be_unmet(command)),
        (FaultKind::CouldNotTell, is_probe),
        (FaultKind::NoValue, is_deferred),
        (FaultKind::Crash, true),
        (FaultKind::Cancel, true),
    ]
    .into_iter()
    .filter_map(|(kind, can_happen)| can_happen.then_some(kind))
}

/// Returns whether what a command printed decides how it ended.
pub(crate) fn is_judged(command: &Command) -> bool {
    !command.expect.is_by_exit() || !command.outputs.is_empty()
}

/// Returns whether a probe has a way to say that it does not hold: exit code 1, or what it printed.
pub(crate) fn can_be_unmet(command: &Command) -> bool {
    is_judged(command) || !command.expect.exit.contains(&1)
}

fn asked(points: &mut Vec<FaultPoint>, when: Option<&Condition>, question: Question) {
    if matches!(when, Some(Condition::Deferred { .. })) {
        points.push(no_value(question));
    }
}

fn no_value(question: Question) -> FaultPoint {
    FaultPoint { site: Site::Question(question), kind: FaultKind::NoValue }
}

/// Returns whether a condition can be true.
pub(crate) fn can_run(when: Option<&Condition>) -> bool {
    !matches!(when, Some(Condition::Known(false)))
}

impl Site {
    /// Returns the place of a command.
    pub(super) fn of(id: &CommandId) -> Site {
        Site::Command { subject: id.subject.clone(), role: id.role.clone() }
    }
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [FaultKind; 12] = [
        FaultKind::Fails,
        FaultKind::FailsForGood,
        FaultKind::TimesOut,
        FaultKind::NotStarted,
        FaultKind::WrongOutput,
        FaultKind::DoesNotHold,
        FaultKind::CouldNotTell,
        FaultKind::NoValue,
        FaultKind::Crash,
        FaultKind::Cancel,
        FaultKind::Unanswered,
        FaultKind::Declined,
    ];

    /// Returns what a kind of fault of a rehearsal is on the state machine, where only what becomes known of a command
    /// counts: a failure with an effect is a failure like one without, and a lost supervisor is one way for a crash to end.
    pub fn of(kind: SweptKind) -> &'static [FaultKind] {
        match kind {
            SweptKind::Exit | SweptKind::LateFailure => &[FaultKind::Fails, FaultKind::FailsForGood],
            SweptKind::Timeout => &[FaultKind::TimesOut],
            SweptKind::Killed => &[FaultKind::Fails],
            SweptKind::NotStarted => &[FaultKind::NotStarted],
            SweptKind::WrongOutput => &[FaultKind::WrongOutput],
            SweptKind::DoesNotHold => &[FaultKind::DoesNotHold],
            SweptKind::CouldNotTell => &[FaultKind::CouldNotTell],
            SweptKind::Crash | SweptKind::LostSupervisor => &[FaultKind::Crash],
            SweptKind::Cancel => &[FaultKind::Cancel],
            SweptKind::NoAnswer => &[FaultKind::Unanswered],
            SweptKind::Declined => &[FaultKind::Declined],
        }
    }

    /// Returns the kind in one word, for machines.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Fails => "fails",
            FaultKind::FailsForGood => "fails_for_good",
            FaultKind::TimesOut => "times_out",
            FaultKind::NotStarted => "not_started",
            FaultKind::WrongOutput => "wrong_output",
            FaultKind::DoesNotHold => "does_not_hold",
            FaultKind::CouldNotTell => "could_not_tell",
            FaultKind::NoValue => "no_value",
            FaultKind::Crash => "crash",
            FaultKind::Cancel => "cancel",
            FaultKind::Unanswered => "unanswered",
            FaultKind::Declined => "declined",
        }
    }

    fn words(self) -> &'static str {
        match self {
            FaultKind::Fails => "fails once",
            FaultKind::FailsForGood => "fails for good",
            FaultKind::TimesOut => "exceeds its time limit",
            FaultKind::NotStarted => "cannot be started",
            FaultKind::WrongOutput => "prints what was not expected",
            FaultKind::DoesNotHold => "does not hold",
            FaultKind::CouldNotTell => "could not tell",
            FaultKind::NoValue => "has no value",
            FaultKind::Crash => "is running when the engine crashes",
            FaultKind::Cancel => "is running when the run is cancelled",
            FaultKind::Unanswered => "is not answered in time",
            FaultKind::Declined => "is declined, or said to have failed",
        }
    }
}

impl FaultPoint {
    /// Returns the fault as a sentence: "the cleanup of `backup` (line 12) fails once".
    pub fn words(&self, plan: &Plan) -> String {
        let site = match &self.site {
            Site::Command { subject, role } => place(plan, subject, role),
            Site::Question(question) => asked_in(plan, question),
        };
        match (&self.site, self.kind) {
            (Site::Command { .. }, FaultKind::NoValue) => format!("{site} has a text without a value"),
            (Site::Command { .. } | Site::Question(_), kind) => format!("{site} {}", kind.words()),
        }
    }
}

fn asked_in(plan: &Plan, question: &Question) -> String {
    let (id, role) = match question {
        Question::When(step) => {
            let index = plan.step_index(step.as_str());
            let name = index.map_or_else(|| format!("`{step}`"), |step| named(plan, step));
            return format!("the `when` of {name}");
        }
        Question::RetryWhen(step) => {
            return format!("the `when` of the retry after {}", of(plan, step, &Role::Attempt));
        }
        Question::FinalWhen(id) => return format!("the `when` of `{id}` at the very end"),
        Question::Items(step) => return format!("the `for_each` of `{step}`"),
        Question::CleanupWhen(step) => (step, Role::Cleanup),
        Question::ReleaseWhen(step) => (step, Role::Release),
    };
    format!("the `when` of {}", of(plan, id, &role))
}

fn of(plan: &Plan, step: &StepId, role: &Role) -> String {
    place(plan, &Subject::Step(step.clone()), role)
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Site::Command { subject, role } => write!(f, "{subject}.{role}"),
            Site::Question(Question::When(step)) => write!(f, "{step}.when"),
            Site::Question(Question::CleanupWhen(step)) => write!(f, "{step}.cleanup.when"),
            Site::Question(Question::RetryWhen(step)) => write!(f, "{step}.retry.when"),
            Site::Question(Question::ReleaseWhen(step)) => write!(f, "{step}.release.when"),
            Site::Question(Question::Items(step)) => write!(f, "{step}.for_each"),
            Site::Question(Question::FinalWhen(id)) => write!(f, "@.finally-{id}.when"),
        }
    }
}

impl fmt::Display for FaultPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.site, self.kind.words())
    }
}
