//! What a playbook means, checked: names, order, licence, inputs. Only [`check`] makes a [`Checked`].

mod circles;
mod files;
mod guards;
mod inputs;
mod library;
mod lints;
mod names;
mod order;
mod polls;
mod reach;
pub(crate) mod rehearsal;
mod rules;
mod secrets;
mod uses;
mod using;

use std::collections::BTreeSet;
use std::ops::Deref;

pub(crate) use names::Names;

pub use files::{files, folders};
pub use inputs::{Unacceptable, accept};
pub use library::Library;
pub(crate) use library::joined;

use crate::decode;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::expression::Reference;
use crate::playbook::Playbook;
use crate::source::Source;

/// Something in which `check` found no errors.
#[derive(Clone, Debug)]
pub struct Checked<T> {
    inner: T,
    needs: Vec<Vec<usize>>,
    /// For each step those that it needs, and those on whose milestones it can begin.
    follows: Vec<Vec<usize>>,
    finally_needs: Vec<Vec<usize>>,
}

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> Checked<T> {
    /// Returns for each step of `finally` the indices of those of `finally` it needs, sorted.
    pub fn finally_needs(&self) -> &[Vec<usize>] {
        &self.finally_needs
    }
}

/// Returns for each step the indices of the steps it needs: written, by its place, and by what it reads; sorted.
pub fn needs(playbook: &Checked<Playbook>) -> &[Vec<usize>] {
    &playbook.needs
}

/// Returns the names of what a playbook reads of the last run that succeeded, each once.
pub fn names_of_last(playbook: &Playbook) -> BTreeSet<&str> {
    let names = uses::of(playbook).into_iter().filter_map(|used| match used.name {
        Reference::Last(name) => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

/// Returns whether a playbook reads an output of this name as a file, of whichever step.
pub(crate) fn is_read_as_file(playbook: &Playbook, name: &str) -> bool {
    let is_file = |used: &uses::Use<'_>| matches!(used.name, Reference::StepFile { output, .. } if output == name);
    uses::of(playbook).iter().any(is_file)
}

/// Checks a playbook that was read without a fault; `file_stem` is its file's name without the extension, if known.
///
/// # Errors
/// All faults, in the order of their places; warnings are among them. A playbook that was read with faults never
/// passes; its errors are then those that [`parse`](decode::parse) has not reported, perhaps none.
pub fn check(
    mut playbook: Playbook,
    file_stem: Option<&str>,
) -> Result<(Checked<Playbook>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut diagnostics = inputs::check(&mut playbook);
    diagnostics.extend(file_name(&playbook, file_stem));
    diagnostics.extend(files::check(&playbook));
    diagnostics.extend(rules::check(&playbook));
    diagnostics.extend(polls::check(&playbook));
    diagnostics.extend(circles::check(&playbook));
    diagnostics.extend(secrets::check(&playbook));
    diagnostics.extend(using::check(&playbook));
    let order = order::check(&playbook);
    diagnostics.extend(order.diagnostics);
    let diagnostics = decode::in_order(diagnostics);
    let has_errors = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    if has_errors || !playbook.is_sound {
        return Err(diagnostics);
    }
    let checked =
        Checked { inner: playbook, needs: order.needs, follows: order.follows, finally_needs: order.finally_needs };
    Ok((checked, diagnostics))
}

/// Reads and checks a playbook that uses no other and returns every finding of both, in the order of their places.
///
/// There is a checked playbook if and only if no finding is an error.
pub fn load(source: &Source, file_stem: Option<&str>) -> (Option<Checked<Playbook>>, Vec<Diagnostic>) {
    load_with(source, file_stem, &Library::default())
}

/// Reads and checks a playbook and those that it uses; what is found in one of them says so.
pub fn load_with(
    source: &Source,
    file_stem: Option<&str>,
    library: &Library,
) -> (Option<Checked<Playbook>>, Vec<Diagnostic>) {
    library::Loader::new(library).load(source, file_stem)
}

/// Reads and checks a playbook that uses no other as [`load`] does, and warns also of what it probably does not mean.
pub fn review(source: &Source, file_stem: Option<&str>) -> (Option<Checked<Playbook>>, Vec<Diagnostic>) {
    review_with(source, file_stem, &Library::default())
}

/// Reads and checks a playbook as [`load_with`] does, and warns also of what it probably does not mean.
///
/// What is probably not meant is looked for only where there is no error.
pub fn review_with(
    source: &Source,
    file_stem: Option<&str>,
    library: &Library,
) -> (Option<Checked<Playbook>>, Vec<Diagnostic>) {
    let (checked, mut diagnostics) = load_with(source, file_stem, library);
    if let Some(checked) = &checked {
        diagnostics.extend(lints::of(checked));
        diagnostics.extend(library::all_used(checked).iter().flat_map(|used| {
            let found = lints::of(&used.checked);
            found.into_iter().map(|diagnostic| diagnostic.within(&used.source)).collect::<Vec<_>>()
        }));
    }
    (checked, decode::in_order(diagnostics))
}

fn file_name(playbook: &Playbook, file_stem: Option<&str>) -> Option<Diagnostic> {
    let name = &playbook.name;
    let stem = file_stem.filter(|stem| !name.value.is_empty() && *stem != name.value)?;
    let message = format!("the playbook is called `{}`, its file `{}`", name.value, stem.escape_debug());
    Some(Diagnostic::error(Code::FileName, name.span, message).help("give both the same name"))
}
