//! Tables of the machine where people are asked: who may answer, what an answer does, and what becomes of a question that
//! nobody answers.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use firedrill_model::judge::{Extract, OutputRule, OutputSource};
use firedrill_model::plan::{Plan, Program, Starter};
use firedrill_model::value::{Type, Value};
use firedrill_run::{CommandId, Effect, Event, Response, Ruling, Run, StepId, Verdict, Wait};
use firedrill_sim::sketch;

mod table;

use table::check;

#[test]
fn people_are_asked_like_commands_are_started() {
    check("a !\nb a yes\nc b man !\nd c", "", "a.attempt.1.1 b.attempt.1.1 c.attempt.1.1 d.attempt.1.1 = succeeded");
    check("a ! !none\nb a man ?\nc b", "", "a.attempt.1.1 b.attempt.1.1 b.verify.1.1 c.attempt.1.1 = succeeded");
}

#[test]
fn a_decision_that_is_declined_or_never_made_fails_and_has_done_nothing() {
    for fault in ["b.attempt.1.1 no", "b.attempt.1.1 silence"] {
        check("a !\nb a yes\nc b !", fault, "a.attempt.1.1 b.attempt.1.1 a.rollback.1.1 = rolled back");
        check("b yes", fault, "b.attempt.1.1 = rolled back");
    }
}

#[test]
fn something_manual_that_failed_or_was_not_answered_is_owed_like_a_command() {
    check("a man !", "a.attempt.1.1 no", "a.attempt.1.1 a.rollback.1.1 = rolled back");
    check("a man", "a.attempt.1.1 no", "a.attempt.1.1 = failed");
    check("a man", "a.attempt.1.1 silence", "a.attempt.1.1 = stuck");
    check("a man !", "a.attempt.1.1 silence", "a.attempt.1.1 a.rollback.1.1 = rolled back");
    check("a man ?", "a.attempt.1.1 silence", "a.attempt.1.1 a.verify.1.1 = succeeded");
    check("a man ?", "a.attempt.1.1 silence, a.verify.1.1 1", "a.attempt.1.1 a.verify.1.1 = stuck");
    check("a man ~man x2", "a.attempt.1.1 no", "a.attempt.1.1 a.cleanup.1.1 a.attempt.2.1 = succeeded");
}

#[test]
fn a_manual_hook_is_asked_once_and_stays_owed() {
    check("a !man\nb a !none", "b.attempt.1.1 1", "a.attempt.1.1 b.attempt.1.1 a.rollback.1.1 = rolled back");
    for fault in ["no", "silence"] {
        check(
            "a !man\nb a !none",
            &format!("b.attempt.1.1 1, a.rollback.1.1 {fault}"),
            "a.attempt.1.1 b.attempt.1.1 a.rollback.1.1 = stuck",
        );
    }
}

/// A run that is told one thing after the other.
struct Told(Run);

impl Told {
    fn of(plan: Plan) -> Told {
        let mut told = Told(Run::new(Arc::new(plan)));
        told.take(Event::RunStarted {
            run: "r".into(),
            plan: "d".into(),
            by: Some("kim".into()),
            skips: BTreeMap::new(),
        });
        told.engine();
        told
    }

    fn engine(&mut self) {
        self.take(Event::EngineStarted { boot: "boot".into(), engine: "test".into() });
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "events are made where they are told")]
    fn take(&mut self, event: Event) {
        self.0.apply(&event).expect("a legal event");
    }

    /// Starts and asks everything that is due.
    fn start(&mut self) -> Vec<String> {
        let mut started = Vec::new();
        while let Some(Effect::Start(command)) = self.0.next().into_iter().find(|it| matches!(it, Effect::Start(_))) {
            started.push(command.to_string());
            self.take(Event::Started { command });
        }
        started
    }

    fn say(&mut self, command: &str, response: Response, by: &str, shown: &str) -> Result<(), &'static str> {
        self.say_with(command, response, (by, shown), BTreeMap::new())
    }

    fn say_with(
        &mut self,
        command: &str,
        response: Response,
        (by, shown): (&str, &str),
        outputs: BTreeMap<String, Value>,
    ) -> Result<(), &'static str> {
        let command = command.parse().expect("a name");
        let (by, shown, note) = (by.to_owned(), shown.to_owned(), String::new());
        let event = Event::Answered { command, response, outputs, by, note, shown };
        let mut after = self.0.clone();
        after.apply(&event).map_err(|illegal| illegal.why)?;
        self.0 = after;
        Ok(())
    }

    fn waiting(&self) -> Vec<String> {
        self.0.waiting_for().iter().map(|waiting| waiting.command.to_string()).collect()
    }
}

fn decision(min: u32, by: &[&str], starter: Starter) -> Plan {
    let mut plan = sketch("a yes");
    let Some(command) = plan.steps[0].command_mut() else { panic!("a step with a command") };
    command.program = Program::Approve {
        prompt: firedrill_model::plan::Text::Known("now?".into()),
        by: by.iter().map(|&name| name.to_owned()).collect(),
        min: NonZeroU32::new(min).expect("a number"),
        starter,
    };
    plan
}

const A: &str = "a.attempt.1.1";

#[test]
fn as_many_as_are_wanted_approve_each_once() {
    let mut told = Told::of(decision(2, &["ann", "kim", "lee"], Starter::Excluded));
    assert_eq!(told.say(A, Response::Approved, "ann", "x"), Err("nobody is asked that"));
    assert_eq!(told.start(), [A]);
    assert_eq!(told.waiting(), [A]);
    for (by, why) in [
        ("kim", "whoever started the run may not decide that"),
        ("bob", "the playbook names others who may decide that"),
    ] {
        assert_eq!(told.say(A, Response::Approved, by, "x"), Err(why));
        assert_eq!(told.say(A, Response::Declined, by, "x"), Err(why));
    }
    assert_eq!(told.say(A, Response::Done, "ann", "x"), Err("that is no answer to this question"));
    assert_eq!(told.say(A, Response::Approved, "ann", "x"), Ok(()));
    assert_eq!(told.say(A, Response::Approved, "ann", "x"), Err("this name has approved already"));
    assert_eq!(told.0.waiting_for()[0].approved, ["ann"]);
    assert_eq!(told.say(A, Response::Approved, "lee", "x"), Ok(()));
    assert_eq!((told.waiting(), told.0.verdict()), (vec![], Some(Verdict::Succeeded)));
    assert_eq!(told.say(A, Response::Approved, "lee", "x"), Err("the run is at rest: nobody is asked"));
}

#[test]
fn approvals_of_something_else_do_not_add_up() {
    let mut told = Told::of(decision(2, &[], Starter::Allowed));
    told.start();
    told.say(A, Response::Approved, "ann", "x").expect("an approval");
    told.say(A, Response::Approved, "kim", "y").expect("an approval of something else");
    assert_eq!(told.0.waiting_for()[0].approved, ["kim"]);
    told.say(A, Response::Approved, "ann", "y").expect("an approval");
    assert_eq!(told.0.verdict(), Some(Verdict::Succeeded));
}

#[test]
fn one_who_declines_is_enough() {
    let mut told = Told::of(decision(2, &[], Starter::Allowed));
    told.start();
    told.say(A, Response::Approved, "ann", "x").expect("an approval");
    told.say(A, Response::Declined, "lee", "").expect("a refusal");
    assert_eq!(told.0.verdict(), Some(Verdict::RolledBack));
}

#[test]
fn nobody_can_declare_that_others_have_approved() {
    let mut told = Told::of(sketch("@ask\na yes\nb a"));
    told.start();
    told.say(A, Response::Declined, "ann", "").expect("a refusal");
    let rule = |ruling| Event::Ruled {
        step: StepId::from("a"),
        ruling,
        outputs: BTreeMap::new(),
        by: "kim".into(),
        note: String::new(),
    };
    assert!(told.0.clone().apply(&rule(Ruling::Done)).is_err());
    assert!(told.0.clone().apply(&rule(Ruling::Retry)).is_ok());
}

#[test]
fn a_question_survives_engines_and_is_not_asked_twice() {
    let mut told = Told::of(sketch("a man !\nb a"));
    assert_eq!(told.start(), [A]);
    told.engine();
    assert_eq!((told.0.next(), told.waiting()), (vec![], vec![A.to_owned()]));
    told.say(A, Response::Done, "lee", "").expect("an answer");
    assert_eq!(told.start(), ["b.attempt.1.1"]);
}

#[test]
fn questions_take_no_room() {
    let mut told = Told::of(sketch("@max 1\na man\nb yes\nc\nd"));
    assert_eq!(told.start(), [A, "b.attempt.1.1", "c.attempt.1.1"]);
    assert_eq!(told.0.in_flight().len(), 1);
}

#[test]
fn a_cancel_ends_questions_at_once_and_leaves_hooks_asked() {
    let mut told = Told::of(sketch("a !\nb a yes\nc a man"));
    told.start();
    told.take(Event::Ended { command: A.parse().expect("a name"), exit: firedrill_run::Exit::Code(0), ms: 1 });
    assert_eq!(told.start(), ["b.attempt.1.1", "c.attempt.1.1"]);
    told.take(Event::CancelRequested);
    assert_eq!(told.waiting(), [""; 0]);
    assert_eq!(told.0.open().len(), 2, "the rollback of a, and the doubt about c: {:?}", told.0.open());

    let mut told = Told::of(sketch("a !man ^\nb a"));
    told.start();
    told.take(Event::Ended { command: A.parse().expect("a name"), exit: firedrill_run::Exit::Code(0), ms: 1 });
    told.start();
    told.take(Event::Ended {
        command: "b.attempt.1.1".parse().expect("a name"),
        exit: firedrill_run::Exit::Code(1),
        ms: 1,
    });
    assert_eq!(told.start(), ["a.rollback.1.1"]);
    told.take(Event::CancelRequested);
    assert_eq!(told.waiting(), ["a.rollback.1.1"]);
    told.take(Event::CancelRequested);
    assert_eq!(told.waiting(), [""; 0], "no more rollbacks");
    assert_eq!(told.start(), ["a.release.1.1"]);
}

#[test]
fn the_time_for_an_answer_is_the_time_limit() {
    let mut told = Told::of(sketch("a man-\nb yes"));
    told.start();
    let pauses = told.0.pauses();
    let b: CommandId = "b.attempt.1.1".parse().expect("a name");
    assert_eq!(pauses.len(), 1);
    assert_eq!((&pauses[0].wait, pauses[0].length.as_secs()), (&Wait::Answer(b), 3600));
}

#[test]
fn the_values_that_are_asked_for_are_outputs_of_their_type() {
    let mut plan = sketch("a man");
    let rule = |name: &str, r#type, optional| OutputRule {
        name: name.to_owned(),
        source: OutputSource::Asked,
        extract: Extract::Whole,
        r#type,
        optional,
        is_file: false,
    };
    plan.steps[0].command_mut().expect("a command").outputs =
        vec![rule("port", Type::Integer, false), rule("rack", Type::String, true)];
    let mut told = Told::of(plan);
    told.start();
    let mut say = |values: &[(&str, Value)]| {
        let outputs = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        told.say_with(A, Response::Done, ("lee", ""), outputs)
    };
    assert_eq!(say(&[]), Err("a value that is asked for is missing"));
    assert_eq!(say(&[("port", Value::Int(7)), ("x", Value::Int(1))]), Err("a value is given that nobody asked for"));
    assert_eq!(say(&[("port", Value::from("seven"))]), Err("a value is not of the type that is asked for"));
    assert_eq!(say(&[("port", Value::Int(7)), ("rack", Value::from("r1"))]), Ok(()));
    assert_eq!(told.0.output(&StepId::from("a"), "rack"), Some(&Value::from("r1")));
    assert_eq!(told.0.output(&StepId::from("a"), "port"), Some(&Value::Int(7)));
}
