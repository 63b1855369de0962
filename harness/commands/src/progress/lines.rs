//! The progress line of an event.

use super::Loudness;
use comeback_record::event::RunEvent;
use comeback_report::human::{mark, paint, seconds};
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_verdict::Verdict;

/// The line of an event; `None` if it has none at this loudness.
pub fn line(event: &RunEvent, loudness: Loudness, style: Style) -> Option<String> {
    let verbose = loudness == Loudness::Verbose;
    let dim = |text: String| style.paint(Paint::Dim, &text);
    let line = match event {
        RunEvent::RunStarted { run, cases, images } => dim(format!(
            "run {}: {cases} case{} on {}",
            sanitize(run),
            if *cases == 1 { "" } else { "s" },
            sanitize(&images.join(", "))
        )),
        RunEvent::ImageDecided { image, how } => format!("{}: {}", sanitize(image), sanitize(how)),
        RunEvent::ImageStep { image, line } if verbose => dim(format!("  {}: {}", sanitize(image), sanitize(line))),
        RunEvent::ImageReady {
            image,
            made: true,
            seconds: took,
            ..
        } => {
            format!("{}: ready after {}", sanitize(image), seconds(*took))
        }
        RunEvent::ImageReady { image, reference, .. } => {
            format!("{}: already there ({})", sanitize(image), sanitize(reference))
        }
        // The error that ends the command says why.
        RunEvent::ImageFailed { .. } => return None,
        RunEvent::CaseStarted { case } if verbose => dim(format!("  {}: begins", sanitize(&case.to_string()))),
        RunEvent::CasePhase { case, waiting } if verbose => {
            dim(format!("  {}: {}", sanitize(&case.to_string()), sanitize(waiting)))
        }
        RunEvent::CaseObserved { case, what } if verbose => {
            dim(format!("  {}: {}", sanitize(&case.to_string()), sanitize(what)))
        }
        RunEvent::ImageMeasured { case, pace } if verbose => {
            let what = format!("measured on this image: {}", pace.measured);
            dim(format!("  {}: {}", sanitize(&case.to_string()), sanitize(&what)))
        }
        RunEvent::CaseJudged {
            case,
            verdict,
            classification,
            seconds: took,
            reason,
            again,
            faulty,
        } => {
            let name = sanitize(&case.to_string());
            let why = match (verdict, reason) {
                (Verdict::Held | Verdict::KnownBad | Verdict::NewlyFixed | Verdict::Racy, _) | (_, None) => {
                    String::new()
                }
                (_, Some(reason)) => format!(": {}", sanitize(reason)),
            };
            let next = if *again { "; one more attempt" } else { "" };
            let found = if *faulty || classification.name() == verdict.name() {
                ""
            } else {
                &format!(" ({classification})")
            };
            let (verdict, sign) = match (faulty, verdict.is_red(), verdict.is_conclusive()) {
                (true, true, _) => ("does not hold under the fault", style.paint(Paint::Good, "✓")),
                (true, false, true) => ("holds under the fault", style.paint(Paint::Dim, "-")),
                _ => (verdict.name(), style.paint(paint(*verdict), mark(*verdict))),
            };
            format!("{sign} {name}  {verdict}{found}  {}{why}{next}", seconds(*took))
        }
        RunEvent::Note { text } => sanitize(text),
        RunEvent::Warning { text } => format!("{} {}", style.paint(Paint::Doubt, "warning:"), sanitize(text)),
        RunEvent::ImageStep { .. }
        | RunEvent::ImageBytes { .. }
        | RunEvent::Document { .. }
        | RunEvent::CaseStarted { .. }
        | RunEvent::CasePhase { .. }
        | RunEvent::ImageMeasured { .. }
        | RunEvent::CaseObserved { .. } => return None,
    };
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use comeback_plan::CaseKey;
    use comeback_verdict::Classification;

    fn events() -> Vec<RunEvent> {
        let case = |attempt| CaseKey {
            scenario: "docker-restart".into(),
            image: "release:0.16.0".into(),
            repeat: 1,
            attempt,
        };
        let image = || "release:0.16.0".to_owned();
        let judged = |attempt, verdict, classification, reason: Option<&str>| RunEvent::CaseJudged {
            case: case(attempt),
            verdict,
            classification,
            seconds: 8.25,
            reason: reason.map(Into::into),
            again: verdict == Verdict::Inconclusive,
            faulty: false,
        };
        let broken = |verdict, classification| RunEvent::CaseJudged {
            case: CaseKey {
                scenario: "docker-restart+marker-write-fails".into(),
                ..case(1)
            },
            verdict,
            classification,
            seconds: 8.25,
            reason: None,
            again: false,
            faulty: true,
        };
        let regressed = Some("down:1 state.gateway_state is stopped; fixed is running");
        vec![
            RunEvent::RunStarted {
                run: "r1".into(),
                cases: 10,
                images: vec![image(), "release:0.17.0".into()],
            },
            RunEvent::ImageDecided {
                image: image(),
                how: "no base to pull, so it is bootstrapped".into(),
            },
            RunEvent::ImageStep {
                image: image(),
                line: "\u{1b}[32mStep 3/3 : RUN uv pip install".into(),
            },
            RunEvent::ImageBytes {
                image: image(),
                done: 10,
                total: None,
            },
            RunEvent::ImageReady {
                image: image(),
                reference: "comeback/gateway:a".into(),
                made: true,
                seconds: 31.0,
            },
            RunEvent::ImageReady {
                image: image(),
                reference: "comeback/gateway:a".into(),
                made: false,
                seconds: 0.1,
            },
            RunEvent::ImageFailed {
                image: image(),
                why: "no such release".into(),
            },
            RunEvent::CaseStarted { case: case(1) },
            RunEvent::CasePhase {
                case: case(1),
                waiting: "step 1 engine-restart: a new boot line".into(),
            },
            RunEvent::CaseObserved {
                case: case(1),
                what: "state stopped (pid 71)".into(),
            },
            judged(
                1,
                Verdict::Inconclusive,
                Classification::Inconclusive,
                Some("the engine answered 500"),
            ),
            judged(2, Verdict::Held, Classification::Regressed, regressed),
            judged(2, Verdict::Regression, Classification::Regressed, regressed),
            broken(Verdict::Regression, Classification::Neither),
            broken(Verdict::Held, Classification::Fixed),
            RunEvent::Note {
                text: "cleaning up".into(),
            },
            RunEvent::Warning {
                text: "the cache is not writable\r\n".into(),
            },
        ]
    }

    fn all_lines(loudness: Loudness) -> String {
        events()
            .iter()
            .filter_map(|event| line(event, loudness, Style::PLAIN))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn lines_at_normal_loudness() {
        insta::assert_snapshot!("normal", all_lines(Loudness::Normal));
    }

    #[test]
    fn lines_at_verbose_loudness() {
        insta::assert_snapshot!("verbose", all_lines(Loudness::Verbose));
    }
}
