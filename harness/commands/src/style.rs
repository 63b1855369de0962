//! The width and colours of text on a stream of this process.

use std::io::IsTerminal;

use comeback_text::terminal::Style;

use crate::options::ColorWhen;

/// Columns if the output is not a terminal.
const DEFAULT_WIDTH: usize = 100;

/// Colours follow from the option, `NO_COLOR` and whether the stream is a terminal. The width follows from `COLUMNS` or the
/// terminal.
pub fn style(color: ColorWhen, stream: &impl IsTerminal) -> Style {
    let terminal = stream.is_terminal();
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    let color = match color {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => terminal && !refused && !dumb,
    };
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let measured = terminal.then(terminal_width).flatten();
    let width = columns.or(measured).unwrap_or(DEFAULT_WIDTH).clamp(40, 160);
    Style { color, width }
}

fn terminal_width() -> Option<usize> {
    let size = console::Term::stdout()
        .size_checked()
        .or_else(|| console::Term::stderr().size_checked());
    size.map(|(_, columns)| usize::from(columns))
        .filter(|columns| *columns > 0)
}
