//! The state of a run, folded from its events and printed on request (SIGUSR1, or a signal that ends the run).

use std::collections::BTreeMap;
use std::time::Instant;

use comeback_plan::CaseKey;
use comeback_record::event::RunEvent;
use comeback_report::human::{mark, seconds};
use comeback_text::terminal::sanitize;
use comeback_verdict::Verdict;

/// What is done, what is running and what is left.
#[derive(Debug)]
pub struct RunStatus {
    since: Instant,
    run: Option<(String, usize)>,
    images: BTreeMap<String, String>,
    cases: BTreeMap<CaseKey, (Instant, String)>,
    tally: BTreeMap<Verdict, usize>,
}

impl RunStatus {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self {
            since: Instant::now(),
            run: None,
            images: BTreeMap::new(),
            cases: BTreeMap::new(),
            tally: BTreeMap::new(),
        }
    }

    /// Takes an event in.
    pub fn on(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted { run, cases, .. } => self.run = Some((run.clone(), *cases)),
            RunEvent::ImageDecided { image, how } => self.image(image, how.clone()),
            RunEvent::ImageStep { image, line } => self.image(image, line.clone()),
            RunEvent::ImageBytes { image, done, total } => {
                let mb = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
                let of = total.map(|total| format!(" of {}", mb(total))).unwrap_or_default();
                self.image(image, format!("{}{of}", mb(*done)));
            }
            RunEvent::ImageReady { image, .. } | RunEvent::ImageFailed { image, .. } => {
                self.images.remove(image);
            }
            RunEvent::CaseStarted { case } => {
                self.cases.insert(case.clone(), (Instant::now(), "begins".to_owned()));
            }
            RunEvent::CasePhase { case, waiting } => {
                if let Some((_, phase)) = self.cases.get_mut(case) {
                    phase.clone_from(waiting);
                }
            }
            RunEvent::CaseJudged {
                case,
                verdict,
                again,
                faulty,
                ..
            } => {
                self.cases.remove(case);
                if !again {
                    // A case under a fault overlay is meant not to hold.
                    let counted = if *faulty && verdict.is_red() {
                        Verdict::Held
                    } else {
                        *verdict
                    };
                    *self.tally.entry(counted).or_default() += 1;
                }
            }
            RunEvent::CaseObserved { .. }
            | RunEvent::ImageMeasured { .. }
            | RunEvent::Note { .. }
            | RunEvent::Warning { .. }
            | RunEvent::Document { .. } => {}
        }
    }

    fn image(&mut self, image: &str, at: String) {
        self.images.insert(image.to_owned(), at);
    }

    /// A line for the run, and one for each image and case at work.
    pub fn tell(&self) -> String {
        self.tell_at(Instant::now())
    }

    fn tell_at(&self, now: Instant) -> String {
        let took = seconds(now.duration_since(self.since).as_secs_f64());
        let mut lines = vec![match &self.run {
            None if self.images.is_empty() => format!("no case has begun after {took}"),
            None => format!("obtaining images, {took} so far"),
            Some((run, cases)) => {
                let done: usize = self.tally.values().sum();
                let left = cases.saturating_sub(done + self.cases.len());
                let each = self
                    .tally
                    .iter()
                    .map(|(verdict, n)| format!("{} {n} {verdict}", mark(*verdict)));
                let each = each.collect::<Vec<_>>().join(", ");
                let each = if each.is_empty() {
                    String::new()
                } else {
                    format!(" ({each})")
                };
                format!(
                    "run {}: {done} of {cases} cases done{each}, {} running, {left} left, {took} so far",
                    sanitize(run),
                    self.cases.len()
                )
            }
        }];
        for (image, at) in &self.images {
            lines.push(format!("  {}: {}", sanitize(image), sanitize(at)));
        }
        for (case, (since, waiting)) in &self.cases {
            let took = seconds(now.duration_since(*since).as_secs_f64());
            lines.push(format!(
                "  {}, {took}: {}",
                sanitize(&case.to_string()),
                sanitize(waiting)
            ));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use comeback_verdict::Classification;

    fn key(scenario: &str) -> CaseKey {
        CaseKey {
            scenario: scenario.into(),
            image: "release:0.16.0".into(),
            repeat: 1,
            attempt: 1,
        }
    }

    fn status_after(events: &[RunEvent]) -> String {
        let mut status = RunStatus::new();
        for event in events {
            status.on(event);
        }
        status.tell_at(status.since)
    }

    #[test]
    fn before_there_is_a_run() {
        assert_eq!(status_after(&[]), "no case has begun after 0.0 s");
        let events = [
            RunEvent::ImageBytes {
                image: "release:0.16.0".into(),
                done: 13_000_000,
                total: Some(38_000_000),
            },
            RunEvent::ImageStep {
                image: "release:0.17.0".into(),
                line: "Step 3/3\u{7}".into(),
            },
        ];
        insta::assert_snapshot!(status_after(&events));
    }

    #[test]
    fn in_the_middle_of_it() {
        let mut status = RunStatus::new();
        status.on(&RunEvent::RunStarted {
            run: "r1".into(),
            cases: 5,
            images: vec!["release:0.16.0".into()],
        });
        for scenario in ["oom-gateway", "docker-restart", "operator-stop"] {
            status.on(&RunEvent::CaseStarted { case: key(scenario) });
        }
        status.on(&RunEvent::CasePhase {
            case: key("docker-restart"),
            waiting: "step 1 engine-restart: a new boot line".into(),
        });
        for (scenario, verdict, again) in [
            ("operator-stop", Verdict::KnownBad, false),
            ("oom-gateway", Verdict::Inconclusive, true),
        ] {
            status.on(&RunEvent::CaseJudged {
                case: key(scenario),
                verdict,
                classification: Classification::Regressed,
                seconds: 1.0,
                reason: None,
                again,
                faulty: false,
            });
        }
        // Blotted out: how long the machine took to get here.
        for (since, _) in status.cases.values_mut() {
            *since = status.since;
        }
        insta::assert_snapshot!(status.tell_at(status.since));
    }
}
