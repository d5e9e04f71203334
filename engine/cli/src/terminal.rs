//! Standard output and standard error: width, colours, the reader's clock.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use firedrill_report::rehearsal::Signs;
use firedrill_report::{Colour, Zone, harmless};

use crate::args::When;
use crate::failure::Failure;

/// The width of lines when nobody says how wide they may be.
const USUAL_COLUMNS: usize = 100;

/// Where the command prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Whether standard output is coloured.
    pub(crate) colour: Colour,
    /// Whether standard error is coloured.
    pub(crate) error_colour: Colour,
    /// How wide lines may be.
    pub(crate) columns: usize,
    /// The reader's clock.
    pub(crate) zone: Zone,
    /// Whether a human reads standard output.
    pub(crate) is_watched: bool,
}

impl Terminal {
    /// Looks at standard output and error, and at what the user wants.
    pub(crate) fn new(when: When) -> Terminal {
        match when {
            When::Auto => {}
            When::Always => ColorChoice::Always.write_global(),
            When::Never => ColorChoice::Never.write_global(),
        }
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Terminal {
            colour: colour(AutoStream::choice(&io::stdout())),
            error_colour: colour(AutoStream::choice(&io::stderr())),
            columns: width.unwrap_or(USUAL_COLUMNS).max(40),
            zone: Zone::east(jiff::Zoned::now().offset().seconds()),
            is_watched: io::stdout().is_terminal(),
        }
    }

    /// Returns which signs standard output can show: those of the locale.
    #[expect(clippy::unused_self, reason = "a property of the terminal")]
    pub(crate) fn signs(&self) -> Signs {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
        let locale = locale.into_iter().find(|value| !value.is_empty()).unwrap_or_default().to_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Signs::Unicode } else { Signs::Ascii }
    }

    /// Prints text. A reader who is gone misses nothing: what happened is in the journal.
    #[expect(clippy::unused_self, reason = "who is not handed the terminal does not print")]
    pub(crate) fn print(&self, text: &str) {
        let _unheard = bytes(text.as_bytes());
    }

    /// Prints why a command did not do its work.
    pub(crate) fn complain(&self, failure: &Failure) {
        if matches!(failure, Failure::Told(_)) {
            return;
        }
        let error = self.label("error", AnsiColor::Red);
        tell(&format!("{error}: {}\n", harmless(&failure.to_string())));
        if let Some(help) = failure.advice() {
            let label = self.label("help", AnsiColor::Cyan);
            tell(&format!("{label}: {}\n", harmless(help)));
        }
    }

    fn label(&self, text: &str, colour: AnsiColor) -> String {
        let style = Style::new().bold().fg_color(Some(colour.into()));
        match self.error_colour {
            Colour::Never => text.to_owned(),
            Colour::Always => format!("{style}{text}{style:#}"),
        }
    }
}

/// Prints bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

/// Prints a prompt, at whose end somebody types.
pub(crate) fn prompt(text: &str) {
    let _unseen = bytes(text.as_bytes());
}

/// Prints text to standard error.
pub(crate) fn tell(text: &str) {
    let _unheard = io::stderr().lock().write_all(text.as_bytes());
}

fn colour(choice: ColorChoice) -> Colour {
    match choice {
        ColorChoice::Never => Colour::Never,
        ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => Colour::Always,
    }
}
