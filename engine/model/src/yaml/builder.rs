//! Events to a tree, with bounds on its depth, its size and what aliases repeat.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError};

use super::{Entry, Kind, MAX_DEPTH, MAX_NODES, MAX_REPEATED, Node, Scalar, Style, syntax};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Span, Spanned};

/// A list or map that is not complete.
struct Open {
    start: Span,
    anchor: usize,
    nodes: usize,
    bytes: usize,
    height: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        seen: HashMap<String, Span>,
        key: Option<Key>,
    },
}

/// A key whose value is still to come; what is not a text has no name and is dropped with its value.
struct Key {
    name: Option<Spanned<String>>,
}

/// A complete node and what it costs to repeat it.
#[derive(Clone)]
struct Built {
    node: Node,
    nodes: usize,
    bytes: usize,
    height: usize,
}

/// A limit was passed, and has been reported.
struct LimitPassed;

pub(super) struct Builder<'d> {
    diagnostics: &'d mut Vec<Diagnostic>,
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    repeated: usize,
}

impl<'d> Builder<'d> {
    pub(super) fn new(diagnostics: &'d mut Vec<Diagnostic>) -> Self {
        let (open, anchors) = (Vec::new(), HashMap::new());
        Self {
            diagnostics,
            open,
            anchors,
            root: None,
            documents: 0,
            nodes: 0,
            repeated: 0,
        }
    }

    /// Builds the tree; a limit that is passed ends it with a diagnostic and no node.
    pub(super) fn run(mut self, text: &str) -> Result<Option<Node>, ScanError> {
        let mut options: Options = granit_parser::options! {
            emit_unresolved_aliases: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        options.set_emit_comments(false);
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, place) = event?;
            let range = place.byte_range().unwrap_or_default();
            if let Some(tag) = place.tag_span().and_then(|tag| tag.byte_range()) {
                self.refuse_tag(Span::new(tag.start, tag.end));
            }
            let Ok(()) = self.event(event, Span::new(range.start, range.end)) else {
                return Ok(None);
            };
        }
        if self.root.is_none() && self.documents == 0 {
            self.diagnostics.push(syntax::no_document());
        }
        Ok(self.root)
    }

    fn refuse_tag(&mut self, span: Span) {
        let diagnostic = Diagnostic::error(Code::Tag, span, "tags have no meaning in a playbook");
        self.diagnostics
            .push(diagnostic.help("leave it out; to make a value a text, quote it"));
    }

    /// Takes one event.
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), LimitPassed> {
        match event {
            Event::DocumentStart(..) => self.document(span),
            Event::Scalar(text, style, anchor, _) => self.scalar(text.into_owned(), style, anchor, span),
            Event::SequenceStart(_, anchor, _) => self.start(OpenKind::List(Vec::new()), anchor, span),
            Event::MappingStart(_, anchor, _) => self.start(
                OpenKind::Map {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: None,
                },
                anchor,
                span,
            ),
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::UnresolvedAlias(name) => self.unknown_alias(&name, span),
            _ => Ok(()),
        }
    }

    fn document(&mut self, span: Span) -> Result<(), LimitPassed> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        let diagnostic = Diagnostic::error(Code::ManyDocuments, span, "a second document starts here");
        self.diagnostics
            .push(diagnostic.help("a file holds one playbook; move the rest to a file of its own"));
        Err(LimitPassed)
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, anchor: usize, span: Span) -> Result<(), LimitPassed> {
        let bytes = text.len();
        let node = Node {
            span,
            kind: Kind::Scalar(Scalar {
                text,
                style: Style::from(style),
            }),
        };
        self.count(1, span)?;
        self.complete(
            Built {
                node,
                nodes: 1,
                bytes,
                height: 0,
            },
            anchor,
        )
    }

    fn start(&mut self, kind: OpenKind, anchor: usize, start: Span) -> Result<(), LimitPassed> {
        self.count(1, start)?;
        self.check_depth(1, start)?;
        self.open.push(Open {
            start,
            anchor,
            nodes: 1,
            bytes: 0,
            height: 0,
            kind,
        });
        Ok(())
    }

    fn end(&mut self, end: Span) -> Result<(), LimitPassed> {
        let open = self.open.pop().expect("the parser balances starts and ends");
        let kind = match open.kind {
            OpenKind::List(items) => Kind::List(items),
            OpenKind::Map { entries, .. } => Kind::Map(entries),
        };
        let last = match &kind {
            Kind::List(items) => items.last().map(|item| item.span),
            Kind::Map(entries) => entries.last().map(|entry| entry.value.span),
            Kind::Scalar(_) => None,
        };
        let is_flow = end.end > end.start;
        let end = if is_flow {
            end.end
        } else {
            last.map_or(open.start.end, |last| last.end.max(open.start.end))
        };
        let node = Node {
            span: Span {
                start: open.start.start,
                end,
            },
            kind,
        };
        self.complete(
            Built {
                node,
                nodes: open.nodes,
                bytes: open.bytes,
                height: open.height + 1,
            },
            open.anchor,
        )
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), LimitPassed> {
        let Some(built) = self.anchors.get(&anchor) else {
            let message = "the alias stands inside of what it repeats";
            self.diagnostics
                .push(Diagnostic::error(Code::UnknownAlias, span, message));
            return Err(LimitPassed);
        };
        let (nodes, bytes, height) = (built.nodes, built.bytes, built.height);
        self.repeat(nodes + bytes, span)?;
        self.check_depth(height, span)?;
        self.count(nodes, span)?;
        let built = self.anchors[&anchor].clone();
        self.complete(built, 0)
    }

    fn unknown_alias(&mut self, name: &str, span: Span) -> Result<(), LimitPassed> {
        let diagnostic = Diagnostic::error(Code::UnknownAlias, span, format!("there is no anchor `&{name}` above"));
        self.diagnostics
            .push(diagnostic.help(format!("quote it if it is meant as text: '*{name}'")));
        self.count(1, span)?;
        self.complete(
            Built {
                node: Node::unknown(name, span),
                nodes: 1,
                bytes: 0,
                height: 0,
            },
            0,
        )
    }

    fn repeat(&mut self, cost: usize, span: Span) -> Result<(), LimitPassed> {
        self.repeated += cost;
        if self.repeated <= MAX_REPEATED {
            return Ok(());
        }
        let message = format!("anchors and aliases repeat more than {MAX_REPEATED} values and bytes");
        self.diagnostics.push(Diagnostic::error(Code::TooMany, span, message));
        Err(LimitPassed)
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), LimitPassed> {
        self.nodes += nodes;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message = format!("the file holds more than {MAX_NODES} values");
        self.diagnostics.push(Diagnostic::error(Code::TooMany, span, message));
        Err(LimitPassed)
    }

    fn check_depth(&mut self, more: usize, span: Span) -> Result<(), LimitPassed> {
        if self.open.len() + more <= MAX_DEPTH {
            return Ok(());
        }
        self.diagnostics.push(syntax::too_deep(span));
        Err(LimitPassed)
    }

    /// Puts a complete node into the list or map that is open, or makes it the root.
    fn complete(&mut self, built: Built, anchor: usize) -> Result<(), LimitPassed> {
        let Built {
            nodes, bytes, height, ..
        } = built;
        if anchor != 0 {
            self.repeat(nodes + bytes, built.node.span)?;
            self.anchors.insert(anchor, built.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(built.node);
            return Ok(());
        };
        open.nodes += nodes;
        open.bytes += bytes;
        open.height = open.height.max(height);
        match &mut open.kind {
            OpenKind::List(items) => items.push(built.node),
            OpenKind::Map { key: slot @ None, .. } => *slot = Some(key(built.node, self.diagnostics)),
            OpenKind::Map { entries, seen, key } => {
                let name = key.take().and_then(|key| key.name);
                entries.extend(name.and_then(|key| entry(key, built.node, seen, self.diagnostics)));
            }
        }
        Ok(())
    }
}

/// Makes a key of a node; what cannot be one is reported.
fn key(node: Node, diagnostics: &mut Vec<Diagnostic>) -> Key {
    let span = node.head();
    let (code, message) = match node.kind {
        Kind::Scalar(Scalar {
            text,
            style: Style::Plain,
        }) if text == "<<" => (Code::MergeKey, "merge keys (`<<`) are not part of YAML 1.2"),
        Kind::Scalar(scalar) if !scalar.text.is_empty() => {
            return Key {
                name: Some(Spanned::new(scalar.text, node.span)),
            };
        }
        Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => (Code::KeyNotText, "a key must be a text that is not empty"),
    };
    let help = match code {
        Code::MergeKey => "write the keys out, or put what is shared under `defaults`",
        _ => "a text that starts with `{`, `[`, `*` or `&` must be quoted",
    };
    diagnostics.push(Diagnostic::error(code, span, message).help(help));
    Key { name: None }
}

/// Makes an entry of a key and its value, unless the key is there already.
fn entry(
    key: Spanned<String>,
    value: Node,
    seen: &mut HashMap<String, Span>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Entry> {
    let Some(&first) = seen.get(&key.value) else {
        seen.insert(key.value.clone(), key.span);
        return Some(Entry { key, value });
    };
    let message = format!("the key `{}` stands twice in the same map", key.value);
    let diagnostic = Diagnostic::error(Code::DuplicateKey, key.span, message);
    diagnostics.push(diagnostic.note(first, "it stands here already"));
    None
}
