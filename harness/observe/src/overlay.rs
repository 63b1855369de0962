//! Whether the fault overlay of a case was in force: compares the reports of its processes with the processes that ran.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;

use comeback_gateway::state::{GATEWAY_STATE, RUNNING};
use comeback_history::facts::{Fact, Observation, OverlayEffect};
use comeback_history::now::{Now, Process, process_of, word};
use comeback_scenario::overlay::ProcessKind;

/// Why a fault overlay was not in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotInForce {
    /// The overlay reports that it could not break anything.
    Failed {
        /// The process that reported it.
        process: ProcessKind,
        /// The reason.
        why: String,
    },
    /// A process for which it is meant ran without it. Contains the process, as the subject of a sentence.
    RanWithout(String),
    /// No process for which it is meant ran.
    NothingRan(ProcessKind),
}

impl fmt::Display for NotInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { process, why } => write!(f, "it found nothing to break in the {process}: {why}"),
            Self::RanWithout(who) => write!(f, "{who} without it"),
            Self::NothingRan(process) => write!(f, "no {process} ran in which it could have been in force"),
        }
    }
}

/// Reads the file in which processes report whether the overlay took effect. Lines that our hook did not write are
/// ignored.
pub fn read(reports: &str) -> Vec<(Option<Timestamp>, Fact)> {
    #[derive(Deserialize)]
    struct Line {
        overlay: String,
        process: ProcessKind,
        pid: u32,
        start_time: u64,
        on: Option<String>,
        failed: Option<String>,
        at: i64,
    }
    let fact = |line: &str| {
        let line: Line = serde_json::from_str(line).ok()?;
        let effect = match (line.failed, line.on) {
            (Some(why), _) => OverlayEffect::Failed(why),
            (None, module) => OverlayEffect::On(module?),
        };
        let fact = Fact::Overlay {
            overlay: line.overlay,
            process: line.process,
            pid: line.pid,
            start_time: line.start_time,
            effect,
        };
        Some((Timestamp::from_nanosecond(i128::from(line.at)).ok(), fact))
    };
    reports.lines().filter_map(fact).collect()
}

/// Why an overlay that is meant for one kind of process was not in force in all of them: in each gateway that wrote
/// `running`, in the reconciler of each boot that wrote a line, or in at least one command of the operator. `None` if
/// it was in force.
pub fn not_in_force(overlay: &str, kind: ProcessKind, now: &Now, history: &[Observation]) -> Option<NotInForce> {
    let mut proven: Vec<Process> = Vec::new();
    for observation in history {
        let Fact::Overlay {
            overlay: name,
            process,
            pid,
            start_time,
            effect,
        } = &observation.fact
        else {
            continue;
        };
        match effect {
            _ if name != overlay => {}
            OverlayEffect::Failed(why) => {
                return Some(NotInForce::Failed {
                    process: *process,
                    why: why.clone(),
                });
            }
            OverlayEffect::On(_) if *process == kind => proven.push(Process {
                pid: *pid,
                start_time: *start_time,
            }),
            OverlayEffect::On(_) => {}
        }
    }
    let without = match kind {
        ProcessKind::Gateway => {
            let mut live = came_to_run(now, history).into_iter();
            live.find(|process| !proven.contains(process))
                .map(|process| format!("a gateway (pid {}) ran", process.pid))
        }
        ProcessKind::Reconciler => {
            let boots = 1..=now.incarnations.len();
            let boots = boots.filter(|boot| !now.lines_of_boot(*boot).is_empty()).count();
            // One process a boot.
            (proven.len() < boots)
                .then(|| format!("the boot reconciler ran at {} of {boots} boots", boots - proven.len()))
        }
        ProcessKind::Command => None,
    };
    match without {
        Some(who) => Some(NotInForce::RanWithout(who)),
        None if proven.is_empty() => Some(NotInForce::NothingRan(kind)),
        None => None,
    }
}

/// Gateway processes of this container that wrote `running` themselves.
fn came_to_run(now: &Now, history: &[Observation]) -> Vec<Process> {
    let lives: Vec<Process> = now
        .profiles
        .values()
        .flat_map(|p| &p.lives)
        .map(|l| l.process)
        .collect();
    let mut found = Vec::new();
    for observation in history {
        if let Fact::State { content, .. } = &observation.fact
            && word(content, GATEWAY_STATE) == Some(RUNNING)
            && let Some(process) = process_of(content)
            && lives.contains(&process)
            && !found.contains(&process)
        {
            found.push(process);
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clocks;
    use crate::recorder::Recorder;
    use comeback_history::facts::{ContainerChange, FileContent, ServiceStatus, Source};
    use comeback_text::redact::Secrets;

    const NAME: &str = "sigterm-ignored";

    struct Facts(Recorder);

    impl Facts {
        fn none() -> Self {
            Self(Recorder::new(None, Secrets::default(), Clocks::start()))
        }

        fn push(&self, fact: Fact) {
            self.0.push(Source::Engine, Some(Timestamp::UNIX_EPOCH), fact);
        }

        /// A boot whose reconciler writes a line.
        fn boot(&self, number: i64) {
            let started_at = Timestamp::from_second(number).ok();
            for (change, started_at, ms) in [
                (ContainerChange::Died, None, number * 1000 - 500),
                (ContainerChange::Started, started_at, number * 1000),
            ] {
                let at = Timestamp::from_millisecond(ms).ok();
                let fact = Fact::Container {
                    change,
                    started_at,
                    exit: None,
                };
                self.0.push(Source::Engine, at, fact);
            }
            let at = Timestamp::from_millisecond(number * 1000 + 1).ok();
            let line = Fact::BootLine {
                profile: "default".into(),
                prior_state: None,
                action: "registered".into(),
                line: String::new(),
            };
            self.0.push(Source::Observer, at, line);
        }

        /// A supervised gateway that writes `state`.
        fn gateway(&self, pid: u32, state: &str) {
            let status = ServiceStatus {
                slot: true,
                up: true,
                want_up: true,
                pid: Some(pid),
                start_time: Some(100),
                ..ServiceStatus::default()
            };
            let profile = "default".to_owned();
            self.push(Fact::Service {
                profile: profile.clone(),
                status,
            });
            let state = json!({"pid": pid, "start_time": 100, "gateway_state": state});
            let value = state.as_object().unwrap().clone();
            self.push(Fact::State {
                profile,
                content: FileContent::Json { value },
            });
        }

        fn reports(&self, process: &str, pid: u32, effect: &str) {
            let line = json!({"overlay": NAME, "process": process, "pid": pid, "start_time": 100, "at": 5,
                effect: "some.module"});
            for (_, fact) in read(&format!("{line}\n")) {
                self.push(fact);
            }
        }

        fn found(&self, kind: ProcessKind) -> Option<NotInForce> {
            self.0.read(|now, history| not_in_force(NAME, kind, now, history))
        }
    }

    #[test]
    fn lines_that_the_hook_did_not_write_are_ignored() {
        let good = r#"{"overlay":"x","process":"command","pid":7,"start_time":9,"on":"m","at":1000000000}"#;
        let bad = [
            "",
            "{",
            "[]",
            r#"{"overlay":"x"}"#,
            r#"{"overlay":"x","process":"command","pid":7,"start_time":9,"at":1}"#,
        ];
        let read = read(&format!("{}\n{good}\nhalf a li", bad.join("\n")));
        let [(at, fact)] = read.as_slice() else {
            panic!("{read:?}")
        };
        assert_eq!(*at, Timestamp::from_second(1).ok());
        let on = OverlayEffect::On("m".into());
        assert!(matches!(fact, Fact::Overlay { pid: 7, start_time: 9, effect, .. } if *effect == on));
    }

    #[test]
    fn each_gateway_that_ran_must_report_the_overlay() {
        let facts = Facts::none();
        facts.boot(1);
        let nothing = Some(NotInForce::NothingRan(ProcessKind::Gateway));
        assert_eq!(facts.found(ProcessKind::Gateway), nothing);
        // Reports of other processes prove nothing about the gateway.
        facts.reports("command", 9, "on");
        facts.reports("reconciler", 10, "on");
        assert_eq!(facts.found(ProcessKind::Gateway), nothing);
        facts.gateway(20, "running");
        assert!(
            matches!(facts.found(ProcessKind::Gateway), Some(NotInForce::RanWithout(who)) if who.contains("pid 20"))
        );
        facts.reports("gateway", 20, "on");
        assert_eq!(facts.found(ProcessKind::Gateway), None);
        // A gateway that was killed before it ran need not report.
        facts.gateway(21, "starting");
        assert_eq!(facts.found(ProcessKind::Gateway), None);
        facts.gateway(21, "running");
        assert!(
            facts
                .found(ProcessKind::Gateway)
                .unwrap()
                .to_string()
                .contains("pid 21")
        );
    }

    #[test]
    fn the_reconciler_must_report_the_overlay_at_each_boot() {
        let facts = Facts::none();
        facts.boot(1);
        facts.reports("gateway", 20, "on");
        assert!(matches!(
            facts.found(ProcessKind::Reconciler),
            Some(NotInForce::RanWithout(_))
        ));
        facts.reports("reconciler", 5, "on");
        assert_eq!(facts.found(ProcessKind::Reconciler), None);
        facts.boot(2);
        let found = facts.found(ProcessKind::Reconciler).unwrap().to_string();
        assert!(found.contains("1 of 2 boots"), "{found}");
    }

    #[test]
    fn a_command_must_report_the_overlay() {
        let facts = Facts::none();
        facts.reports("gateway", 20, "on");
        let nothing = Some(NotInForce::NothingRan(ProcessKind::Command));
        assert_eq!(facts.found(ProcessKind::Command), nothing);
        facts.reports("command", 21, "on");
        assert_eq!(facts.found(ProcessKind::Command), None);
    }

    #[test]
    fn an_overlay_that_failed_in_any_process_was_not_in_force() {
        let facts = Facts::none();
        facts.reports("command", 21, "on");
        facts.reports("gateway", 20, "failed");
        let failed = NotInForce::Failed {
            process: ProcessKind::Gateway,
            why: "some.module".into(),
        };
        assert_eq!(facts.found(ProcessKind::Command), Some(failed));
    }
}
