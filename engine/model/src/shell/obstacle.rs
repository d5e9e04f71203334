//! Why a value cannot stand in some place of a script, and what to do instead.

use std::ops::Range;

use crate::template::{FaultCode, TemplateFault};

/// Why an expression is refused where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    HereDocument,
    Comment,
    AnsiQuote,
    Arithmetic,
    Parameter,
    Backticks,
    CasePattern,
    Conditional,
    AfterDollar,
    AfterName,
    AfterBackslash,
    Subscript,
    VariableName,
    SpecialVariable,
    Descriptor,
    ArithmeticBuiltin,
    FirstOfPrintf,
    TestOperand,
    NestedShell,
    NestedQuotes,
    NestedTwice,
    /// With what the scanner could not follow.
    Unsure(&'static str),
}

const ASSIGN: &str = "assign it to a variable first, `value=${{ ... }}`, and use that";

impl Obstacle {
    pub(crate) fn at(self, range: Range<usize>) -> TemplateFault {
        TemplateFault { code: self.code(), range, message: self.message(), help: Some(self.help()) }
    }

    fn code(self) -> FaultCode {
        match self {
            Self::NestedShell | Self::NestedQuotes | Self::NestedTwice => FaultCode::NestedShell,
            _ => FaultCode::Unquotable,
        }
    }

    fn message(self) -> String {
        let place = match self {
            Self::HereDocument => "in a here-document",
            Self::Comment => "in a comment of the script",
            Self::AnsiQuote => "inside $'...'",
            Self::Arithmetic => "inside an arithmetic expansion, which evaluates it",
            Self::Parameter => "inside ${...}",
            Self::Backticks => "inside backticks",
            Self::CasePattern => "in a pattern of `case`",
            Self::Conditional => "inside [[ ... ]], where bash may evaluate it",
            Self::AfterDollar => "right behind a `$`",
            Self::AfterName => "right behind a variable's name, which it would prolong",
            Self::AfterBackslash => "right behind a backslash",
            Self::Subscript => "inside [...], where bash evaluates it as an array's index",
            Self::VariableName => "where the command takes the name of a variable, which bash may evaluate",
            Self::Descriptor => "behind `>&` or `<&`, where bash evaluates what is no number",
            Self::SpecialVariable => "as the value of a variable that the shell itself evaluates",
            Self::ArithmeticBuiltin => "as an argument of a command that evaluates it as code",
            Self::FirstOfPrintf => "as the format of printf, where it could be an option",
            Self::TestOperand => "where `test` could take it for an operator",
            Self::NestedShell => "in the script of another shell",
            Self::NestedQuotes => "inside quotes in the script of another shell",
            Self::NestedTwice => "in a script two shells away",
            Self::Unsure(construct) => return format!("a value cannot be quoted safely after {construct}"),
        };
        format!("a value cannot be put {place}")
    }

    fn help(self) -> String {
        match self {
            Self::HereDocument => {
                "use `printf '%s\\n' ${{ ... }} | command`, or assign it to a variable before and use that in the \
                 here-document"
            }
            Self::Comment => "remove it from the comment",
            Self::AnsiQuote => "close the quotes around it: $'\\t'\"${{ ... }}\"",
            Self::Backticks => "use $( ... ) instead of backticks",
            Self::AfterDollar => "a literal `$` before a value is written '$'",
            Self::AfterName => "write the variable with braces: ${name}",
            Self::AfterBackslash => "remove the backslash; a literal `${{` is written `${{ '${{' }}`",
            Self::VariableName => "write the variable's name out; only what follows `=` can be a value",
            Self::Descriptor => "write to a file with `> ${{ ... }} 2>&1`",
            Self::SpecialVariable => "use a variable with another name",
            Self::ArithmeticBuiltin => "compute with $(( ... )) on a variable that is known to be a number",
            Self::FirstOfPrintf => "give the format first: printf '%s\\n' ${{ ... }}",
            Self::TestOperand => "compare with an operator: [ ${{ ... }} = text ]",
            Self::NestedShell => {
                "filter it with `quote`, outside of quotes in the inner script: bash -c \"ls ${{ ... | quote }}\""
            }
            Self::NestedQuotes => {
                "the `quote` filter brings its own quotes: remove those around it in the inner script"
            }
            Self::NestedTwice => "pass it on as an argument or in a file",
            Self::Arithmetic | Self::Parameter | Self::CasePattern | Self::Conditional | Self::Subscript => ASSIGN,
            Self::Unsure(_) => "move this to a step of its own, or assign the value to a variable above it",
        }
        .to_owned()
    }
}
