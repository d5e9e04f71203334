//! Inputs and vars.

use super::fields::{Field, Fields};
use super::scalars::NameForm;
use super::{Block, Decoder, scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::playbook::{Given, Input, Required, Secrecy, Shape, Var};
use crate::source::Spanned;
use crate::value::{Type, Value};
use crate::yaml::{Plain, Scalar};

impl Decoder<'_> {
    /// Returns the declared inputs.
    pub(super) fn inputs(&mut self, field: Field<'_>) -> Vec<Input> {
        let entries = self.named(field);
        entries.into_iter().map(|(name, field)| self.input(name, field)).collect()
    }

    fn input(&mut self, name: &Spanned<String>, field: Field<'_>) -> Input {
        let name = self.check_name(name, NameForm::Snake, "the name of an input");
        let Some(fields) = self.fields(field, Block::Input) else {
            return unreadable(name, field);
        };
        let shape = match self.required(&fields, "type") {
            Some(r#type) => self.shape(&fields, r#type),
            None => any_text(field),
        };
        let default = fields.get("default").and_then(|field| self.value(field));
        let is_secret = self.optional_flag(fields.get("secret"));
        if is_secret {
            self.secret_input(&name.value, &fields, shape.r#type);
        }
        Input {
            secrecy: if is_secret { Secrecy::Secret } else { Secrecy::Open },
            name,
            description: fields.get("description").and_then(|field| self.some_text(field)),
            required: fields.get("required").and_then(|field| self.requirement(field)).unwrap_or(Required::Always),
            default,
            shape,
        }
    }

    /// Reports what a secret cannot have: nobody looks at its value.
    fn secret_input(&mut self, name: &str, fields: &Fields<'_>, r#type: Spanned<Type>) {
        for key in ["default", "pattern", "enum", "min", "max", "items", "required"] {
            if let Some(span) = fields.key_span(key) {
                let message =
                    format!("a secret has no `{key}`: its value is fetched when a run starts, and nobody looks at it");
                self.report(Diagnostic::error(Code::BadSecret, span, message));
            }
        }
        if r#type.value != Type::String {
            let message = format!("the secret `{name}` must be a string, {} is none", r#type.value.name());
            self.report(Diagnostic::error(Code::BadSecret, r#type.span, message));
        }
    }

    /// Returns a shape; one whose type is not known constrains nothing.
    fn shape(&mut self, fields: &Fields<'_>, r#type: Field<'_>) -> Shape {
        let choices = Type::ALL.map(|known| (known.name(), known));
        let Some(r#type) = self.choice(r#type, &choices) else {
            return any_text(r#type);
        };
        Shape {
            r#type,
            pattern: fields.get("pattern").and_then(|field| self.regex(field)),
            allowed: fields.get("enum").and_then(|field| self.allowed(field)),
            min: fields.get("min").and_then(|field| self.value(field)),
            max: fields.get("max").and_then(|field| self.value(field)),
            items: fields.get("items").and_then(|field| self.item_shape(field)).map(Box::new),
        }
    }

    fn allowed(&mut self, field: Field<'_>) -> Option<Vec<Spanned<Value>>> {
        let items = self.some_items(field)?;
        Some(items.into_iter().filter_map(|item| self.value(item)).collect())
    }

    /// Returns the shape of items: a whole one, or only the name of a type.
    fn item_shape(&mut self, field: Field<'_>) -> Option<Shape> {
        if scalar(field.node).is_some() {
            let choices = Type::ALL.map(|known| (known.name(), known));
            return Some(Shape { r#type: self.choice(field, &choices)?, ..any_text(field) });
        }
        let fields = self.fields(field, Block::Items)?;
        let r#type = self.required(&fields, "type")?;
        Some(self.shape(&fields, r#type))
    }

    fn requirement(&mut self, field: Field<'_>) -> Option<Required> {
        match scalar(field.node).map(Scalar::resolve) {
            Some(Plain::Bool(true)) => Some(Required::Always),
            Some(Plain::Bool(false)) => Some(Required::Never),
            Some(Plain::Text(_)) => self.condition(field).map(Required::When),
            _ => self.wrong(field, "a boolean or an expression"),
        }
    }

    /// Returns the declared vars.
    pub(super) fn vars(&mut self, field: Field<'_>) -> Vec<Var> {
        let entries = self.named(field);
        entries.into_iter().map(|(name, field)| self.var(name, field)).collect()
    }

    fn var(&mut self, name: &Spanned<String>, field: Field<'_>) -> Var {
        let name = self.check_name(name, NameForm::Snake, "the name of a var");
        let value = self.given_value(field);
        if let Some(Spanned { value: Given::Written(Value::None), span }) = value {
            self.report(Diagnostic::error(Code::Empty, span, format!("the var `{}` has no value", name.value)));
        }
        let nothing = Spanned::new(Given::Written(Value::None), field.node.span);
        Var { name, value: value.unwrap_or(nothing) }
    }
}

/// Returns the shape that stands for one that could not be read.
fn any_text(field: Field<'_>) -> Shape {
    let r#type = Spanned::new(Type::String, field.node.span);
    Shape { r#type, pattern: None, allowed: None, min: None, max: None, items: None }
}

fn unreadable(name: Spanned<String>, field: Field<'_>) -> Input {
    Input {
        name,
        description: None,
        shape: any_text(field),
        default: None,
        required: Required::Always,
        secrecy: Secrecy::Open,
    }
}
