//! The plan of a run: which cases it runs, in which order, and what is left out and why. Pure: no clock, no file, no
//! engine.
//!
//! [`plan`] makes a plan of scenarios, images and repeats; [`Plan::keep_only`] cuts out the shard of one machine:
//!
//! ```
//! use comeback_plan::{Case, CaseKey, Plan};
//!
//! let case = |index, repeat| Case { index, scenario: "docker-restart".into(), image: "release:0.17.0".into(), repeat };
//! let mut plan = Plan { cases: vec![case(0, 1), case(1, 2)], ..Plan::default() };
//! plan.keep_only("slice:2/2".parse().unwrap(), |case| CaseKey::of(case, 1).to_string());
//! assert_eq!(plan.cases[0].repeat, 2);
//! ```

mod key;
mod partition;

use std::fmt::Write as _;

use pep440_rs::{Version, VersionSpecifiers};

pub use key::CaseKey;
pub use partition::{By, Partition};

use comeback_scenario::model::Scenario;

/// One scenario on one image, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Position in the plan, from 0.
    pub index: usize,
    /// The scenario's id.
    pub scenario: String,
    /// Name of the image.
    pub image: String,
    /// Repeat, from 1.
    pub repeat: u32,
}

/// What planning needs to know of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanImage {
    /// Its name: the image expression as it was given.
    pub name: String,
    /// Its release; `None` if it is only known once the image has been obtained.
    pub release: Option<Version>,
}

/// A selected scenario that does not apply to an image, so it is not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The scenario's id.
    pub scenario: String,
    /// Name of the image.
    pub image: String,
    /// Why not.
    pub why: String,
}

/// What a run consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The cases, in order.
    pub cases: Vec<Case>,
    /// Selected pairs of scenario and image that do not apply.
    pub left_out: Vec<LeftOut>,
}

/// Plans the cases of these scenarios on these images, sorted by scenario, then image, then repeat (from 1), each in
/// the order given. The same arguments always give the same plan.
pub fn plan(scenarios: &[Scenario], images: &[PlanImage], repeats: u32) -> Plan {
    let mut plan = Plan::default();
    for scenario in scenarios {
        for image in images {
            if let Some(why) = does_not_apply(scenario.releases.as_ref(), image.release.as_ref()) {
                plan.left_out.push(LeftOut {
                    scenario: scenario.id.clone(),
                    image: image.name.clone(),
                    why,
                });
                continue;
            }
            for repeat in 1..=repeats.max(1) {
                plan.cases.push(Case {
                    index: plan.cases.len(),
                    scenario: scenario.id.clone(),
                    image: image.name.clone(),
                    repeat,
                });
            }
        }
    }
    plan
}

/// Why a scenario does not apply to a release; `None` if it does. A pre-release counts as its release. An unknown
/// release is never left out.
pub fn does_not_apply(range: Option<&VersionSpecifiers>, release: Option<&Version>) -> Option<String> {
    let (range, release) = (range?, release?);
    (!range.contains(&release.only_release())).then(|| format!("applies to {range} only"))
}

impl Plan {
    /// The plan as text for `--dry-run`: one line per scenario, with the images it runs on.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        let width = self.cases.iter().map(|c| c.scenario.len()).max().unwrap_or(0);
        // Repeats of a case follow each other in the plan.
        let mut pairs: Vec<(&Case, u32)> = Vec::new();
        for case in &self.cases {
            match pairs.last_mut() {
                Some((last, times)) if (&last.scenario, &last.image) == (&case.scenario, &case.image) => *times += 1,
                _ => pairs.push((case, 1)),
            }
        }
        let same = pairs.iter().all(|(_, times)| *times == pairs[0].1);
        let times = match pairs.first() {
            Some((_, times)) if same && *times > 1 => format!(", each {times} times"),
            _ => String::new(),
        };
        let _ = writeln!(text, "{}{times}; nothing is run", count(self.cases.len(), "case"));
        let mut last = None;
        for (case, times) in &pairs {
            let times = if same { String::new() } else { format!(" ×{times}") };
            if last == Some(&case.scenario) {
                let _ = write!(text, "  {}{times}", case.image);
            } else {
                let _ = write!(
                    text,
                    "{}  {:width$}  {}{times}",
                    if last.is_some() { "\n" } else { "" },
                    case.scenario,
                    case.image
                );
            }
            last = Some(&case.scenario);
        }
        if last.is_some() {
            text.push('\n');
        }
        for left in &self.left_out {
            let _ = writeln!(text, "  left out: {} on {}: {}", left.scenario, left.image, left.why);
        }
        text
    }
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;
    use comeback_scenario::fixtures::{docker_restart, operator_stop};

    fn image(release: &str) -> PlanImage {
        PlanImage {
            name: format!("release:{release}"),
            release: Some(release.parse().unwrap()),
        }
    }

    #[test]
    fn cases_are_sorted_by_scenario_image_and_repeat() {
        let plan = plan(
            &[docker_restart(), operator_stop()],
            &[image("0.16.0"), image("0.17.0")],
            2,
        );
        let keys: Vec<_> = plan
            .cases
            .iter()
            .map(|c| format!("{} {} {} {}", c.index, c.scenario, c.image, c.repeat))
            .collect();
        insta::assert_snapshot!(keys.join("\n"), @r"
        0 docker-restart release:0.16.0 1
        1 docker-restart release:0.16.0 2
        2 docker-restart release:0.17.0 1
        3 docker-restart release:0.17.0 2
        4 operator-stop release:0.16.0 1
        5 operator-stop release:0.16.0 2
        6 operator-stop release:0.17.0 1
        7 operator-stop release:0.17.0 2
        ");
    }

    #[rstest]
    #[case::no_range(None, Some("0.15.2"), true)]
    #[case::inside(Some(">=0.17"), Some("0.18.0"), true)]
    #[case::outside(Some(">=0.17"), Some("0.16.0"), false)]
    #[case::release_candidate_counts_as_its_release(Some(">=0.17"), Some("0.17.0rc1"), true)]
    #[case::release_candidate_at_the_upper_end(Some("<0.17"), Some("0.17.0rc1"), false)]
    #[case::unknown_release(Some(">=0.17"), None, true)]
    fn scenario_applies_to_releases_in_its_range(
        #[case] range: Option<&str>,
        #[case] release: Option<&str>,
        #[case] applies: bool,
    ) {
        let range = range.map(|r| r.parse().unwrap());
        let release = release.map(|r| r.parse().unwrap());
        assert_eq!(does_not_apply(range.as_ref(), release.as_ref()).is_none(), applies);
    }

    #[test]
    fn dry_run_lists_cases_and_what_is_left_out() {
        let newer = Scenario {
            releases: Some(">=0.17".parse().unwrap()),
            ..operator_stop()
        };
        let plan = plan(&[docker_restart(), newer], &[image("0.16.0"), image("0.17.0")], 3);
        insta::assert_snapshot!(plan.describe(), @r"
        9 cases, each 3 times; nothing is run
          docker-restart  release:0.16.0  release:0.17.0
          operator-stop   release:0.17.0
          left out: operator-stop on release:0.16.0: applies to >=0.17 only
        ");
        insta::assert_snapshot!(Plan::default().describe(), @"0 cases; nothing is run");
    }
}
