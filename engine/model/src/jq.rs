//! jq filters over JSON: the wall around jaq.
//!
//! Filters see their input and four bound variables; they read no environment, no clock, no files, and end nothing.

mod budget;

use std::ops::Range;

use jaq_core::load::{Arena, Error as LoadError, File, Loader, span};
use jaq_core::native::Fun;
use jaq_core::{Compiler, Ctx, Cv, Error as FilterError, Exn, Native, ValXs, Vars};
use jaq_json::{Val, read};

use self::budget::{Data, Metered};
use crate::expression::Scope;
use crate::value::Value;

/// Values that one filter may yield.
pub const MAX_VALUES: usize = 10_000;
/// How deeply the input may be nested.
const MAX_DEPTH: usize = 512;
/// What filters would need the world for.
const IMPURE: [&str; 7] = ["debug_empty", "env", "halt", "localtime", "now", "stderr_empty", "strflocaltime"];
/// The variables that are bound in filters.
const VARIABLES: [&str; 4] = ["$inputs", "$vars", "$steps", "$guards"];

/// A compiled jq filter.
pub struct Filter(jaq_core::Filter<Data>);

/// A text that is no jq filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JqFault {
    /// Where, in bytes of the filter.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
}

/// A filter that yields no usable values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JqError {
    /// The input is not JSON.
    #[error("not JSON: {message}")]
    NotJson {
        /// What the parser found.
        message: String,
    },
    /// The filter itself failed.
    #[error("{message}")]
    Filter {
        /// What the filter says.
        message: String,
    },
    /// The filter computes without end, or nearly so.
    #[error("the filter takes too long")]
    TooLong,
    /// The filter calls itself too deeply.
    #[error("the filter calls itself too deeply")]
    TooDeep,
    /// The system gives the filter no room.
    #[error("there is no room for the filter: {message}")]
    NoRoom {
        /// What the system says.
        message: String,
    },
    /// The filter yields values without end.
    #[error("the filter yields more than {MAX_VALUES} values")]
    TooMany,
}

/// What the names of a judgement stand for: `$inputs`, `$vars`, `$steps` and `$guards` in filters, and all names in `that`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings(Scope);

impl From<Scope> for Bindings {
    fn from(scope: Scope) -> Self {
        Self(scope)
    }
}

impl Bindings {
    /// Returns the names with their values.
    pub fn scope(&self) -> &Scope {
        &self.0
    }

    fn values(&self) -> impl Iterator<Item = Val> {
        VARIABLES.into_iter().map(|name| match self.0.root(&name[1..]) {
            Some(value) => to_jaq(value),
            None => Val::obj(<_>::default()),
        })
    }
}

impl Filter {
    /// Compiles a filter.
    pub fn compile(text: &str) -> Result<Self, JqFault> {
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(budget::definitions());
        let arena = Arena::default();
        let modules = Loader::new(definitions).load(&arena, File { code: text, path: () }).map_err(|errors| {
            errors.into_iter().next().map_or_else(unknown_fault, |(_, error)| load_fault(text, error))
        })?;
        let compiled = Compiler::default().with_funs(functions()).with_global_vars(VARIABLES).compile(modules);
        compiled.map(Self).map_err(|errors| {
            let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
            first.map_or_else(unknown_fault, |(name, kind)| JqFault {
                range: span_within(text, name),
                message: format!("undefined {} `{name}`", kind.as_str()),
            })
        })
    }

    /// Runs the filter over one JSON document and returns what it yields.
    ///
    /// Stops with an error after [`MAX_VALUES`] values, and after so many steps that no filter with an end needs them.
    pub fn run(&self, input: &[u8], bindings: &Bindings) -> Result<Vec<Value>, JqError> {
        self.run_for(budget::STEPS, input, bindings)
    }

    fn run_for(&self, steps: u64, input: &[u8], bindings: &Bindings) -> Result<Vec<Value>, JqError> {
        check_depth(input)?;
        budget::within(|| {
            let input = read::parse_single(input).map_err(|error| JqError::NotJson { message: error.to_string() })?;
            self.values(steps, input, bindings)
        })
    }

    fn values(&self, steps: u64, input: Val, bindings: &Bindings) -> Result<Vec<Value>, JqError> {
        let context = Ctx::<Data>::new(Metered::new(&self.0.lut, steps), Vars::new(bindings.values()));
        let mut values = Vec::new();
        for result in self.0.id.run((context, input)) {
            if values.len() == MAX_VALUES {
                return Err(JqError::TooMany);
            }
            values.push(from_jaq(&result.map_err(raised)?)?);
        }
        Ok(values)
    }
}

/// Shows that a filter is there; jaq's own form of it says nothing.
impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filter")
    }
}

fn functions() -> impl Iterator<Item = Fun<Data>> {
    let all = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    all.map(|(name, arguments, native)| {
        let native = if IMPURE.contains(&name) { Native::<Data>::new(refuse) } else { native };
        (name, arguments, native)
    })
}

fn refuse(_: Cv<'_, Data>) -> ValXs<'_, Val> {
    let error = FilterError::str("the environment, the clock, messages and exits are not available to filters");
    Box::new(std::iter::once(Err(Exn::from(error))))
}

fn load_fault(text: &str, error: LoadError<&str>) -> JqFault {
    let found = match error {
        LoadError::Lex(errors) => {
            errors.into_iter().next().map(|(expected, at)| (expected.as_str().to_owned(), span_within(text, at)))
        }
        LoadError::Parse(errors) => {
            errors.into_iter().next().map(|(expected, at)| (expected.as_str().to_owned(), span_within(text, at)))
        }
        LoadError::Io(_) => {
            return JqFault { message: "filters cannot load modules".to_owned(), ..unknown_fault() };
        }
    };
    found.map_or_else(unknown_fault, |(expected, range)| JqFault { range, message: format!("expected {expected}") })
}

fn unknown_fault() -> JqFault {
    JqFault { range: 0..0, message: "not a jq filter".to_owned() }
}

fn span_within(text: &str, part: &str) -> Range<usize> {
    let bounds = text.as_bytes().as_ptr_range();
    if bounds.contains(&part.as_ptr()) || part.as_ptr() == bounds.end { span(text, part) } else { 0..text.len() }
}

fn raised(exception: Exn<'_, Val>) -> JqError {
    let Ok(error) = exception.get_err() else {
        return JqError::Filter { message: "the filter ended early".to_owned() };
    };
    let message = match error.into_val() {
        Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
        other => other.to_string(),
    };
    JqError::Filter { message }
}

/// Refuses JSON that is nested so deeply that reading it could exhaust the stack.
fn check_depth(input: &[u8]) -> Result<(), JqError> {
    let mut depth = 0_usize;
    let mut is_in_string = false;
    let mut bytes = input.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_in_string = !is_in_string,
            b'\\' if is_in_string => drop(bytes.next()),
            b'[' | b'{' if !is_in_string => depth += 1,
            b']' | b'}' if !is_in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(JqError::NotJson { message: format!("nested more than {MAX_DEPTH} levels deep") });
        }
    }
    Ok(())
}

fn to_jaq(value: &Value) -> Val {
    read::parse_single(value.to_json().as_bytes()).expect("a value's JSON form is JSON")
}

fn from_jaq(value: &Val) -> Result<Value, JqError> {
    Value::from_json(value.to_string().as_bytes())
        .map_err(|error| JqError::Filter { message: format!("the result is not a value: {error}") })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn filters_without_an_end_are_ended() {
        let run = |filter: &str| {
            let ended = Filter::compile(filter).unwrap().run_for(300_000, b"1", &Bindings::default());
            ended.map(|values| values.iter().map(Value::to_json).collect::<Vec<_>>().join(" "))
        };
        for endless in [
            "[repeat(.)] | length",
            "def f: f; f",
            "first(repeat(1) | select(. == 2))",
            "[range(0; 1; 0)]",
            "until(false; .)",
        ] {
            assert_eq!(run(endless).unwrap_err().to_string(), "the filter takes too long", "{endless}");
        }
        assert_eq!(
            run("[range(3)], [range(1; 3)], [range(6; 0; -2)], [range(0; 1; 0.5)], [range(2; 2; 0)]").unwrap(),
            "[0,1,2] [1,2] [6,4,2] [0,0.5] []"
        );
        for deep in ["def f: [f]; f", "def f: 1 + f; f", "def f(x): x | f([.]) | .[0]; f(.)"] {
            let ended = Filter::compile(deep).unwrap().run(b"1", &Bindings::default()).unwrap_err().to_string();
            let known = ["the filter calls itself too deeply", "the filter takes too long"];
            assert!(known.contains(&ended.as_str()), "{deep}: {ended}");
        }
        let nested = Filter::compile("reduce range(100000) as $i (0; [.])").unwrap().run(b"1", &Bindings::default());
        assert!(nested.unwrap_err().to_string().contains("not a value"), "it is too deep for a value, and for no more");
        assert_eq!(run("[range(0, 1; 2, 3)] | length").unwrap(), "8");
        assert_eq!(run("[range(2000)] | map(. * 2) | add").unwrap(), "3998000");
    }
}
