//! The forms that values have, each as a schema.

use serde_json::{Value, json};

use super::definition;
use crate::decode::Block;
use crate::rehearsal::SweptKind;
use crate::value::Type;

/// One template and nothing else.
const TEMPLATE: &str = r"^\s*\$\{\{[\s\S]*\}\}\s*$";
const DURATION: &str = r"^([0-9]+(ms|s|m|h|d))+$";
const SANDBOX: &str = r"^(foundation|none|\.\.?/[\s\S]*)$";
const SNAKE: &str = "^[a-z][a-z0-9_]*$";
/// The path of a step: groups and repetitions, the latter with their item, before its id.
const PATH: &str = r"^[a-z][a-z0-9_]*(\[[^\]/]*\])?(/[a-z][a-z0-9_]*(\[[^\]/]*\])?)*$";
const KEBAB: &str = "^[a-z][a-z0-9-]*$";
const PERCENT: &str = "^([0-9]{1,2}|100)%$";
/// A text with something in it.
const SOMETHING: &str = r"\S";

/// What a value can be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// The version of the language.
    Version,
    /// A name with `-`.
    Kebab,
    /// A name with `_`.
    Snake,
    /// A text that is not empty and holds no template.
    Text,
    /// Any text without a template.
    AnyText,
    /// A text with templates.
    Template,
    /// Texts with templates, not empty.
    Templates,
    /// A script with templates.
    Script,
    /// A program with its arguments, or one template that is such a list.
    Argv,
    /// An expression.
    Condition,
    /// A sandbox.
    Sandbox,
    /// A boolean.
    Flag,
    /// A boolean or an expression.
    FlagOrCondition,
    /// An integer of at least 1.
    Count,
    /// An integer of at least 0.
    Amount,
    /// An integer of at least 1, or one template.
    GivenCount,
    /// A number from 1 to 1000.
    Factor,
    /// A duration.
    Duration,
    /// A duration or one template.
    GivenDuration,
    /// An exit code.
    Exit,
    /// An exit code or a list of them.
    Exits,
    /// How often: a number or `always`.
    Times,
    /// Environment variables.
    Env,
    /// `sh`, `bash` or a list.
    Shell,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The name of a type.
    Type,
    /// The name of a type, or a map.
    TypeOr(Block),
    /// A kind of fault.
    Fault,
    /// Kinds of faults, not empty.
    Faults,
    /// A list of names.
    Names,
    /// Commands: lists of words.
    Commands,
    /// Any value.
    Data,
    /// Values, not empty.
    SomeData,
    /// Any values by name.
    NamedData,
    /// Texts with templates by name.
    NamedTemplates,
    /// Texts that are not empty and hold no template, by name.
    NamedTexts,
    /// Texts, numbers or booleans by name.
    NamedScalars,
    /// Durations by name.
    NamedDurations,
    /// A map.
    One(Block),
    /// A map, or this word.
    OneOrWord(Block, &'static [&'static str]),
    /// A list or an expression.
    Items,
    /// A number or a percentage.
    Tolerance,
    /// Steps and groups, not empty.
    Steps,
    /// A list of maps.
    Many(Block),
    /// A list of maps, not empty.
    Some(Block),
    /// Maps by name.
    Named(Block),
    /// Maps by the paths of steps.
    ByPath(Block),
    /// Maps, or one of these words, by name.
    NamedWordOr(Block, &'static [&'static str]),
}

impl Form {
    /// Returns the kinds of maps that are in it.
    pub(super) fn blocks(self) -> Vec<Block> {
        match self {
            Self::Env => vec![Block::EnvFile],
            Self::Steps => vec![Block::Step, Block::Group, Block::Use],
            Self::One(block)
            | Self::OneOrWord(block, _)
            | Self::TypeOr(block)
            | Self::Many(block)
            | Self::Some(block)
            | Self::Named(block)
            | Self::ByPath(block)
            | Self::NamedWordOr(block, _) => vec![block],
            _ => Vec::new(),
        }
    }

    /// Returns its schema; `definitions` is where the maps are defined.
    pub(super) fn schema(self, definitions: &str) -> Value {
        // Beside `$ref` draft 7 reads nothing, so it stands in a list of its own.
        let block = |block| json!({"allOf": [{"$ref": format!("#/{definitions}/{}", definition(block))}]});
        match self {
            Self::One(inner) => block(inner),
            Self::Env => {
                let value = json!({"anyOf": [{"type": ["string", "integer"]}, block(Block::EnvFile)]});
                json!({"type": "object", "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, "additionalProperties": value})
            }
            Self::OneOrWord(inner, words) => json!({"anyOf": [{"enum": words}, block(inner)]}),
            Self::TypeOr(inner) => json!({"anyOf": [Self::Type.schema(definitions), block(inner)]}),
            Self::Many(inner) => json!({"type": "array", "items": block(inner)}),
            Self::Some(inner) => json!({"type": "array", "minItems": 1, "items": block(inner)}),
            Self::Steps => {
                let used = json!({"if": {"required": ["use"]}, "then": block(Block::Use), "else": block(Block::Step)});
                let step = json!({"if": {"required": ["steps"]}, "then": block(Block::Group), "else": used});
                json!({"type": "array", "minItems": 1, "items": step})
            }
            Self::Named(inner) => {
                json!({"type": "object", "propertyNames": {"pattern": SNAKE}, "additionalProperties": block(inner)})
            }
            Self::ByPath(inner) => {
                json!({"type": "object", "propertyNames": {"pattern": PATH}, "additionalProperties": block(inner)})
            }
            Self::NamedWordOr(inner, words) => {
                json!({"type": "object", "additionalProperties": {"anyOf": [{"enum": words}, block(inner)]}})
            }
            other => other.plain(),
        }
    }

    fn plain(self) -> Value {
        match self {
            Self::Version => json!({"const": 1}),
            Self::Kebab => json!({"type": "string", "pattern": KEBAB}),
            Self::Snake => json!({"type": "string", "pattern": SNAKE}),
            Self::Sandbox => json!({"type": "string", "pattern": SANDBOX}),
            Self::Text => json!({"type": "string", "pattern": SOMETHING}),
            Self::Script => json!({"type": "string", "minLength": 1}),
            Self::Condition => json!({"type": ["string", "boolean"]}),
            Self::Flag => json!({"type": "boolean"}),
            Self::FlagOrCondition => json!({"type": ["boolean", "string"]}),
            Self::Data => json!({}),
            Self::SomeData => json!({"type": "array", "minItems": 1}),
            Self::OneOf(words) => json!({"enum": words}),
            Self::Type => json!({"enum": Type::ALL.map(Type::name)}),
            Self::Fault => json!({"enum": SweptKind::ALL.map(SweptKind::word)}),
            Self::Faults => json!({"type": "array", "minItems": 1, "items": Self::Fault.plain()}),
            Self::Items => json!({"type": ["array", "string"]}),
            Self::Tolerance => {
                let percent = json!({"type": "string", "pattern": PERCENT});
                json!({"anyOf": [Self::Amount.schema(""), percent]})
            }
            Self::Templates => json!({"type": "array", "minItems": 1, "items": {"type": "string"}}),
            Self::Names => json!({"type": "array", "items": {"type": "string"}}),
            Self::Argv => json!({"anyOf": [words(), {"type": "string", "pattern": TEMPLATE}]}),
            Self::Shell => json!({"anyOf": [{"enum": ["sh", "bash"]}, words()]}),
            Self::Commands => {
                let word = json!({"type": ["string", "number"]});
                json!({"type": "array", "items": {"type": "array", "minItems": 1, "items": word}})
            }
            Self::NamedData => named(&json!({})),
            Self::NamedTemplates => named(&json!({"type": "string"})),
            Self::NamedTexts => named(&json!({"type": "string", "pattern": SOMETHING})),
            Self::NamedScalars => {
                json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}})
            }
            Self::NamedDurations => json!({"type": "object", "additionalProperties": duration()}),
            _ => self.number(),
        }
    }

    fn number(self) -> Value {
        let exit = json!({"type": "integer", "minimum": 0, "maximum": 255});
        let template = json!({"type": "string", "pattern": TEMPLATE});
        let count = json!({"type": "integer", "minimum": 1, "maximum": u32::MAX});
        match self {
            Self::Count => count,
            Self::Amount => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
            Self::GivenCount => json!({"anyOf": [count, template]}),
            Self::Times => json!({"anyOf": [count, {"const": "always"}]}),
            Self::Factor => json!({"type": "number", "minimum": 1, "maximum": 1000}),
            Self::Duration => duration(),
            Self::GivenDuration => json!({"anyOf": [duration(), template]}),
            Self::Exit => exit,
            Self::Exits => json!({"anyOf": [exit, {"type": "array", "minItems": 1, "items": exit}]}),
            _ => json!({"type": "string"}),
        }
    }
}

fn duration() -> Value {
    json!({"type": "string", "pattern": DURATION})
}

/// Returns the schema of a list of words; an integer is taken as it is written.
fn words() -> Value {
    json!({"type": "array", "minItems": 1, "items": {"type": ["string", "integer"]}})
}

fn named(value: &Value) -> Value {
    json!({"type": "object", "propertyNames": {"pattern": SNAKE}, "additionalProperties": value})
}
