//! The containers of a case: what is told of each is folded apart, and the volume is everybody's.

use super::{Now, Process, ProfileNow};
use crate::facts::{Fact, Observation, Source};

impl Now {
    /// What is known of a container: of the one under test, or of another one by its name; `None` before that was started.
    pub fn of(&self, container: Option<&str>) -> Option<&Self> {
        match container {
            None => Some(self),
            Some(name) => self.sidecars.get(name),
        }
    }

    /// Takes one more observation in.
    pub fn apply(&mut self, o: &Observation) {
        let mut sidecars = std::mem::take(&mut self.sidecars);
        let is_line = matches!(o.fact, Fact::BootLine { .. });
        if let Some(name) = &o.container {
            let sidecar = sidecars.entry(name.clone()).or_insert_with(|| self.volume());
            sidecar.take(o, &|_| false);
        } else if let Some(writer) = sidecars
            .values_mut()
            .find(|sidecar| is_line && !self.boots() && sidecar.boots())
        {
            // Who boots writes the lines.
            writer.take(o, &|_| false);
        } else {
            if o.source == Source::Observer && !is_line {
                for sidecar in sidecars.values_mut() {
                    sidecar.take(o, &|process| self.has_supervised(process));
                }
            }
            let elsewhere = |process| sidecars.values().any(|sidecar| sidecar.has_supervised(process));
            self.take(o, &elsewhere);
        }
        self.sidecars = sidecars;
    }

    /// The files on the volume, and nothing else: what a container that is started now finds.
    fn volume(&self) -> Self {
        let files = |p: &ProfileNow| ProfileNow {
            state: p.state.clone(),
            marker: p.marker.clone(),
            ..ProfileNow::default()
        };
        Self {
            profiles: self.profiles.iter().map(|(name, p)| (name.clone(), files(p))).collect(),
            ..Self::default()
        }
    }

    /// True from the start of the container until its boot has come to its rest.
    fn boots(&self) -> bool {
        self.incarnations.last().is_some_and(|i| i.died.is_none() && !i.rested)
    }

    /// True if the supervisor of this container has named that process.
    fn has_supervised(&self, process: Process) -> bool {
        self.profiles.values().any(|p| p.has_supervised(process))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::facts::{ContainerChange, FileContent, MomentName};
    use crate::fixtures::{History, serves};
    use crate::now::tests::{at, container, line};
    use comeback_scenario::model::Moment;

    fn of_side(history: &History, source: Source, ms: i64, fact: Fact) {
        history.push_of(Some("side"), source, Some(at(ms)), fact);
    }

    fn writes(pid: u32) -> Fact {
        let value = json!({"gateway_state": "running", "pid": pid, "start_time": pid});
        let value = value.as_object().cloned().unwrap();
        let (profile, content) = ("default".to_owned(), FileContent::Json { value });
        Fact::State { profile, content }
    }

    /// The container under test has come to its rest, and another one starts a gateway beside it.
    fn beside() -> History {
        let history = History::default();
        container(&history, ContainerChange::Started, 0);
        line(&history, 10);
        history.mark(Moment::Boot(1));
        history.push(Source::Agent, Some(at(20)), serves("default", 40));
        history.push(Source::Observer, Some(at(30)), writes(40));
        let started = Fact::Container {
            change: ContainerChange::Started,
            started_at: Some(at(100)),
            exit: None,
        };
        of_side(&history, Source::Engine, 100, started);
        history
    }

    #[test]
    fn a_line_of_the_reconciler_is_of_the_container_that_boots() {
        let history = beside();
        line(&history, 110);
        let now = Now::at_end(&history.observations());
        assert_eq!((now.boot_lines.len(), now.sidecars["side"].boot_lines.len()), (1, 1));
        let mark = MomentName::from(Moment::Boot(1));
        of_side(&history, Source::Harness, 120, Fact::Mark { moment: mark });
        line(&history, 130);
        let now = Now::at_end(&history.observations());
        assert_eq!((now.boot_lines.len(), now.sidecars["side"].boot_lines.len()), (2, 1));
    }

    #[test]
    fn the_gateway_of_another_container_is_no_life_of_this_one() {
        let history = beside();
        of_side(&history, Source::Agent, 120, serves("default", 41));
        history.push(Source::Observer, Some(at(130)), writes(41));
        let now = Now::at_end(&history.observations());
        let lives = |now: &Now| {
            let lives = now.profile("default").lives;
            lives
                .iter()
                .map(|life| (life.process.pid, life.ran))
                .collect::<Vec<_>>()
        };
        assert_eq!(lives(&now), [(40, true)]);
        assert_eq!(lives(&now.sidecars["side"]), [(41, true)]);
        // The file is the other one's now, on the volume that both have.
        assert!(!now.profile("default").up() && now.sidecars["side"].profile("default").up());
        let died = Fact::Container {
            change: ContainerChange::Died,
            started_at: None,
            exit: Some(0),
        };
        of_side(&history, Source::Engine, 140, died);
        let now = Now::at_end(&history.observations());
        assert!(now.running() && !now.sidecars["side"].running());
    }
}
