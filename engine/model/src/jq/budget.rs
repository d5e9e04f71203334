//! Ends filters that compute for ever, or call themselves for ever.
//!
//! jaq asks for its table of terms before it evaluates any of them, which is where the steps are counted. It has no way to
//! give up there, so the evaluation is left by unwinding, without the hook that would tell of a panic.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::thread;

use jaq_core::data::{DataT, HasLut};
use jaq_core::load::parse::Def;
use jaq_core::{Lut, load};
use jaq_json::Val;

use super::JqError;

/// Terms that one run of a filter may evaluate: some seconds.
pub(super) const STEPS: u64 = 30_000_000;

/// The stack of an evaluation, of which only what is used takes memory. What filters make may be nested deeply, too, and
/// is taken apart on it.
const STACK: usize = 256 << 20;
/// How much of it calls may use.
const DEEPEST: usize = 64 << 20;

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
    /// Where the stack of the evaluation begins.
    bottom: usize,
}

/// What an evaluation is left with when it may not go on.
enum UsedUp {
    Steps,
    Stack,
}

impl<'a> Metered<'a> {
    pub(super) fn new(lut: &'a Lut<Data>, steps: u64) -> Self {
        Self { lut, left: Rc::new(Cell::new(steps)), bottom: here() }
    }
}

impl DataT for Data {
    type V<'a> = Val;
    type Data<'a> = Metered<'a>;
}

impl<'a> HasLut<'a, Data> for Metered<'a> {
    fn lut(&self) -> &'a Lut<Data> {
        if self.bottom.abs_diff(here()) > DEEPEST {
            resume_unwind(Box::new(UsedUp::Stack));
        }
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => resume_unwind(Box::new(UsedUp::Steps)),
        }
        self.lut
    }
}

/// Returns about where the stack of this thread is.
#[inline(never)]
fn here() -> usize {
    let place = 0_u8;
    std::ptr::from_ref(&place).addr()
}

/// Returns what an evaluation yields, which has a stack of its own, or why it was ended.
pub(super) fn within<T: Send>(evaluation: impl FnOnce() -> Result<T, JqError> + Send) -> Result<T, JqError> {
    let ended = thread::scope(|scope| {
        let own = thread::Builder::new().stack_size(STACK);
        let thread = own.spawn_scoped(scope, || catch_unwind(AssertUnwindSafe(evaluation)));
        thread.map(|thread| thread.join().unwrap_or_else(|cause| resume_unwind(cause)))
    });
    match ended {
        Ok(Ok(result)) => result,
        Ok(Err(cause)) => match cause.downcast::<UsedUp>().map(|used| *used) {
            Ok(UsedUp::Steps) => Err(JqError::TooLong),
            Ok(UsedUp::Stack) => Err(JqError::TooDeep),
            Err(cause) => resume_unwind(cause),
        },
        Err(error) => Err(JqError::NoRoom { message: error.to_string() }),
    }
}

/// Returns the definitions that take the place of jaq's own.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    load::parse(DEFINITIONS, |parser| parser.defs()).expect("the definitions are jq").into_iter()
}
