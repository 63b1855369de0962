//! Whether the fault overlay of a case was in force: what its processes said, against what is known to have run.

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
    /// It says itself that it could not do its work.
    Failed {
        /// In which process.
        process: ProcessKind,
        /// Why.
        why: String,
    },
    /// A process for which it is meant ran without it.
    RanWithout(String),
    /// No process for which it is meant ran at all.
    NothingRan(ProcessKind),
}

impl fmt::Display for NotInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { process, why } => write!(f, "it found nothing to break in the {process}: {why}"),
            Self::RanWithout(who) => write!(f, "{who} without it, as if nothing had been asked for"),
            Self::NothingRan(process) => write!(f, "no {process} ran in which it could have been in force"),
        }
    }
}

/// Reads the file in which processes say what became of the overlay: those lines that were written by our hook.
pub fn read(said: &str) -> Vec<(Option<Timestamp>, Fact)> {
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
    said.lines().filter_map(fact).collect()
}

/// Whether the overlay of that name, which matters in that kind of process, was in force wherever it matters: in each
/// gateway that came as far as `running`, at each boot of which the reconciler wrote a line, in a command of the operator.
/// `None` if it was.
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

    struct Told(Recorder);

    impl Told {
        fn nothing() -> Self {
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

        /// A gateway that is supervised and writes that.
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

        fn says(&self, process: &str, pid: u32, effect: &str) {
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
    fn only_what_the_hook_wrote_is_read() {
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
    fn each_gateway_that_ran_has_to_say_so() {
        let told = Told::nothing();
        told.boot(1);
        let nothing = Some(NotInForce::NothingRan(ProcessKind::Gateway));
        assert_eq!(told.found(ProcessKind::Gateway), nothing);
        // Other processes that load the module prove nothing of the gateway.
        told.says("command", 9, "on");
        told.says("reconciler", 10, "on");
        assert_eq!(told.found(ProcessKind::Gateway), nothing);
        told.gateway(20, "running");
        assert!(
            matches!(told.found(ProcessKind::Gateway), Some(NotInForce::RanWithout(who)) if who.contains("pid 20"))
        );
        told.says("gateway", 20, "on");
        assert_eq!(told.found(ProcessKind::Gateway), None);
        // One that was killed before it got that far need not.
        told.gateway(21, "starting");
        assert_eq!(told.found(ProcessKind::Gateway), None);
        told.gateway(21, "running");
        assert!(told.found(ProcessKind::Gateway).unwrap().to_string().contains("pid 21"));
    }

    #[test]
    fn the_reconciler_has_to_say_so_at_each_boot() {
        let told = Told::nothing();
        told.boot(1);
        told.says("gateway", 20, "on");
        assert!(matches!(
            told.found(ProcessKind::Reconciler),
            Some(NotInForce::RanWithout(_))
        ));
        told.says("reconciler", 5, "on");
        assert_eq!(told.found(ProcessKind::Reconciler), None);
        told.boot(2);
        let found = told.found(ProcessKind::Reconciler).unwrap().to_string();
        assert!(found.contains("1 of 2 boots"), "{found}");
    }

    #[test]
    fn a_command_has_to_say_so() {
        let told = Told::nothing();
        told.says("gateway", 20, "on");
        let nothing = Some(NotInForce::NothingRan(ProcessKind::Command));
        assert_eq!(told.found(ProcessKind::Command), nothing);
        told.says("command", 21, "on");
        assert_eq!(told.found(ProcessKind::Command), None);
    }

    #[test]
    fn one_that_failed_anywhere_was_not_in_force() {
        let told = Told::nothing();
        told.says("command", 21, "on");
        told.says("gateway", 20, "failed");
        let failed = NotInForce::Failed {
            process: ProcessKind::Gateway,
            why: "some.module".into(),
        };
        assert_eq!(told.found(ProcessKind::Command), Some(failed));
    }
}
