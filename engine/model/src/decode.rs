//! Spanned tree to [`Playbook`], [`Rehearsal`] or [`Target`]: every fault of the file is collected, none stops the decoding.

mod block;
mod bounds;
mod compiled;
mod fields;
mod group;
mod inputs;
mod invocation;
mod people;
mod playbook;
mod poll;
mod rehearsal;
mod scalars;
mod step;
mod target;
mod texts;

pub(crate) use block::Block;

use compiled::Compiled;

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::Playbook;
use crate::rehearsal::{Places, Rehearsal};
use crate::shell::ShellKind;
use crate::source::{Source, Span};
use crate::target::Target;
use crate::yaml::{self, Kind, Scalar};

/// How many faults of one file are kept; what is beyond is the same again.
pub const MAX_DIAGNOSTICS: usize = 1000;

/// Reads a playbook and collects all faults of its text, keys and values, in the order of their places.
///
/// With faults there may still be a playbook, as far as it could be read, so that its names can be checked at the same
/// time; [`check`](crate::check::check) never lets such a one pass.
pub fn parse(source: &Source) -> (Option<Playbook>, Vec<Diagnostic>) {
    let mut decoder = Decoder::new(source);
    let root = decoder.root(Block::Playbook);
    let playbook = root.and_then(|root| decoder.playbook(&root));
    let diagnostics = in_order(decoder.diagnostics);
    let is_sound = diagnostics.is_empty();
    (playbook.map(|playbook| Playbook { is_sound, names: decoder.names, ..playbook }), diagnostics)
}

/// Reads a rehearsal as far as it can be read, and collects all faults of its text, keys and values.
pub(crate) fn rehearsal(source: &Source) -> (Option<Rehearsal>, Vec<Diagnostic>) {
    let mut decoder = Decoder::new(source);
    let root = decoder.root(Block::Rehearsal);
    let rehearsal = root.and_then(|root| decoder.rehearsal(&root));
    let places = Places(decoder.names);
    (rehearsal.map(|rehearsal| Rehearsal { places, ..rehearsal }), decoder.diagnostics)
}

/// Reads a target as far as it can be read, and collects all faults of its text, keys and values.
pub(crate) fn target(source: &Source) -> (Option<Target>, Vec<Diagnostic>) {
    let mut decoder = Decoder::new(source);
    let root = decoder.root(Block::Target);
    let target = root.and_then(|root| decoder.target_file(&root));
    (target, decoder.diagnostics)
}

/// Sorts by place, drops what an alias repeats, and caps the number.
pub(crate) fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let file = |diagnostic: &Diagnostic| diagnostic.source.as_ref().map(|source| source.name.clone());
    diagnostics.sort_by_key(|diagnostic| (file(diagnostic), diagnostic.span));
    let mut seen = HashSet::new();
    diagnostics.retain(|diagnostic| {
        seen.insert((file(diagnostic), diagnostic.code, diagnostic.span, diagnostic.message.clone()))
    });
    diagnostics.truncate(MAX_DIAGNOSTICS);
    diagnostics
}

/// The state of decoding one file.
struct Decoder<'s> {
    source: &'s Source,
    diagnostics: Vec<Diagnostic>,
    /// The places of the names used in each template, expression, fault or list, by its place.
    names: HashMap<Span, Vec<Span>>,
    /// The patterns and filters that were compiled already.
    compiled: Compiled,
    /// The names of the items of the repetitions around what is read.
    items: Vec<String>,
    /// The shell of scripts that have none of their own.
    shell: ShellKind,
}

impl<'s> Decoder<'s> {
    fn new(source: &'s Source) -> Self {
        Self {
            source,
            diagnostics: Vec::new(),
            names: HashMap::new(),
            compiled: Compiled::default(),
            items: Vec::new(),
            shell: ShellKind::Posix,
        }
    }

    /// Returns the one document of the file.
    fn root(&mut self, block: Block) -> Option<yaml::Node> {
        let root = yaml::read(self.source, &mut self.diagnostics);
        for diagnostic in self.diagnostics.iter_mut().filter(|diagnostic| diagnostic.code == Code::NoDocument) {
            *diagnostic = no_document(block, diagnostic.span);
        }
        root
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Returns whether there are as many diagnostics as are kept.
    fn is_full(&self) -> bool {
        self.diagnostics.len() >= MAX_DIAGNOSTICS
    }
}

/// Returns the diagnostic of a file that does not hold what it should.
fn no_document(block: Block, span: Span) -> Diagnostic {
    let (what, keys) = match block {
        Block::Rehearsal => ("rehearsal", "`firedrill: 1`, `rehearsal: NAME` and `sandbox:`"),
        Block::Target => ("target", "`target: NAME`"),
        _ => ("playbook", "`firedrill: 1`, `playbook: NAME` and `steps:`"),
    };
    let help = format!("a {what} starts with {keys}");
    Diagnostic::error(Code::NoDocument, span, format!("the file holds no {what}")).help(help)
}

/// Returns the scalar of a node that is one.
fn scalar(node: &yaml::Node) -> Option<&Scalar> {
    match &node.kind {
        Kind::Scalar(scalar) => Some(scalar),
        Kind::List(_) | Kind::Map(_) => None,
    }
}
