//! What the sweep finds, that it finds it again, and that it loses nothing by leaving orders out.

use std::collections::BTreeSet;
use std::sync::Arc;

use firedrill_run::Verdict;
use firedrill_sim::sweep::{Condition, Extent, Orders, Property, Quantifier, Rule, StepStatus, fault_points};
use firedrill_sim::{Sweep, Swept, sketch};
use proptest::prelude::*;

/// Plans of many shapes.
const CORPUS: [&str; 14] = [
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
    "@invariant i\n@invariant j\na ! x2 idem\nb",
    "a ? out?\nb ?\nc a b ! ~",
    "a ^ g\nb a off\nc b ?",
    "a ~ x3\nb ~ !\nc ro",
];

#[track_caller]
fn swept(plan: &str, depth: u32, orders: Orders) -> Swept {
    let sweep = Sweep::new(Arc::new(sketch(plan))).depth(depth).orders(orders);
    let found = sweep.run().expect("the machine takes every event that it asks for");
    assert_eq!(found.extent, Extent::Complete { depth }, "{plan}");
    found
}

/// Asserts that the sweep finds the same in the orders that matter as in all of them.
#[track_caller]
fn loses_nothing(plan: &str, depth: u32) {
    let [distinct, all] = [Orders::Distinct, Orders::All].map(|orders| swept(plan, depth, orders));
    let breaches = |found: &Swept| -> BTreeSet<(Rule, String)> {
        let each = found.violations.iter();
        each.map(|violation| (violation.rule.clone(), violation.why.clone())).collect()
    };
    let verdicts = |found: &Swept| -> Vec<BTreeSet<Verdict>> {
        let depths = found.verdicts.iter().scan(BTreeSet::new(), |reached, counts| {
            reached.extend(counts.keys().copied());
            Some(reached.clone())
        });
        depths.collect()
    };
    assert_eq!(verdicts(&distinct), verdicts(&all), "verdicts by faults, depth {depth}:\n{plan}");
    assert_eq!(distinct.points, all.points, "points, depth {depth}:\n{plan}");
    assert_eq!(breaches(&distinct), breaches(&all), "violations, depth {depth}:\n{plan}");
    assert!(distinct.states <= all.states, "{} > {}:\n{plan}", distinct.states, all.states);
}

#[test]
fn the_orders_left_out_do_not_matter() {
    for plan in CORPUS {
        (0..=2).for_each(|depth| loses_nothing(plan, depth));
    }
}

#[test]
fn no_rule_of_the_machine_is_broken() {
    for plan in CORPUS {
        let found = swept(plan, 2, Orders::Distinct);
        let told: Vec<String> = found.violations.iter().map(|violation| violation.story.join("\n")).collect();
        assert_eq!(told, Vec::<String>::new(), "{plan}");
    }
}
