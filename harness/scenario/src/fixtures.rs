//! Sample scenarios for tests, also of other crates.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{
    ColumnOf, DEFAULT_PROFILE, Deviation, Expect, Guard, ImageRef, Known, KnownRow, Moment, Operation, Probe, Profile,
    ProfileSel, Race, Releases, RestartPolicy, Scenario, Seen, Setup, Source, Start, StartBy, StartWait, Step, User,
    Value, ValueSet,
};

/// A column with these words as alternatives.
pub fn set(words: &[&str]) -> ValueSet {
    ValueSet(words.iter().map(|word| value(word)).collect())
}

/// A word as a value; `absent` becomes the absent value.
pub fn value(word: &str) -> Value {
    match word {
        "absent" => Value::absent(),
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => word.parse().map_or_else(|_| Value::str(word), Value::Int),
    }
}

/// A row of the table.
pub fn expect(at: Moment, probe: Probe, fixed: &[&str], regressed: &[&str]) -> Expect {
    Expect {
        at,
        probe,
        profile: DEFAULT_PROFILE.into(),
        path: None,
        container: None,
        fixed: set(fixed),
        regressed: set(regressed),
        guards: None,
    }
}

/// `engine-restart` on a live gateway: the table of #42675.
pub fn docker_restart() -> Scenario {
    let mut persisted = expect(Moment::Down(1), Probe::StateGatewayState, &["running"], &["stopped"]);
    persisted.guards = Some(Guard::Signal);
    Scenario {
        id: "docker-restart".into(),
        title: "docker restart of a live gateway".into(),
        why: "The engine sends SIGTERM to PID 1; nobody asked the gateway to stop. The next boot must bring it back."
            .into(),
        issues: vec!["#42675".into(), "#33597".into()],
        tags: vec!["core".into()],
        fixed_in: Some("0.17.0".parse().unwrap()),
        column_of: ColumnOf::Subject,
        invariant: false,
        releases: None,
        needs: vec![],
        settle: Duration::from_secs(2),
        watch: Duration::from_secs(5),
        start: Start {
            by: StartBy::Operator,
            wait: StartWait::Running,
            cmd: vec![],
            env: BTreeMap::new(),
            policy: RestartPolicy::No,
            overlay: None,
            image: ImageRef::Subject,
            setup: Setup::default(),
        },
        profiles: vec![Profile {
            name: DEFAULT_PROFILE.into(),
            start: StartBy::Operator,
            soul: true,
        }],
        seeds: vec![],
        upgrade: None,
        sidecars: Vec::new(),
        steps: vec![step(Operation::EngineRestart {
            grace: Duration::from_secs(10),
        })],
        expects: vec![
            persisted,
            expect(Moment::Boot(2), Probe::BootPriorState, &["running"], &["stopped"]),
            expect(Moment::Boot(2), Probe::BootAction, &["started"], &["registered"]),
            expect(Moment::End, Probe::Service, &["up"], &["down"]),
        ],
        figures: vec![],
        known: vec![],
        races: vec![],
        source: Source {
            path: "scenarios/docker-restart.toml".into(),
            text: String::new(),
            expect_lines: vec![14, 21, 27, 33],
        },
    }
}

/// `operator-stop`: an invariant, the gateway stays down on every release.
pub fn operator_stop() -> Scenario {
    Scenario {
        id: "operator-stop".into(),
        title: "an operator's stop is remembered".into(),
        why: "Only an explicit stop keeps a gateway down across boots.".into(),
        issues: vec!["#42675".into()],
        fixed_in: None,
        invariant: true,
        steps: vec![
            step(Operation::OperatorStop { all: false }),
            step(Operation::EngineRestart {
                grace: Duration::from_secs(10),
            }),
        ],
        expects: vec![
            expect(Moment::After(1), Probe::StateGatewayState, &["stopped"], &["stopped"]),
            expect(Moment::Boot(2), Probe::BootAction, &["registered"], &["registered"]),
            expect(Moment::End, Probe::Service, &["down"], &["down"]),
        ],
        source: Source {
            path: "scenarios/operator-stop.toml".into(),
            text: String::new(),
            expect_lines: vec![10, 16, 22],
        },
        ..docker_restart()
    }
}

/// The text of a scenario with an operation's example in it, and what that needs before and after it.
#[cfg(test)]
pub(crate) fn example(kind: crate::vocabulary::OperationKind) -> String {
    use crate::vocabulary::{Need, OperationKind};
    let (before, after) = match kind {
        OperationKind::EngineStart => ("engine-stop = {}", ""),
        OperationKind::EngineUnpause => ("engine-pause = {}", ""),
        OperationKind::Free => ("fill = {}", ""),
        OperationKind::HoldAt => ("", "engine-restart = {}"),
        OperationKind::Release => (
            "hold-at = { state = \"draining\", wait = false }",
            "engine-restart = {}",
        ),
        _ => ("", ""),
    };
    let size = match kind.info().needs.contains(&Need::SizedVolume) {
        true => "volume_size = \"8M\"\n",
        false => "",
    };
    let steps = [before, kind.info().example, after]
        .into_iter()
        .filter(|step| !step.is_empty());
    let steps: String = steps.map(|step| format!("[[step]]\n{step}\n")).collect();
    format!(
        "schema = 1\ntitle = \"t\"\ninvariant = true\n[start]\n{size}[[profile]]\nname = \"work\"\n{steps}\
         [[expect]]\nat = \"end\"\nprobe = \"service\"\nfixed = \"up\"\nregressed = \"up\"\n"
    )
}

/// A step on the default profile.
pub fn step(op: Operation) -> Step {
    Step {
        op,
        container: None,
        profile: ProfileSel::One(DEFAULT_PROFILE.into()),
        user: User::Hermes,
        wait: true,
    }
}

/// A deviation of one row that is on record for 0.17.0.
pub fn known(at: Moment, probe: Probe, observed: &[&str]) -> Known {
    Known {
        deviation: deviation(at, probe, observed),
        or_fixed: false,
    }
}

/// A race about one row that is on record for 0.17.0, seen once in 186 times.
pub fn race(at: Moment, probe: Probe, observed: &[&str]) -> Race {
    Race {
        deviation: deviation(at, probe, observed),
        seen: Seen { met: 1, of: 186 },
    }
}

fn deviation(at: Moment, probe: Probe, observed: &[&str]) -> Deviation {
    Deviation {
        releases: Releases::Exact(vec!["0.17.0".parse().unwrap()]),
        bases: vec![],
        supervisor: None,
        note: "on record".into(),
        rows: vec![KnownRow {
            at,
            probe,
            profile: DEFAULT_PROFILE.into(),
            path: None,
            container: None,
            observed: set(observed),
        }],
    }
}
