//! Histories for tests, written fact by fact.

use std::cell::RefCell;

use jiff::Timestamp;

use comeback_scenario::model::Moment;

use crate::facts::{ContainerChange, Fact, MomentName, Observation, SETTLING, ServiceStatus, Source};

/// A history in the making. Everything is known at the beginning of the epoch.
#[derive(Default)]
pub struct History(RefCell<Vec<Observation>>);

impl History {
    /// A container that was started then, and that the agent watches.
    pub fn watched(started_at: Option<Timestamp>) -> Self {
        let history = Self::default();
        let started = Fact::Container {
            change: ContainerChange::Started,
            started_at,
            exit: None,
        };
        history.push(Source::Engine, started_at, started);
        let ready = Fact::Ready {
            started_at,
            init_start: Some(1),
            init: None,
        };
        history.push(Source::Agent, started_at, ready);
        history
    }

    pub fn push(&self, source: Source, at: Option<Timestamp>, fact: Fact) {
        self.push_of(None, source, at, fact);
    }

    /// A fact about another container.
    pub fn push_of(&self, container: Option<&str>, source: Source, at: Option<Timestamp>, fact: Fact) {
        let mut all = self.0.borrow_mut();
        let seq = all.len() as u64;
        all.push(Observation {
            seq,
            at,
            known: Timestamp::UNIX_EPOCH,
            source,
            container: container.map(str::to_owned),
            fact,
        });
    }

    pub fn mark(&self, moment: Moment) {
        let moment = MomentName::from(moment);
        self.push(Source::Harness, None, Fact::Mark { moment });
    }

    pub fn settling(&self) {
        let moment = MomentName(SETTLING.to_owned());
        self.push(Source::Harness, None, Fact::Mark { moment });
    }

    pub fn observations(&self) -> Vec<Observation> {
        self.0.borrow().clone()
    }
}

/// The supervisor runs that process in the slot of a profile. Its start time is its pid.
pub fn serves(profile: &str, pid: u32) -> Fact {
    let status = ServiceStatus {
        slot: true,
        up: true,
        want_up: true,
        pid: Some(pid),
        start_time: Some(u64::from(pid)),
        ..ServiceStatus::default()
    };
    let profile = profile.to_owned();
    Fact::Service { profile, status }
}
