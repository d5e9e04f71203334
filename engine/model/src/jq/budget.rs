//! Ends filters that compute for ever.
//!
//! jaq asks for its table of terms before it evaluates any of them, which is where the steps are counted. It has no way to
//! give up there, so the evaluation is left by unwinding, without the hook that would tell of a panic.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use jaq_core::data::{DataT, HasLut};
use jaq_core::load::parse::Def;
use jaq_core::{Lut, load};
use jaq_json::Val;

/// Terms that one run of a filter may evaluate: some seconds.
pub(super) const STEPS: u64 = 30_000_000;

/// Ranges whose items are steps; those of jaq are made without evaluating a term.
const DEFINITIONS: &str = "
def range($from; $to; $by):
  if $by > 0 then $from | while(. < $to; . + $by)
  elif $by < 0 then $from | while(. > $to; . + $by)
  elif $from == $to then empty
  else $from | repeat(.) end;
def range($from; $to): range($from; $to; 1);
def range($to): range(0; $to; 1);
";

/// What filters run over: values, and a count of steps.
pub(super) struct Data;

/// The table of a filter's terms, with the steps that are left.
#[derive(Clone)]
pub(super) struct Metered<'a> {
    lut: &'a Lut<Data>,
    left: Rc<Cell<u64>>,
}

/// What an evaluation is left with when its steps are used up.
struct UsedUp;

impl<'a> Metered<'a> {
    pub(super) fn new(lut: &'a Lut<Data>, steps: u64) -> Self {
        Self { lut, left: Rc::new(Cell::new(steps)) }
    }
}

impl DataT for Data {
    type V<'a> = Val;
    type Data<'a> = Metered<'a>;
}

impl<'a> HasLut<'a, Data> for Metered<'a> {
    fn lut(&self) -> &'a Lut<Data> {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => resume_unwind(Box::new(UsedUp)),
        }
        self.lut
    }
}

/// Returns what an evaluation yields, nothing if it used up its steps.
pub(super) fn within<T>(evaluation: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(evaluation)) {
        Ok(result) => Some(result),
        Err(cause) if cause.is::<UsedUp>() => None,
        Err(cause) => resume_unwind(cause),
    }
}

/// Returns the definitions that take the place of jaq's own.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    load::parse(DEFINITIONS, |parser| parser.defs()).expect("the definitions are jq").into_iter()
}
