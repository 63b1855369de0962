//! The trend over runs, in words.

use super::human::words;
use comeback_record::document::RunDocument;
use comeback_record::trend::{Trend, TrendCase};

/// Sentences about the runs before and this one; none if the run has no trend. They name images and scenarios, so the caller
/// has to sanitize them.
pub fn sentences(document: &RunDocument) -> Vec<String> {
    let Some(trend) = &document.trend else {
        return Vec::new();
    };
    if trend.runs < 2 {
        return vec!["the first run of this command on these images in the history".to_owned()];
    }
    let mut sentences = vec![runs(trend)];
    if let Some(median) = trend.seconds.median {
        sentences.push(format!(
            "a run takes {} (median), this one took {}",
            words::seconds(median),
            words::seconds(document.seconds)
        ));
    }
    if !trend.worst.is_empty() {
        let worst: Vec<String> = trend.worst.iter().map(case).collect();
        sentences.push(worst.join("; "));
    }
    sentences
}

fn runs(trend: &Trend) -> String {
    format!(
        "of the latest {} runs, since {}, {} red and {} without a conclusion; {} of {} met a race on record",
        trend.runs,
        trend.since.strftime("%Y-%m-%d"),
        was(trend.red),
        was(trend.unclear),
        trend.races,
        words::count(trend.cases, "case"),
    )
}

fn was(n: usize) -> String {
    match n {
        0 => "none was".to_owned(),
        1 => "1 was".to_owned(),
        n => format!("{n} were"),
    }
}

fn case(case: &TrendCase) -> String {
    let parts = [
        (case.red, "red"),
        (case.unclear, "without a conclusion"),
        (case.races, "with a race"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} times {what}"))
        .collect();
    format!("{}: {}", case.case, parts.join(", ")).replace("1 times", "once")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{html, human, markdown};
    use comeback_record::document::samples;
    use comeback_record::trend::{Line, trend};
    use comeback_text::terminal::Style;

    #[test]
    fn people_read_it_in_every_report() {
        let mut document = samples::red_gate();
        let this = Line::of(&document);
        document.trend = Some(trend(&[this.clone(), this.clone()], &this));
        let said = sentences(&document);
        assert_eq!(
            said,
            [
                "of the latest 3 runs, since 2026-06-11, 3 were red and none was without a conclusion; 0 of 6 cases met a \
                 race on record",
                "a run takes 19.4 s (median), this one took 19.4 s",
                "docker-restart @ source:.: 3 times red",
            ]
        );
        let wide = Style {
            width: 400,
            ..Style::PLAIN
        };
        assert!(human::render(&document, wide).contains(&said[0]));
        assert!(markdown::render(&document).replace('\\', "").contains("3 were red"));
        assert!(html::render(&document).unwrap().contains("3 were red"));
    }

    #[test]
    fn the_first_run_says_so() {
        let mut document = samples::red_gate();
        assert!(sentences(&document).is_empty());
        document.trend = Some(trend(&[], &Line::of(&document)));
        assert_eq!(sentences(&document).len(), 1);
    }
}
