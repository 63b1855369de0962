//! The display on a terminal: a line for each image that is being built and each running case, and a bar over all cases.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use comeback_plan::CaseKey;
use comeback_record::event::RunEvent;
use comeback_report::human::mark;
use comeback_text::terminal::{Style, sanitize};
use comeback_verdict::Verdict;

/// The interval at which spinners move.
const TICK: Duration = Duration::from_millis(120);

/// Bars and spinners on stderr.
pub struct Display {
    style: Style,
    multi: MultiProgress,
    images: BTreeMap<String, ProgressBar>,
    cases: BTreeMap<CaseKey, ProgressBar>,
    all: Option<ProgressBar>,
    tally: BTreeMap<Verdict, usize>,
}

impl Display {
    /// An empty display on stderr.
    pub fn new(style: Style) -> Self {
        Self::on_target(style, ProgressDrawTarget::stderr_with_hz(12))
    }

    fn on_target(style: Style, target: ProgressDrawTarget) -> Self {
        Self {
            style,
            multi: MultiProgress::with_draw_target(target),
            images: BTreeMap::new(),
            cases: BTreeMap::new(),
            all: None,
            tally: BTreeMap::new(),
        }
    }

    /// Redraws what an event changes.
    pub fn on(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted { cases, .. } => {
                let bar = self
                    .multi
                    .add(ProgressBar::new(u64::try_from(*cases).unwrap_or(u64::MAX)));
                bar.set_style(self.bar_style());
                bar.enable_steady_tick(TICK);
                self.all = Some(bar);
            }
            RunEvent::ImageDecided { image, how } => {
                self.image(image).set_message(format!("{image}  {}", sanitize(how)))
            }
            RunEvent::ImageStep { image, line } => {
                self.image(image).set_message(format!("{image}  {}", sanitize(line)))
            }
            RunEvent::ImageBytes { image, done, total } => {
                let of = total
                    .map(|total| format!(" of {}", HumanBytes(total)))
                    .unwrap_or_default();
                self.image(image)
                    .set_message(format!("{image}  {}{of}", HumanBytes(*done)));
            }
            RunEvent::ImageReady { image, .. } | RunEvent::ImageFailed { image, .. } => {
                if let Some(bar) = self.images.remove(image) {
                    bar.finish_and_clear();
                }
            }
            RunEvent::CaseStarted { case } => {
                let bar = self.spinner();
                bar.set_message(sanitize(&case.to_string()));
                self.cases.insert(case.clone(), bar);
            }
            RunEvent::CasePhase { case, waiting } => {
                if let Some(bar) = self.cases.get(case) {
                    bar.set_message(sanitize(&format!("{case}  {waiting}")));
                }
            }
            RunEvent::CaseJudged {
                case,
                verdict,
                again,
                faulty,
                ..
            } => {
                if let Some(bar) = self.cases.remove(case) {
                    bar.finish_and_clear();
                }
                if !again {
                    // A case under a fault overlay is meant not to hold.
                    let caught = *faulty && verdict.is_red();
                    let counted = if caught { Verdict::Held } else { *verdict };
                    *self.tally.entry(counted).or_default() += 1;
                    if let Some(all) = &self.all {
                        all.inc(1);
                        all.set_message(tally(&self.tally));
                    }
                }
            }
            RunEvent::CaseObserved { .. }
            | RunEvent::ImageMeasured { .. }
            | RunEvent::Note { .. }
            | RunEvent::Warning { .. }
            | RunEvent::Document { .. } => {}
        }
    }

    /// Prints lines above the display.
    pub fn print(&self, text: &str) {
        // A closed stderr is ignored.
        let _ = self.multi.println(text);
    }

    /// Hides the display while something else is printed.
    pub fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.multi.suspend(print)
    }

    /// Removes the display.
    pub fn clear(&mut self) {
        for bar in self.images.values().chain(self.cases.values()).chain(self.all.as_ref()) {
            bar.finish_and_clear();
        }
        let _ = self.multi.clear();
    }

    /// The line of an image, created at its first event.
    fn image(&mut self, image: &str) -> &ProgressBar {
        if !self.images.contains_key(image) {
            let bar = self.spinner();
            self.images.insert(image.to_owned(), bar);
        }
        &self.images[image]
    }

    /// A new line above the bar over all cases.
    fn spinner(&self) -> ProgressBar {
        let spinner = ProgressBar::new_spinner();
        let bar = match &self.all {
            Some(all) => self.multi.insert_before(all, spinner),
            None => self.multi.add(spinner),
        };
        bar.set_style(self.spinner_style());
        bar.enable_steady_tick(TICK);
        bar
    }

    fn spinner_style(&self) -> ProgressStyle {
        let template = if self.style.color {
            "{spinner:.cyan} {wide_msg} {elapsed:.dim}"
        } else {
            "{spinner} {wide_msg} {elapsed}"
        };
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
    }

    fn bar_style(&self) -> ProgressStyle {
        let template = if self.style.color {
            "  {bar:24.green/dim} {pos}/{len} cases  {elapsed:.dim}  {wide_msg}"
        } else {
            "  {bar:24} {pos}/{len} cases  {elapsed}  {wide_msg}"
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        style.progress_chars("━╸─")
    }
}

/// `✓ 4 held  ✗ 1 regression`, worst last.
fn tally(tally: &BTreeMap<Verdict, usize>) -> String {
    let each = tally
        .iter()
        .map(|(verdict, n)| format!("{} {n} {verdict}", mark(*verdict)));
    each.collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

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

    /// What is on the screen after these events and a line printed above.
    fn screen(events: &[RunEvent], line: &str) -> String {
        let term = InMemoryTerm::new(12, 90);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255);
        let mut display = Display::on_target(
            Style {
                color: false,
                width: 90,
            },
            target,
        );
        for event in events {
            display.on(event);
        }
        display.print(line);
        for bar in display
            .cases
            .values()
            .chain(display.images.values())
            .chain(display.all.as_ref())
        {
            bar.disable_steady_tick();
            bar.tick();
        }
        let drawn = term.contents();
        display.clear();
        // The spinner's own sign depends on when it is looked at.
        let lines = drawn
            .lines()
            .map(|line| line.trim_start_matches(|c: char| !c.is_ascii()));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Compares a screen with how long things took blotted out.
    macro_rules! assert_screen {
        ($screen:expr) => {
            insta::with_settings!({ filters => vec![(r"\b\d+s\b", "…")] }, { insta::assert_snapshot!($screen) })
        };
    }

    #[test]
    fn cases_at_work() {
        let judged = RunEvent::CaseJudged {
            case: key("operator-stop"),
            verdict: Verdict::Held,
            classification: Classification::Fixed,
            seconds: 1.0,
            reason: None,
            again: false,
            faulty: false,
        };
        let events = [
            RunEvent::RunStarted {
                run: "r".into(),
                cases: 2,
                images: vec!["release:0.16.0".into()],
            },
            RunEvent::CaseStarted {
                case: key("operator-stop"),
            },
            RunEvent::CaseStarted {
                case: key("docker-restart"),
            },
            RunEvent::CasePhase {
                case: key("docker-restart"),
                waiting: "step 1 engine-restart: a new \u{7}boot line".into(),
            },
            judged,
        ];
        assert_screen!(screen(&events, "✓ operator-stop @ release:0.16.0  held"));
    }

    #[test]
    fn images_at_work() {
        let image = || "release:0.16.0".to_owned();
        let events = [
            RunEvent::ImageDecided {
                image: "release:0.17.0".into(),
                how: "building".into(),
            },
            RunEvent::ImageBytes {
                image: image(),
                done: 13 << 20,
                total: Some(38 << 20),
            },
        ];
        assert_screen!(screen(&events, "release:0.16.0: fetching"));
    }
}
