//! Figures: what was measured beside the rows, each beside its bound.

use super::{seconds, words};
use comeback_record::document::{FigureEntry, RunDocument};
use comeback_text::terminal::{Paint, Style, sanitize, wrap};

/// The heading of the figures.
pub const HEAD: &str = "figures, on which no verdict depends";

/// A figure, in words.
pub struct Line {
    /// True if it was more than its bound at least once.
    pub over: bool,
    /// What was measured.
    pub text: String,
}

/// Every figure of a run.
pub fn lines(document: &RunDocument) -> Vec<Line> {
    let line = |of: &FigureEntry| {
        let image = match document.images.len() {
            0 | 1 => String::new(),
            _ => format!(" on {}", words::image_name(&of.image)),
        };
        let bound = match of.at_most_seconds {
            short if short < 1.0 => format!("{:.0} ms", short * 1000.0),
            most => seconds(most),
        };
        let took = match (of.seconds.n, of.seconds.median, of.seconds.max) {
            (0, ..) | (_, None, _) | (_, _, None) => "never came to its end".to_owned(),
            (1, Some(took), _) if of.over == 0 => format!("took {}, within {bound}", seconds(took)),
            (1, Some(took), _) => format!("took {}, more than {bound}", seconds(took)),
            (n, Some(median), Some(max)) => format!(
                "took {} (median) to {} (most), more than {bound} in {} of {n}",
                seconds(median),
                seconds(max),
                of.over
            ),
        };
        let unended = match of.unended {
            n if n > 0 && of.seconds.n > 0 => format!("; {n} never came to its end"),
            _ => String::new(),
        };
        Line {
            over: of.over > 0 || of.unended > 0,
            text: sanitize(&format!(
                "{}{image}: step {} {} {took}{unended}",
                of.scenario, of.step, of.op
            )),
        }
    };
    document.figures.iter().map(line).collect()
}

/// A line for each figure.
pub fn figures(document: &RunDocument, style: Style) -> String {
    let lines = lines(document);
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", style.paint(Paint::Bold, HEAD));
    for line in lines {
        let paint = if line.over { Paint::Doubt } else { Paint::Plain };
        for part in wrap(&line.text, style.width.saturating_sub(2), "").lines() {
            text += &format!("  {}\n", style.paint(paint, part));
        }
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use comeback_record::document::Spread;
    use comeback_record::document::samples::reproduced;

    fn figure(took: &[f64], over: usize, unended: usize) -> FigureEntry {
        FigureEntry {
            scenario: "commands-after-kill".into(),
            image: "release:0.17.0".into(),
            step: 4,
            op: "operator-stop".into(),
            at_most_seconds: 15.0,
            seconds: Spread::of(took.iter().copied()),
            over,
            unended,
        }
    }

    #[test]
    fn a_figure_is_told_beside_its_bound_and_changes_no_verdict() {
        let mut document = reproduced();
        document.figures = vec![
            figure(&[2.4], 0, 0),
            figure(&[61.0], 1, 0),
            figure(&[2.0, 3.0, 20.0], 1, 1),
            figure(&[], 0, 1),
        ];
        let lines = lines(&document);
        let told: Vec<(bool, &str)> = lines.iter().map(|line| (line.over, line.text.as_str())).collect();
        let on = "commands-after-kill on 0.17.0: step 4 operator-stop";
        let wanted = [
            (false, format!("{on} took 2.4 s, within 15.0 s")),
            (true, format!("{on} took 1 m 01 s, more than 15.0 s")),
            (
                true,
                format!(
                    "{on} took 3.0 s (median) to 20.0 s (most), more than 15.0 s in 1 of 3; 1 never came to its end"
                ),
            ),
            (true, format!("{on} never came to its end")),
        ];
        let wanted: Vec<(bool, &str)> = wanted.iter().map(|(over, text)| (*over, text.as_str())).collect();
        assert_eq!(told, wanted);
        assert_eq!(document.verdict, reproduced().verdict);
        assert!(crate::markdown::render(&document).contains("**commands-after-kill on 0.17.0"));
        assert!(crate::html::render(&document).is_ok_and(|page| page.contains("<h2 id=\"figures\">")));
    }
}
