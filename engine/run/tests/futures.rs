//! Every state of small plans, within two faults: what is said of all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use firedrill_run::{CommandId, Effect, Event, Open, Phase, Run, TaskAt, Wait};
use firedrill_sim::sketch;

mod moves;

use moves::{engine, moves, start, words};

/// Small plans that together hold everything that a step can do.
const PLANS: &[&str] = &[
    "@guard g skip\n@invariant i\na ro\nb a !",
    "@guard g+ skip\n@finally f\na",
    "a ~? x2 ! retry?\nb a ro",
    "a val? ?\nb a look",
    "a ?+ idem x2",
    "a ro+ x2\nb",
    "@max 1\na !\nb !\nc",
    "a yes2\nb a man ~man",
    "a *m idem x2\nb a.m !",
    "a ^?\nb a fail irr\nc a",
    "@stop\na ! ^b\nb when?",
    "box {} on:continue\nbox/a !\nbox/b box/a\nc box",
    "box {} on:ask due\nbox/a ! text?\nbox/b box/a",
    "box {tol1}\nbox/a !\nbox/b\nc box",
    "a ro ^box\nbox a {each}\nb box",
    "@invariant i+\na due g idem x2",
    "@ask\na ! x2",
    "@ask\na rerun\nb ro",
    "@ask\n@max 2\na !\nb !\nc !\nd a b c !none",
    "@ask\na\nb ro",
    "a ? ~? x2",
];

/// Faults beyond these lead to nothing that these do not.
const FAULTS: u32 = 2;

/// Plans with more states than this are not small.
const MOST: usize = 6_000;

#[test]
fn runs_of_the_same_future_can_do_the_same_and_end_alike() {
    for plan in PLANS {
        let mut known: HashMap<u64, (Run, Future)> = HashMap::new();
        for run in states(plan) {
            let future = Future::of(&run);
            let (other, same) = known.entry(hash(&run)).or_insert_with(|| (run.clone(), future.clone()));
            assert_eq!(*same, future, "{plan}: taken for one are\n{:?}\nand\n{:?}", other.state(), run.state());
        }
    }
}

#[test]
fn a_copy_is_what_it_was_made_from() {
    for plan in PLANS {
        let states = states(plan);
        let mut copy = states[0].clone();
        for run in states {
            copy.clone_from(&run);
            assert_eq!((copy.state(), copy.next(), copy.pauses()), (run.state(), run.next(), run.pauses()), "{plan}");
            assert_eq!(run.clone().state(), run.state(), "{plan}");
        }
    }
}

#[test]
fn every_end_is_a_rest() {
    for plan in PLANS {
        for run in states(plan) {
            let moves = moves(&run);
            let is_over = moves.harmless.is_empty() && moves.faults.is_empty();
            assert_eq!(is_over, run.phase() == Phase::AtRest, "{plan}: {:?}", run.state());
        }
    }
}

#[test]
fn nothing_is_taken_that_is_not_due() {
    for plan in PLANS {
        let states = states(plan);
        let of = |run: &Run| moves(run).harmless.into_iter().chain(moves(run).faults);
        let all: BTreeMap<String, Event> = states.iter().flat_map(of).map(|event| (written(&event), event)).collect();
        for run in states.iter().step_by(1 + states.len() / 60) {
            let due: BTreeSet<String> = of(run).map(|event| written(&event)).collect();
            for (name, event) in all.iter().filter(|(name, event)| !due.contains(*name) && !is_out(run, event)) {
                assert!(run.clone().apply(event).is_err(), "{plan}: {name} was taken in {:?}", run.state());
            }
        }
    }
}

/// Returns whether an event is the end of something that runs, an answer to a question that is out, or the beginning of
/// something that is held back.
fn is_out(run: &Run, event: &Event) -> bool {
    match event {
        Event::Started { command } => {
            run.task(command).is_some_and(|task| matches!(task.at, TaskAt::Due | TaskAt::Unasked))
        }
        Event::Ended { command, .. } => {
            run.in_flight().contains(command) || run.next().contains(&Effect::Settle(command.clone()))
        }
        Event::Elapsed { .. } => {
            run.open().iter().any(|it| matches!(it, Open::InDoubt { .. } | Open::Undecided { .. }))
        }
        Event::Answered { command, .. } => run.waiting_for().iter().any(|question| question.command == *command),
        _ => false,
    }
}

/// Returns what somebody may say of failures.
fn rulings(run: &Run) -> impl Iterator<Item = Event> {
    words(run).into_iter().filter(|word| matches!(word, Event::Ruled { .. }))
}

fn written(event: &Event) -> String {
    serde_json::to_string(event).expect("an event")
}

/// Returns every state that a plan can come to within a few faults, requests to stop and new engines among them.
fn states(plan: &str) -> Vec<Run> {
    let mut run = Run::new(Arc::new(sketch(plan)));
    run.apply(&start()).expect("a legal event");
    let mut states = vec![run.clone()];
    let mut least = HashMap::from([(exact(&run), 0)]);
    let mut queue = VecDeque::from([(run, 0)]);
    while let Some((run, faults)) = queue.pop_front() {
        let moves = moves(&run);
        let is_at_rest = run.phase() == Phase::AtRest;
        let rare = if is_at_rest && !run.is_told() { vec![] } else { vec![Event::CancelRequested, engine()] };
        let rare = rare.into_iter().chain(rulings(&run));
        let harmless = moves.harmless.into_iter().map(|event| (event, faults));
        let faulty = moves.faults.into_iter().chain(rare).map(|event| (event, faults + 1));
        for (event, faults) in harmless.chain(faulty).filter(|(_, faults)| *faults <= FAULTS) {
            let next = after(&run, &event);
            let known = least.get(&exact(&next)).copied();
            if known.is_none() {
                states.push(next.clone());
            }
            if known.is_none_or(|known| faults < known) {
                least.insert(exact(&next), faults);
                queue.push_back((next, faults));
            }
        }
        assert!(states.len() < MOST, "{plan} has too many states");
    }
    states
}

fn after(run: &Run, event: &Event) -> Run {
    let mut next = run.clone();
    next.apply(event).expect("what is due is taken");
    next
}

fn exact(run: &Run) -> u64 {
    let mut hasher = DefaultHasher::new();
    run.state().hash(&mut hasher);
    hasher.finish()
}

fn hash(run: &Run) -> u64 {
    let mut hasher = DefaultHasher::new();
    run.hash_future(&mut hasher);
    hasher.finish()
}

/// What a run can do, what becomes of it then, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Future {
    standing: String,
    due: BTreeSet<String>,
    /// The futures after everything that can happen.
    leads_to: BTreeMap<String, u64>,
}

impl Future {
    fn of(run: &Run) -> Future {
        let moves = moves(run);
        let words = [Event::CancelRequested, engine()].into_iter().chain(rulings(run));
        let events = moves.harmless.into_iter().chain(moves.faults).chain(words);
        Future {
            standing: format!(
                "{:?} {:?} {:?}",
                run.phase(),
                run.verdict(),
                run.open().iter().map(open).collect::<Vec<_>>()
            ),
            due: run.next().iter().map(effect).collect(),
            leads_to: events.map(|it| (unnumbered(&it), hash(&after(run, &it)))).collect(),
        }
    }
}

/// Writes what is open without why nobody knows.
fn open(open: &Open) -> String {
    match open {
        Open::InDoubt { step, .. } => format!("{step} is in doubt"),
        other => format!("{other:?}"),
    }
}

/// Writes an effect without the numbers of tries.
fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Render(id) => format!("render {}", name(id)),
        Effect::Start(id) => format!("start {}", name(id)),
        Effect::Judge(id) => format!("judge {}", name(id)),
        Effect::Settle(id) => format!("settle {}", name(id)),
        Effect::Terminate(id) => format!("terminate {}", name(id)),
        other => format!("{other:?}"),
    }
}

/// Writes an event without the numbers of tries.
fn unnumbered(event: &Event) -> String {
    match event {
        Event::Started { command } => format!("started {}", name(command)),
        Event::NotStarted { command } => format!("not started {}", name(command)),
        Event::Adopted { command, .. } => format!("adopted {}", name(command)),
        Event::Rendered { command, outcome } => format!("rendered {} {outcome:?}", name(command)),
        Event::Reached { command, milestone } => format!("reached {} {milestone}", name(command)),
        Event::Ended { command, exit, .. } => format!("ended {} {exit:?}", name(command)),
        Event::Judged { command, judgement } => format!("judged {} {judgement:?}", name(command)),
        Event::Answered { command, response, .. } => format!("answered {} {response:?}", name(command)),
        Event::Elapsed { wait: Wait::Look(id) } => format!("look {}", name(id)),
        Event::Elapsed { wait: Wait::Within(id) } => format!("within {}", name(id)),
        Event::Elapsed { wait: Wait::Answer(id) } => format!("answer {}", name(id)),
        other => format!("{other:?}"),
    }
}

fn name(id: &CommandId) -> String {
    format!("{}.{}", id.subject, id.role)
}
