//! Colours by meaning. Everything that is printed in colour asks here.

use anstyle::{AnsiColor, Style};

use crate::diagnostics::Colour;

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink(Colour);

/// What a piece of text means to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing in particular.
    Plain,
    /// What the eye should find first.
    Strong,
    /// What can be passed over.
    Quiet,
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// A human should look at it.
    Warning,
    /// What can be typed.
    Typed,
    /// What is known later.
    Later,
}

impl Ink {
    pub(crate) fn new(colour: Colour) -> Ink {
        Ink(colour)
    }

    /// Returns the text in the colour of its meaning. A text of several lines is painted line by line.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if self.0 == Colour::Never || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = tone.style();
        let lines: Vec<String> = text.split('\n').map(|line| format!("{style}{line}{style:#}")).collect();
        lines.join("\n")
    }
}

impl Tone {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().bold(),
            Tone::Quiet => Style::new().dimmed(),
            Tone::Good => colour(AnsiColor::Green),
            Tone::Bad => colour(AnsiColor::Red).bold(),
            Tone::Warning => colour(AnsiColor::Yellow),
            Tone::Typed => colour(AnsiColor::Cyan),
            Tone::Later => colour(AnsiColor::Magenta),
        }
    }
}
