//! Sample documents of runs, for the tests of reports. The observations are those of real gateways.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use jiff::Timestamp;
use serde_json::json;

use super::explore::Circumstances;
use super::{CaseEntry, ImageEntry, JudgedCase, LeftOutEntry, RunDocument, RunHeader, document, entry};
use crate::ledger::EngineEntry;
use comeback_explore::generate::Source;
use comeback_explore::hunt::{Hunt, Hunted, hunt};
use comeback_explore::scripted::{Fault, ScriptedTrials};
use comeback_history::clock::ClockOffset;
use comeback_history::facts::{
    CaseEnd, CaseEvidence, ContainerChange, Fact, FileContent, MomentName, Observation, SETTLING, ServiceStatus,
    Source as ToldBy, StepSeconds, TakenFor,
};
use comeback_scenario::fixtures::{docker_restart, known, operator_stop, race};
use comeback_scenario::model::{DEFAULT_PROFILE, Moment, Probe, Scenario, Value, ValueSet};
use comeback_verdict::expected::{Column, Expectation};
use comeback_verdict::fixtures::{invariant_row, rows_of};
use comeback_verdict::judge::judge;
use comeback_verdict::run::Faults;
use comeback_verdict::{Exit, Judged};

/// The clock difference of an engine on this host.
const CLOCK: ClockOffset = ClockOffset {
    offset_ms: 1,
    uncertainty_ms: 4,
};

/// One attempt to put into a document.
pub struct Attempt {
    /// The scenario.
    pub scenario: Scenario,
    /// Name of the image.
    pub image: &'static str,
    /// The value of each row, as a line of words.
    pub observed: Vec<&'static str>,
    /// How it ended.
    pub end: CaseEnd,
    /// The expectation.
    pub expectation: Expectation,
    /// Attempt, from 1.
    pub attempt: u32,
    /// Repeat, from 1.
    pub repeat: u32,
    /// Keys that the state file has beside the usual ones.
    pub keys: &'static [&'static str],
}

/// An attempt of `docker-restart`.
pub fn restart(image: &'static str, observed: &str, expectation: Expectation) -> Attempt {
    let observed = observed.split(' ').map(|w| &*String::from(w).leak()).collect();
    Attempt {
        scenario: docker_restart(),
        image,
        observed,
        end: CaseEnd::Complete,
        expectation,
        attempt: 1,
        repeat: 1,
        keys: &[],
    }
}

/// An attempt of `operator-stop`.
pub fn stop(image: &'static str, observed: &str, expectation: Expectation) -> Attempt {
    Attempt {
        scenario: operator_stop(),
        ..restart(image, observed, expectation)
    }
}

/// One case run seven times: the sixth is a regression, and the seventh is inconclusive.
pub fn soak() -> RunDocument {
    let fixed = || Expectation::Column(Column::Fixed);
    let attempts: Vec<Attempt> = (1..=7)
        .map(|repeat| {
            let seen = match repeat {
                6 => "stopped stopped registered down",
                _ => "running running started up",
            };
            let end = match repeat {
                7 => CaseEnd::Inconclusive("the engine answered 500".into()),
                _ => CaseEnd::Complete,
            };
            Attempt {
                repeat,
                end,
                ..restart("release:0.17.0", seen, fixed())
            }
        })
        .collect();
    run(
        &header("check", &["check", "release:0.17.0", "--repeat", "7"]),
        vec![image("release:0.17.0", Some("0.17.0"))],
        &attempts,
    )
}

/// Two stops: one that meets a race on record in one attempt, and one that meets it in all.
pub fn raced() -> RunDocument {
    let mut scenario = operator_stop();
    let mut race = race(Moment::Boot(2), Probe::BootAction, &["started"]);
    race.deviation.note = "The command and the dying gateway both write the state file, without a lock.".into();
    race.deviation
        .rows
        .extend(known(Moment::End, Probe::Service, &["up"]).deviation.rows);
    scenario.races = vec![race];
    let tried = |id: &str, attempt: u32, observed: &str| {
        let scenario = Scenario {
            id: id.into(),
            ..scenario.clone()
        };
        Attempt {
            scenario,
            attempt,
            ..restart("release:0.17.0", observed, Expectation::Column(Column::Fixed))
        }
    };
    run(
        &header("check", &["check", "release:0.17.0"]),
        vec![image("release:0.17.0", Some("0.17.0"))],
        &[
            tried("operator-stop", 1, "stopped started up"),
            tried("operator-stop", 2, "stopped registered down"),
            tried("stop-all", 1, "stopped started up"),
            tried("stop-all", 2, "stopped started up"),
            tried("stop-all", 3, "stopped started up"),
        ],
    )
}

/// The command's header with a fixed clock.
pub fn header(command: &str, arguments: &[&str]) -> RunHeader {
    RunHeader {
        run: "20260611-081200-4f2a".into(),
        command: command.into(),
        arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
        started: time(0),
        seed: Some(7),
        seconds: 19.4321,
        engine: Some(EngineEntry {
            name: "docker".into(),
            version: "20.10.24".into(),
            api: "1.41".into(),
            host: "unix:///var/run/docker.sock".into(),
            cpus: 2,
            memory: 4 << 30,
            storage: "overlay2".into(),
            architecture: "x86_64".into(),
            memory_limit: true,
            clock: Some(CLOCK),
        }),
        left_out: vec![],
        record: Some("/home/me/.cache/comeback/runs/20260611-081200-4f2a".into()),
        failure: None,
        interrupted: None,
        partition: None,
        shards: None,
    }
}

/// An image of that release.
pub fn image(name: &str, release: Option<&str>) -> ImageEntry {
    ImageEntry {
        name: name.into(),
        reference: format!("comeback/gateway:{}", release.unwrap_or("unknown")),
        digest: "sha256:0f5d3c1b".into(),
        base: Some("bookworm".into()),
        supervisor: Some("2.11.3".into()),
        release: release.map(Into::into),
        made: true,
        seconds: 31.2,
    }
}

/// The document of a run with these attempts.
pub fn run(header: &RunHeader, images: Vec<ImageEntry>, attempts: &[Attempt]) -> RunDocument {
    let judged: Vec<(CaseEvidence, Judged)> = attempts
        .iter()
        .map(|attempt| {
            let mut rows = rows_of(&attempt.scenario, &attempt.observed);
            rows.push(invariant_row("true"));
            rows[0].seq = Some(3);
            let races: Vec<_> = attempt.scenario.races.iter().collect();
            (
                evidence(attempt),
                judge(rows, &attempt.end, &attempt.expectation, &races),
            )
        })
        .collect();
    let cases: Vec<CaseEntry> = attempts
        .iter()
        .zip(&judged)
        .map(|(attempt, (evidence, judged))| {
            entry(&JudgedCase {
                scenario: &attempt.scenario,
                evidence,
                judged,
                kept: header
                    .record
                    .as_ref()
                    .map(|r| format!("{r}/cases/{}@{}", attempt.scenario.id, attempt.image)),
            })
        })
        .collect();
    document(header, images, cases)
}

/// The reference pair with the expected result.
pub fn reproduced() -> RunDocument {
    let regressed = || Expectation::Explicit(Column::Regressed);
    let fixed = || Expectation::Explicit(Column::Fixed);
    run(
        &header("reproduce", &["reproduce"]),
        vec![
            image("release:0.16.0", Some("0.16.0")),
            image("release:0.17.0", Some("0.17.0")),
        ],
        &[
            restart("release:0.16.0", "stopped stopped registered down", regressed()),
            restart("release:0.17.0", "running running started up", fixed()),
            stop("release:0.16.0", "stopped registered down", fixed()),
            stop("release:0.17.0", "stopped registered down", fixed()),
        ],
    )
}

/// A red gate: a checkout without the fix.
pub fn red_gate() -> RunDocument {
    let fixed = || Expectation::Column(Column::Fixed);
    run(
        &header("check", &["check", "source:."]),
        vec![image("source:.", Some("0.17.0"))],
        &[
            restart("source:.", "stopped stopped registered down", fixed()),
            stop("source:.", "stopped registered down", fixed()),
        ],
    )
}

/// A case that is inconclusive twice because of the engine, and one that holds.
pub fn engine_fault() -> RunDocument {
    let why = "engine-restart: the engine answered 500 after 2.1 s; whether the container was restarted is not known (no \
               die or start event, StartedAt unchanged after 10 s)";
    let fixed = || Expectation::Column(Column::Fixed);
    let dark = |attempt| Attempt {
        end: CaseEnd::Inconclusive(why.into()),
        attempt,
        ..restart("release:0.17.0", "? ? ? ?", fixed())
    };
    run(
        &header("check", &["check", "release:0.17.0"]),
        vec![image("release:0.17.0", Some("0.17.0"))],
        &[
            dark(1),
            dark(2),
            stop("release:0.17.0", "stopped registered down", fixed()),
        ],
    )
}

/// One case of every verdict, with output as a hostile container may write it.
pub fn motley() -> RunDocument {
    let fixed = || Expectation::Column(Column::Fixed);
    let named = |id: &str, attempt: Attempt| {
        let mut attempt = attempt;
        attempt.scenario.id = id.into();
        attempt
    };
    let image_name = "docker:ghcr.io/example/gateway:nightly";
    let header = RunHeader {
        left_out: vec![LeftOutEntry {
            scenario: "upgrade-live".into(),
            image: image_name.into(),
            why: "applies to >=0.18 only".into(),
        }],
        ..header(
            "check",
            &["check", image_name, "--filter", "tag(core) and not id(slow)"],
        )
    };
    let old = || Expectation::Column(Column::Regressed);
    run(
        &header,
        vec![ImageEntry {
            made: false,
            base: None,
            release: None,
            ..image(image_name, None)
        }],
        &[
            named("held", restart(image_name, "running running started up", fixed())),
            named(
                "known-bad",
                restart(image_name, "stopped stopped registered down", old()),
            ),
            named("newly-fixed", restart(image_name, "running running started up", old())),
            named(
                "mismatch",
                restart(
                    image_name,
                    "running stopped started up",
                    Expectation::Explicit(Column::Fixed),
                ),
            ),
            named(
                "escape",
                restart(
                    image_name,
                    "\u{1b}]0;evil\u{7}\u{1b}[2J running \u{202e}started up\r\nheld",
                    fixed(),
                ),
            ),
            named(
                "unsupported",
                Attempt {
                    end: CaseEnd::Unsupported("docker compose is not installed".into()),
                    ..restart(image_name, "? ? ? ?", fixed())
                },
            ),
            named(
                "error",
                Attempt {
                    end: CaseEnd::Error("create container: the engine answered 500: no space left on device".into()),
                    ..restart(image_name, "? ? ? ?", fixed())
                },
            ),
        ],
    )
}

/// The reference pair, with a fix that does not work.
pub fn not_reproduced() -> RunDocument {
    run(
        &header("reproduce", &["reproduce"]),
        vec![
            image("release:0.16.0", Some("0.16.0")),
            image("release:0.17.0", Some("0.17.0")),
        ],
        &[
            restart(
                "release:0.16.0",
                "stopped stopped registered down",
                Expectation::Explicit(Column::Regressed),
            ),
            restart(
                "release:0.17.0",
                "draining stopped registered down",
                Expectation::Explicit(Column::Fixed),
            ),
        ],
    )
}

/// A case run three times with different results.
pub fn repeated() -> RunDocument {
    let fixed = || Expectation::Explicit(Column::Fixed);
    let nth = |repeat, observed| Attempt {
        repeat,
        ..restart("release:0.17.0", observed, fixed())
    };
    run(
        &header("reproduce", &["reproduce", "--repeat=3", "--scenarios", "my scenarios"]),
        vec![image("release:0.17.0", Some("0.17.0"))],
        &[
            nth(1, "running running started up"),
            nth(2, "running running started respawning"),
            nth(3, "running running started up"),
        ],
    )
}

/// A run that ended before it began.
pub fn no_engine() -> RunDocument {
    let header = RunHeader {
        engine: None,
        record: None,
        seconds: 0.1,
        failure: Some((
            "no container engine answers at unix:///var/run/docker.sock".into(),
            Exit::Environment,
        )),
        ..header("check", &["check", "release:0.17.0"])
    };
    document(&header, vec![], vec![])
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_781_165_520_000 + ms).unwrap()
}

/// The evidence of a docker restart.
fn evidence(attempt: &Attempt) -> CaseEvidence {
    let persisted = attempt.observed[0];
    let (prior, action) = match attempt.observed.len() {
        4 => (attempt.observed[1], attempt.observed[2]),
        _ => ("stopped", attempt.observed[1]),
    };
    let default = || DEFAULT_PROFILE.to_owned();
    let state = |word: &str, pid: u32| {
        let mut value = json!({"gateway_state": word, "pid": pid}).as_object().unwrap().clone();
        value.extend(attempt.keys.iter().map(|key| ((*key).to_owned(), json!(1))));
        Fact::State {
            profile: default(),
            content: FileContent::Json { value },
        }
    };
    let started = |ms: i64| Fact::Container {
        change: ContainerChange::Started,
        started_at: Some(time(ms)),
        exit: None,
    };
    let mut facts = vec![
        (0, ToldBy::Engine, started(0)),
        (900, ToldBy::Observer, state("running", 71)),
        (
            4000,
            ToldBy::Harness,
            Fact::StepBegan {
                step: 1,
                op: attempt.scenario.steps[0].op.kind(),
                delay_ms: Some(137),
            },
        ),
    ];
    if attempt.end == CaseEnd::Complete {
        facts.extend([
            (4691, ToldBy::Observer, state(persisted, 71)),
            (
                4113,
                ToldBy::Observer,
                Fact::Shutdown {
                    profile: default(),
                    taken_for: TakenFor::Signal,
                    line: "2026-06-11 08:12:04 Received SIGTERM — initiating shutdown".into(),
                },
            ),
            (4702, ToldBy::Engine, container(ContainerChange::Died, Some(0))),
            (5000, ToldBy::Engine, started(5000)),
            (
                5600,
                ToldBy::Observer,
                Fact::BootLine {
                    profile: default(),
                    prior_state: Some(prior.into()),
                    action: action.into(),
                    line: format!("2026-06-11T08:12:05Z profile=default prior_state={prior} action={action}"),
                },
            ),
            (
                5700,
                ToldBy::Agent,
                Fact::Service {
                    profile: default(),
                    status: ServiceStatus {
                        slot: true,
                        ..ServiceStatus::default()
                    },
                },
            ),
        ]);
    }
    facts.push((
        6000,
        ToldBy::Harness,
        Fact::StepEnded {
            step: 1,
            exit: None,
            output: String::new(),
            note: None,
            came_true: None,
        },
    ));
    if attempt.end == CaseEnd::Complete {
        let mark = |ms, moment| (ms, ToldBy::Harness, Fact::Mark { moment });
        facts.push(mark(6100, MomentName(SETTLING.to_owned())));
        facts.push(mark(8100, Moment::End.into()));
    }
    let begun = !matches!(attempt.end, CaseEnd::Error(_) | CaseEnd::Unsupported(_));
    let history = (0..)
        .zip(facts)
        .map(|(seq, (ms, source, fact))| Observation {
            container: None,
            seq,
            at: (source != ToldBy::Harness).then(|| time(ms)),
            known: time(ms + 1),
            source,
            fact,
        })
        .collect();
    let seconds = |step: &comeback_scenario::model::Step| StepSeconds {
        op: step.op.name().into(),
        seconds: 1.9,
    };
    CaseEvidence {
        scenario: attempt.scenario.id.clone(),
        image: attempt.image.into(),
        attempt: attempt.attempt,
        repeat: attempt.repeat,
        started: time(0),
        clock: Some(CLOCK),
        seconds: 8.25,
        end: attempt.end.clone(),
        steps: attempt.scenario.steps.iter().map(seconds).filter(|_| begun).collect(),
        latencies_ms: if attempt.end == CaseEnd::Complete {
            vec![0.9, 2.0, 1.1]
        } else {
            vec![]
        },
        history,
        logs: BTreeMap::from([(
            2,
            vec![
                format!("reconcile: profile=default prior_state={prior} action={action}"),
                "ready".into(),
            ],
        )]),
    }
}

fn container(change: ContainerChange, exit: Option<i64>) -> Fact {
    Fact::Container {
        change,
        started_at: None,
        exit,
    }
}

/// A comparison of the reference pair: forwards the fix repairs scenarios, backwards its removal introduces
/// regressions.
pub fn compared(forwards: bool) -> RunDocument {
    let mut document = reproduced();
    document.command = "compare".into();
    if !forwards {
        document.images.reverse();
    }
    crate::compare::judge(&mut document, crate::compare::Terms::default(), Faults::default());
    document
}

/// Two releases on two bases: one without the fix, and one with a known deviation on one base only.
pub fn matrix() -> RunDocument {
    let on = |name: &str, release: &str, base: &str, supervisor: &str| ImageEntry {
        base: Some(base.into()),
        supervisor: Some(supervisor.into()),
        ..image(name, Some(release))
    };
    let old = || Expectation::Column(Column::Regressed);
    let fixed = || Expectation::Column(Column::Fixed);
    let mut document = run(
        &header("matrix", &["matrix"]),
        vec![
            on("release:0.16.0", "0.16.0", "bookworm", "2.11.3.2"),
            on("release:0.17.0", "0.17.0", "bookworm", "2.11.3.2"),
            on("release:0.16.0@trixie", "0.16.0", "trixie", "2.13.1.0"),
            on("release:0.17.0@trixie", "0.17.0", "trixie", "2.13.1.0"),
        ],
        &[
            stop("release:0.16.0", "running registered down", old()),
            stop("release:0.17.0", "stopped registered down", fixed()),
            stop("release:0.17.0@trixie", "running registered down", fixed()),
            restart("release:0.16.0", "stopped stopped registered down", old()),
            restart("release:0.17.0", "running running started up", fixed()),
            restart("release:0.16.0@trixie", "stopped stopped registered down", old()),
            Attempt {
                end: CaseEnd::Inconclusive("the event stream of the engine ended after 2.1 s".into()),
                ..restart("release:0.17.0@trixie", "? ? ? ?", fixed())
            },
        ],
    );
    document.cases[3].note = Some("written by the replacement".into());
    document
}

/// An exploration of a scripted gateway. It finds something if `fault` is one.
pub fn explored(fault: Fault) -> RunDocument {
    let hunt_for = Hunt {
        source: Source {
            seed: 7,
            steps: 8,
            profiles: 2,
            others: Vec::new(),
        },
        runs: 12,
        budget: std::time::Duration::from_secs(600),
    };
    let hunted = Arc::new(Mutex::new(Hunted::default()));
    let trials = Arc::new(ScriptedTrials { fault });
    let mut going = pin!(hunt(&trials, &hunt_for, &hunted, &|_| ()));
    // Scripted trials take no time, so each poll makes progress.
    while going.as_mut().now_or_never().is_none() {}
    let mut hunted = hunted.lock().unwrap().clone();
    hunted.floor = 40.0;
    for finding in &mut hunted.findings {
        (finding.found_after, finding.done_after) = (3.2, 41.5);
    }
    hunted.inconclusive.insert("the engine answered 500".into(), 1);
    let with = Circumstances {
        image: "release:0.16.0",
        overlay: None,
        jobs: 2,
        seconds: 48.3,
    };
    let found = super::explore::explored(&hunt_for, &hunted, &with, |finding| {
        comeback_explore::file::of_finding(finding, with.image, 7, None, std::time::Duration::from_secs(5))
    });
    let arguments = ["explore", "release:0.16.0", "--seed", "7"];
    let images = vec![image("release:0.16.0", Some("0.16.0"))];
    let mut document = run(&header("explore", &arguments), images, &[]);
    super::explore::judge(&mut document, found, Faults::default());
    document
}

/// A gateway of a release to come, which holds but uses words that comeback does not know.
pub fn drifted() -> RunDocument {
    let fixed = || Expectation::Column(Column::Fixed);
    let mut adopted = restart("release:0.23.0", "napping running adopted up", fixed());
    for (row, word) in adopted.scenario.expects.iter_mut().zip(&adopted.observed) {
        row.fixed = ValueSet(vec![Value::str(*word)]);
    }
    adopted.keys = &["fuel", "mood"];
    run(
        &header("check", &["check", "release:0.23.0"]),
        vec![image("release:0.23.0", Some("0.23.0"))],
        &[adopted],
    )
}

/// All sample documents.
pub fn all() -> Vec<RunDocument> {
    vec![
        reproduced(),
        red_gate(),
        engine_fault(),
        motley(),
        not_reproduced(),
        repeated(),
        no_engine(),
        compared(true),
        compared(false),
        matrix(),
        drifted(),
        explored(Fault::EveryShutdownIsAStop),
        explored(Fault::None),
    ]
}
