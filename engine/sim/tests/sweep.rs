//! What the sweep finds, that it finds it again, and that it loses nothing by leaving orders out.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use firedrill_run::Verdict;
use firedrill_sim::sweep::{
    Extent, FaultKind, FaultPoint, Orders, PointVerdicts, Property, Quantifier, Rule, fault_points,
};
use firedrill_sim::{Sweep, Swept, sketch};
use proptest::prelude::*;

/// Plans of many shapes.
const CORPUS: [&str; 63] = [
    "a",
    "a ! ^\nb a ~ x2\nc b ?",
    "@stop\na !\nb ~ ^\nc a b",
    "@guard g\n@invariant i\n@finally f\na ro\nb a ! g\nc b irr ?",
    "a ^c !\nb a x2 idem ?\nc b ~ ^",
    "c ^i\ni ro g x2\nj i",
    "@max 1\na\nb !\nc ^\nd a b c ~",
    "@max 2\na !\nb ro\nc b x2 ~ !\nd a",
    "a when? !\nb a text?\nc out? ?",
    "@guard g\n@guard h skip\na\nb ? idem\nc a b",
    "@guard g\n@guard h\n@guard i\na !",
    "@guard g\n@guard h\na !\nb a finish\nc a ro",
    "@max 2\n@guard g\n@guard h skip\n@invariant i\n@invariant j\na !",
    "@invariant i\n@invariant j\na ! x2 idem\nb",
    "a ? out?\nb ?\nc a b ! ~",
    "a ^ g\nb a off\nc b ?",
    "a ~ x3\nb ~ !\nc ro",
    "a *m idem x2 !\nb a.m ! ?\nc a b",
    "l ^b.m idem\nb l *m ~ x2\nd b.m ro",
    "a *m *n ?\nb a.m\nc a.n a.m !",
    "a due g ! ?\nb a due x2 idem",
    "a due finish ^\nb a due x2 ~ out?",
    "a fail kill ?\nb a rerun x2",
    "box {} on:continue\nbox/x *m !\nbox/y box/x.m ! ^\nb box",
    "a !\nbox a {}\nbox/x ! ^\nbox/y box/x\nb box",
    "box {} on:continue\nbox/x ! ^\nbox/y box/x ?\nb box !",
    "a ! ^ on:continue\nb a ~ x2",
    "box {} on:continue g\nbox/in {} on:continue\nbox/in/x !\nbox/y box/in !\nb box",
    "a !\nbox {tol1}\nbox/x !\nbox/y ~\nb box",
    "@ask\na ! ^\nb a\nc b !none",
    "box {} on:stop\nbox/x !\nbox/y box/x\na !\nb a box",
    "box {par1}\nbox/x ! on:continue\nbox/y ?\nb box",
    "a !\nb a yes\nc b man !",
    "a man ~man x2\nb yes2\nc a b irr",
    "a ^c\nb a man ?\nc b",
    "a !man ^\nb a man-",
    "a &x ! ~\nb &x ?\nc b",
    "a &x ^c\nb a &x\nc b &x !",
    "a &x\nb &x !",
    "a &x ro g\nb a &x !",
    "box {} &x\nbox/a &y !\nbox/b &y\nc &y ^",
    "box {} &x\nbox/a &x !\nnet {} &y\nnet/b &x",
    "a &x !\nbox {} on:continue\nbox/b &x !\nbox/c box/b &x",
    "a &x *m idem x2\nb a.m &x ro",
    "@ask\na &x ! ^\nb &x",
    "a on:ask ! x2\nb a\nc !",
    "a on:ask man !\nb ^ !",
    "box {} on:ask\nbox/a on:continue !\nbox/b\nc ! box",
    "box {} on:ask\nbox/a when?",
    "@ask\n@max 1\na !\nb !\nc ~ ^",
    "@ask\n@guard g\na ro\nb a ! g",
    "@ask\n@invariant i\na idem ? ~ x2\nb yes ^",
    "a on:ask ! %b\nb on:ask ! irr\nc a b",
    "a pub\nb a !\nc b $a !",
    "a pub x2\nb a idem x2 $a\nc b",
    "a pub\nb a $a &x x2 idem\nc &x",
    "box {} on:continue\nbox/a pub\nbox/b box/a ! $a\nd box",
    "a ?++ idem\nb a !",
    "a ?+ ^\nb a g+ x2 idem",
    "box {} due\nbox/x ! x2 idem\nbox/y\nb box ^",
    "a !\nb a on:stop !\nc a",
    "a !\nbox {} on:ask\nbox/b *m\nbox/c box/b.m *m",
    "box {} on:continue\nbox/x !\nbox/y box/x on:stop\nb box !",
];

#[track_caller]
fn swept(plan: &str, depth: u32, orders: Orders) -> Swept {
    let sweep = Sweep::new(Arc::new(sketch(plan))).depth(depth).orders(orders);
    let found = sweep.run().expect("the machine takes every event that it asks for");
    assert_eq!(found.extent, Extent::Complete { depth }, "{plan}");
    found
}

/// Asserts that the sweep finds the same in the orders that matter as in all of them, down to the states at rest, and the
/// same with states by their future as with states by everything they hold.
#[track_caller]
fn loses_nothing(plan: &str, depth: u32) {
    let all = loses_no_order(plan, depth);
    let exact = swept(plan, depth, Orders::Exact);
    assert_eq!(reached(&all), reached(&exact), "verdicts, depth {depth}:\n{plan}");
    assert_eq!(bare(&all), bare(&exact), "points, depth {depth}:\n{plan}");
    assert_eq!(breaches(&all), breaches(&exact), "violations, depth {depth}:\n{plan}");
    assert!(all.states <= exact.states, "{plan}");
}

/// Asserts the first half of it, and returns what all orders lead to.
#[track_caller]
fn loses_no_order(plan: &str, depth: u32) -> Swept {
    let [distinct, all] = [Orders::Distinct, Orders::All].map(|orders| swept(plan, depth, orders));
    assert_eq!(distinct.verdicts, all.verdicts, "states at rest, depth {depth}:\n{plan}");
    assert_eq!(bare(&distinct), bare(&all), "points, depth {depth}:\n{plan}");
    assert_eq!(breaches(&distinct), breaches(&all), "violations, depth {depth}:\n{plan}");
    assert!(distinct.states <= all.states, "{plan}");
    all
}

/// Returns the verdicts reached with so many faults or fewer.
fn reached(found: &Swept) -> Vec<BTreeSet<Verdict>> {
    let depths = found.verdicts.iter().scan(BTreeSet::new(), |reached, counts| {
        reached.extend(counts.keys().copied());
        Some(reached.clone())
    });
    depths.collect()
}

/// Every fault point with what it leads to. What is left then is that of one history, so it may be another one.
fn bare(found: &Swept) -> Vec<(&FaultPoint, Option<u32>, &[Verdict])> {
    for point in &found.points {
        says_what_is_left(point);
    }
    found.points.iter().map(|row| (&row.point, row.faults, row.verdicts.as_slice())).collect()
}

/// Asserts that what is left is said for every verdict that means that something is.
#[track_caller]
fn says_what_is_left(point: &PointVerdicts) {
    for verdict in point.verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Failed | Verdict::Stuck)) {
        let is_said = point.remains.iter().any(|remains| remains.verdict == *verdict && !remains.left.is_empty());
        assert!(is_said, "{} leads to {verdict}, and what is left is not said", point.point);
    }
}

/// What a sweep found to go against a rule, advice included.
fn breaches(found: &Swept) -> BTreeSet<(Rule, String)> {
    let each = found.violations.iter().chain(&found.advice);
    each.map(|found| (found.rule.clone(), found.why.clone())).collect()
}

#[test]
fn the_orders_left_out_do_not_matter() {
    for plan in CORPUS {
        (0..=2).for_each(|depth| loses_nothing(plan, depth));
    }
    for plan in ["a !\nb a !\nc !\nd c !\ne ro", "a ~\nb ~ ^\nc ? !", "@guard g\na !\nb ! when?"] {
        assert!(loses_no_order(plan, 3).violations.is_empty());
    }
}

#[test]
fn the_order_of_completion_counts_where_room_is_short() {
    let plan = "@max 2\na !\nb !\nc !\nd a b c ro";
    let left = |first: &str, others: [&str; 2]| {
        let [one, other] = others;
        let text = format!(
            "verdict == 'stuck' and d.started and not {first}.rolled_back and {one}.rolled_back and {other}.rolled_back"
        );
        let sweep = Sweep::new(Arc::new(sketch(plan))).depth(2).property(property(plan, Quantifier::Never, &text));
        let found = sweep.faults(vec![FaultKind::Cancel]).run();
        found.expect("a sweep").violations.len()
    };
    assert_eq!([left("a", ["b", "c"]), left("b", ["a", "c"])], [1, 1]);
}

/// Asserts that the sweep finds no rule gone against, and shows the stories if it does.
#[track_caller]
fn keeps_every_rule(plan: &str) {
    let found = swept(plan, 2, Orders::Distinct);
    let told: Vec<String> = found.violations.iter().map(|violation| violation.story.join("\n")).collect();
    assert_eq!(told, Vec::<String>::new(), "{plan}");
}

#[test]
fn no_rule_of_the_machine_is_broken() {
    CORPUS.into_iter().for_each(keeps_every_rule);
}

/// Which of `b` and `c` completes first decides which hook starts first, and the sweep visits only one of the two.
#[test]
fn what_a_fault_leaves_is_said_although_orders_are_left_out() {
    for orders in [Orders::Distinct, Orders::All, Orders::Exact] {
        swept("a !\nb ^\nc", 1, orders).points.iter().for_each(says_what_is_left);
    }
}

/// The number of states is what the machine's state costs: something that does not decide the future shows here.
#[test]
fn twelve_steps_stay_explorable() {
    let plan = "a ro\nb a x2 ~\nc b ^i\nd c\ne c\nf d e !\nm f\nh m g x2 idem\ni h ro\nj i\nk j !\nl k";
    let found = swept(plan, 2, Orders::Distinct);
    assert!(found.violations.is_empty());
    assert!(found.states < 2_500, "{} states: the machine is no longer explorable", found.states);
    assert!(found.reached().any(|verdict| verdict == Verdict::Succeeded));
    assert!(found.reached().any(|verdict| verdict == Verdict::Stuck));
}

/// The run has failed, so nothing new starts, not even a guard that turns out never to have started.
#[test]
fn a_guard_that_never_started_leaves_no_run_hanging() {
    keeps_every_rule("a\nb g\nc idem");
}

/// The guards are asked again for the first change; it fails before they have answered, and then nobody needs them.
#[test]
fn a_guard_asked_in_vain_does_not_outlive_its_phase() {
    keeps_every_rule("@guard ready\n@finally notify\na ro\nb a text?");
}

/// Every violation of a sweep, as it is told.
fn stories(found: &Swept) -> String {
    let each = found.violations.iter();
    let told: Vec<String> = each.map(|violation| violation.story.join("\n")).collect();
    told.join("\n\n")
}

#[track_caller]
fn property(plan: &str, quantifier: Quantifier, text: &str) -> Property {
    Property::parse(text, quantifier, &sketch(plan)).expect("a property")
}

/// Sweeps a plan with something that must never be.
#[track_caller]
fn never(plan: &str, text: &str) -> Swept {
    let sweep = Sweep::new(Arc::new(sketch(plan))).depth(2).property(property(plan, Quantifier::Never, text));
    sweep.run().expect("the machine takes every event that it asks for")
}

#[test]
fn what_guards_do_by_the_dozen_is_told_in_one_sentence() {
    let guards = |count| (0..count).map(|at| format!("@guard g{at}")).collect::<Vec<_>>().join("\n");
    let story = |count| never(&format!("{}\na", guards(count)), "verdict == 'failed'").violations[0].story.clone();
    assert_eq!(story(6)[0], "the guards of the playbook: 6 asked, 6 found to hold");
    assert_eq!(story(2)[..2], ["the guard `g0` (line 1) starts", "the guard `g1` (line 2) starts"]);
}

/// What is looked at in every state makes all orders matter, but not those of guards, which change no step.
#[test]
fn guards_do_not_multiply_the_states_that_a_condition_looks_at() {
    let guards = (0..6).map(|at| format!("@guard g{at}")).collect::<Vec<_>>().join("\n") + "\n";
    for (steps, condition) in [
        ("a\nb a !\nc", "a.succeeded and c.running"),
        ("lock\nbackup lock ~\nunlock backup", "backup.failed and not unlock.started"),
        ("a !\nb\nc a b", "a.rolled_back and b.running"),
    ] {
        let plan = format!("{guards}@invariant i\n@invariant j\n{steps}");
        let property = property(&plan, Quantifier::Never, condition);
        let [watched, all] = [Orders::Distinct, Orders::All].map(|orders| {
            let sweep = Sweep::new(Arc::new(sketch(&plan))).depth(2).orders(orders).property(property.clone());
            sweep.run().expect("the machine takes every event that it asks for")
        });
        assert_eq!(watched.verdicts, all.verdicts, "states at rest: {plan}");
        assert_eq!(bare(&watched), bare(&all), "points: {plan}");
        assert_eq!(breaches(&watched), breaches(&all), "violations: {plan}");
        assert!(watched.states < all.states, "{} of {} states: {plan}", watched.states, all.states);
    }
}

#[test]
fn an_unlock_that_is_missing_on_one_path_is_told() {
    let plan = "@stop\nlock\nbackup lock ~\nunlock backup";
    let left = never(plan, "verdict == 'failed' and lock.succeeded and not unlock.started");
    insta::assert_snapshot!(stories(&left), @r#"
    `lock` (line 2): attempt 1 succeeds
    `backup` (line 3): attempt 1 cannot be started
    `backup` (line 3) has failed for good
    the run is at rest: failed
    against never "verdict == 'failed' and lock.succeeded and not unlock.started": the verdict is failed, `lock` (line 2) has succeeded, `unlock` (line 4) has not started
    "#);
}

#[test]
fn a_release_needs_no_unlock() {
    let plan = "@stop\nlock ^backup\nbackup lock ~";
    assert_eq!(stories(&never(plan, "verdict == 'failed' and lock.holding")), "");
}

#[test]
fn a_rollback_that_blocks_another_is_told() {
    let plan = "copy !\nswitch copy !\ncheck switch ro";
    let left = property(plan, Quantifier::Never, "verdict == 'stuck' and check.failed and not copy.rolled_back");
    let sweep = Sweep::new(Arc::new(sketch(plan))).depth(2).property(left.at("line 7 of copy.rehearsal.yaml"));
    let found = sweep.faults(vec![FaultKind::Fails, FaultKind::FailsForGood]).run();
    insta::assert_snapshot!(stories(&found.expect("a sweep")), @r#"
    `copy` (line 1): attempt 1 succeeds
    `switch` (line 2): attempt 1 succeeds
    `check` (line 3): attempt 1 fails with exit code 1
    `check` (line 3) has failed for good
    the run unwinds
    `switch` (line 2): try 1 of its rollback fails with exit code 1
    `switch` (line 2): try 2 of its rollback fails with exit code 1
    `switch` (line 2): try 3 of its rollback fails with exit code 1
    the rollback of `switch` (line 2) stays owed
    the run is at rest: stuck, because the rollback of `copy` (line 1) is owed and the rollback of `switch` (line 2) is owed
    against never "verdict == 'stuck' and check.failed and not copy.rolled_back" (line 7 of copy.rehearsal.yaml): the verdict is stuck, `check` (line 3) has failed, `copy` (line 1) was not rolled back
    "#);
}

#[test]
fn a_retry_without_a_licence_is_no_retry() {
    insta::assert_snapshot!(stories(&never("backup x3", "backup.failed and verdict == 'failed'")), @r#"
    `backup` (line 1): attempt 1 fails with exit code 1
    `backup` (line 1) has failed for good: nothing makes it harmless to attempt it again
    the run is at rest: failed
    against never "backup.failed and verdict == 'failed'": `backup` (line 1) has failed, the verdict is failed
    "#);
}

#[test]
fn a_release_does_not_wait_for_a_step_that_is_never_reached() {
    let plan = "lock ^unlocked\nbackup lock !none\nunlocked backup ro";
    assert_eq!(stories(&never(plan, "verdict == 'failed' and lock.holding")), "");
    let stuck = never(plan, "verdict == 'stuck' and lock.holding and backup.in_doubt");
    insta::assert_snapshot!(stories(&stuck), @r#"
    `lock` (line 1): attempt 1 succeeds
    `backup` (line 2): attempt 1 exceeds its time limit
    `backup` (line 2) is in doubt: a human must say whether it had its effect
    the run is at rest: stuck, because the release of `lock` (line 1) is owed and `backup` (line 2) is in doubt
    against never "verdict == 'stuck' and lock.holding and backup.in_doubt": the verdict is stuck, `lock` (line 1) is holding, `backup` (line 2) is in doubt
    "#);
}

#[test]
fn a_property_of_states_under_way_sees_every_order() {
    let plan = "a\nb";
    assert_eq!(never(plan, "a.succeeded and b.running").violations.len(), 1);
    assert_eq!(never(plan, "b.succeeded and a.running").violations.len(), 1);
    assert_eq!(never(plan, "b.succeeded and a.running and verdict == 'succeeded'").violations.len(), 0);
}

/// A `never` that says what the verdict is not would otherwise be about every state before the rest.
#[test]
fn a_property_that_names_the_verdict_is_about_rest() {
    let plan = "lock ^ idem\nbackup lock ro";
    assert_eq!(never(plan, "lock.holding").violations.len(), 1);
    assert_eq!(never(plan, "lock.holding and verdict != 'stuck'").violations.len(), 0);
    let sweep = Sweep::new(Arc::new(sketch(plan))).property(property(plan, Quantifier::Always, "verdict != 'failed'"));
    assert_eq!(sweep.run().expect("a sweep").violations.len(), 0);
}

#[test]
fn an_always_is_told_when_it_ends() {
    let plan = "a when?";
    let sweep = Sweep::new(Arc::new(sketch(plan))).depth(0);
    let sweep = sweep.property(property(plan, Quantifier::Always, "not a.skipped"));
    insta::assert_snapshot!(stories(&sweep.run().expect("a sweep")), @r#"
    `a` (line 1): its `when` is false
    `a` (line 1) is skipped
    the run is at rest: skipped
    against always "not a.skipped": `a` (line 1) was skipped
    "#);
}

/// The table of a plan: every fault point with the verdicts it leads to.
fn table(found: &Swept) -> String {
    let rows = found.points.iter().map(|row| {
        let verdicts: Vec<&str> = row.verdicts.iter().map(|verdict| verdict.words()).collect();
        let faults = row.faults.map_or("-".to_owned(), |faults| faults.to_string());
        format!("{faults} {}: {}", row.point, verdicts.join(", "))
    });
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_fault_point_has_its_verdicts() {
    let plan = "@guard ready\n@invariant open\nlock ^backup idem\nbackup lock x2 ~ out?\nswitch backup ! ?";
    let found = swept(plan, 2, Orders::Distinct);
    insta::assert_snapshot!(table(&found), @"
    1 @.guard-ready does not hold: refused
    1 @.guard-ready could not tell: refused
    1 @.guard-ready is running when the engine crashes: succeeded
    1 @.guard-ready is running when the run is cancelled: cancelled
    1 lock.attempt fails once: rolled back
    1 lock.attempt exceeds its time limit: rolled back
    1 lock.attempt cannot be started: rolled back
    1 lock.attempt is running when the engine crashes: succeeded, rolled back
    1 lock.attempt is running when the run is cancelled: cancelled
    1 lock.release fails once: succeeded
    1 lock.release fails for good: stuck
    1 lock.release is running when the engine crashes: succeeded, failed
    1 lock.release is running when the run is cancelled: cancelled
    1 backup.attempt fails once: succeeded
    1 backup.attempt fails for good: rolled back
    1 backup.attempt exceeds its time limit: succeeded
    1 backup.attempt cannot be started: succeeded
    1 backup.attempt prints what was not expected: succeeded
    1 backup.attempt is running when the engine crashes: succeeded
    1 backup.attempt is running when the run is cancelled: cancelled
    2 backup.cleanup fails once: succeeded, rolled back, cancelled
    2 backup.cleanup fails for good: stuck
    2 backup.cleanup is running when the engine crashes: succeeded, rolled back, cancelled
    2 backup.cleanup is running when the run is cancelled: cancelled
    1 switch.attempt fails once: failed
    1 switch.attempt exceeds its time limit: succeeded, failed
    1 switch.attempt cannot be started: failed
    1 switch.attempt is running when the engine crashes: succeeded, failed
    1 switch.attempt is running when the run is cancelled: cancelled
    1 switch.verify does not hold: failed
    1 switch.verify could not tell: failed
    1 switch.verify is running when the engine crashes: succeeded
    1 switch.verify is running when the run is cancelled: cancelled
    2 switch.rollback fails once: failed, cancelled
    2 switch.rollback fails for good: stuck
    2 switch.rollback is running when the engine crashes: failed, cancelled
    2 switch.rollback is running when the run is cancelled: cancelled
    1 @.invariant-open does not hold: stuck
    1 @.invariant-open could not tell: stuck
    1 @.invariant-open is running when the engine crashes: succeeded
    1 @.invariant-open is running when the run is cancelled: succeeded
    ");
    let points: Vec<_> = found.points.iter().map(|row| row.point.clone()).collect();
    assert_eq!(points, fault_points(&sketch(plan)));
}

#[test]
fn the_same_sweep_finds_the_same_with_any_number_of_threads() {
    for plan in CORPUS {
        let sweep = |threads| Sweep::new(Arc::new(sketch(plan))).depth(2).threads(threads).run().expect("a sweep");
        let [one, three] = [1, 3].map(|threads| sweep(NonZeroUsize::new(threads).expect("not 0")));
        assert_eq!(one, three, "{plan}");
    }
}

#[test]
fn a_sweep_says_how_far_it_came() {
    let sweep = |budget| {
        let swept = Sweep::new(Arc::new(sketch("a\nb a\nc b"))).depth(2).budget(budget);
        swept.run().expect("a sweep").to_string()
    };
    insta::assert_snapshot!(sweep(10_000), @"explored 48 states, complete to fault depth 2");
    insta::assert_snapshot!(sweep(20), @"stopped at 20 of at least 35 states within fault depth 1");
    insta::assert_snapshot!(sweep(5), @"stopped at 5 of at least 16 states within fault depth 0");
}

const MARKS: [&str; 14] =
    ["!", "!none", "~", "?", "^", "x2", "ro", "idem", "irr", "when?", "text?", "out?", "*m", "&x"];
const SETTINGS: [&str; 4] = ["@stop", "@max 1", "@invariant v", "@finally w"];

/// A step of a random sketch: its needs are the bits of a byte, the end of its hold is some step before it.
type Drawn = (u8, Vec<&'static str>, prop::sample::Index);

/// Sketches of up to four steps with any needs and some settings and marks, some of them in a group; with guards, if some
/// are given.
fn sketches(guards: [&'static str; 2]) -> impl Strategy<Value = String> {
    let [setting, mark] = guards;
    let marks = [&MARKS[..], &[mark]].concat();
    let step = (any::<u8>(), prop::sample::subsequence(marks, 0..=3), any::<prop::sample::Index>());
    let settings = prop::sample::subsequence([&SETTINGS[..], &[setting]].concat(), 0..=2);
    let group = prop::option::of((0..4_usize, 1..4_usize, prop::sample::select(&GROUPS[..])));
    (settings, prop::collection::vec(step, 1..=4), group).prop_map(|(settings, steps, group)| {
        let members = group.map_or(0..0, |(first, length, _)| first..(first + length).min(steps.len()));
        let mut lines: Vec<String> = settings.into_iter().map(str::to_owned).collect();
        for (at, step) in steps.iter().enumerate() {
            lines.extend(group.filter(|_| at == members.start && !members.is_empty()).map(|(_, _, what)| {
                let needs = (0..at).filter(|need| step.0 >> need & 1 == 1).map(|need| name(need, &members));
                format!("box {} {what}", needs.collect::<Vec<_>>().join(" "))
            }));
            lines.push(line(&steps, at, &members));
        }
        lines.join("\n")
    })
}

const GROUPS: [&str; 7] = ["{}", "{} &x", "{} on:continue", "{} on:stop", "{} on:ask", "{tol1}", "{par1} on:continue"];

fn name(step: usize, members: &Range<usize>) -> String {
    let name = char::from(b'a' + u8::try_from(step).expect("few steps"));
    if members.contains(&step) { format!("box/{name}") } else { name.to_string() }
}

/// Writes the step with this number: needs are bits of a byte, milestones the upper ones. A member needs members only, and
/// the others need its group instead of it; the end of a hold is some step before it, or the milestone of that step.
fn line(steps: &[Drawn], at: usize, members: &Range<usize>) -> String {
    let (needs, marks, until) = &steps[at];
    let is_member = members.contains(&at);
    let has_milestone = |step: usize| steps[step].1.contains(&"*m") && members.contains(&step) == is_member;
    let mut named: Vec<String> = (0..at)
        .filter(|need| needs >> need & 1 == 1 && (!is_member || members.contains(need)))
        .map(|need| if members.contains(&need) && !is_member { "box".to_owned() } else { name(need, members) })
        .collect();
    named.dedup();
    let signals = (0..at).filter(|need| needs >> need & 1 == 0 && needs >> (need + 4) & 1 == 1);
    let signals = signals.filter(|&step| has_milestone(step)).map(|step| format!("{}.m", name(step, members)));
    let mut words = vec![name(at, members)];
    words.extend(named.into_iter().chain(signals));
    let is_open_ended = at == 0 || is_member || until.index(2) == 0;
    words.extend(marks.iter().map(|mark| match *mark {
        "^" if is_open_ended => "^".to_owned(),
        "^" if has_milestone(until.index(at)) => format!("^{}.m", name(until.index(at), members)),
        "^" => format!("^{}", name(until.index(at), members)),
        mark => mark.to_owned(),
    }));
    words.join(" ")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn in_random_plans_the_orders_left_out_do_not_matter(plan in sketches(["@guard q\n@guard r", "g"])) {
        loses_nothing(&plan, 1);
    }

    #[test]
    fn random_plans_keep_every_rule(plan in sketches([""; 2])) {
        keeps_every_rule(&plan);
    }
}
