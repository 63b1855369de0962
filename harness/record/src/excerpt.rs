//! Excerpts of a history that people read: the reconciler's lines, how shutdowns were taken, and a timeline.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use comeback_gateway::boot_line::NO_STATE;
use comeback_gateway::state::{self as gateway, DESIRED_STATE, GATEWAY_STATE, PID};
use comeback_history::clock::ClockOffset;
use comeback_history::facts::{ContainerChange, Fact, FileContent, Observation, ProcessExit, TakenFor};
use comeback_history::now::Now;
use comeback_scenario::model::{DEFAULT_PROFILE, ImageRef, Parameter, ProfileSel, RecreateHow, Recreation, Step, User};
use comeback_scenario::overlay::OVERLAY_SAYS;

/// What the reconciler wrote about a profile at a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReconcilerLine {
    /// Which boot of the container, from 1.
    pub boot: usize,
    /// Whose.
    pub profile: String,
    /// The line as it stands.
    pub line: String,
}

/// What the gateway wrote about a shutdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShutdownLine {
    /// Whose.
    pub profile: String,
    /// What it took it for.
    pub taken_for: TakenFor,
    /// The line as it stands.
    pub line: String,
}

/// Something that happened, in a few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineEntry {
    /// When it became true, or where that is not known when the harness knew it.
    pub at: Timestamp,
    /// `state`, `marker`, `boot`, `shutdown`, `exit`, `service`, `container`, `step`, `wait`, `lost`, `init`,
    /// `signal` or `slots`.
    pub kind: String,
    /// Whose, where it is a profile's.
    pub profile: Option<String>,
    /// The step that had begun last, from 1; 0 before the first.
    #[serde(default)]
    pub step: usize,
    /// The words.
    pub text: String,
}

/// Lines of the container's output that the document quotes per incarnation.
const OUTPUT_LINES: usize = 80;

/// The last lines of a container's output. That a fault overlay took effect is proved by what it says at the start: such
/// lines are kept wherever they stand.
pub fn last_lines(lines: &[String]) -> Vec<String> {
    let said = |line: &&String| line.starts_with(OVERLAY_SAYS);
    let (before, last) = lines.split_at(lines.len().saturating_sub(OUTPUT_LINES));
    let mut kept: Vec<String> = before.iter().filter(said).take(OUTPUT_LINES / 2).cloned().collect();
    kept.extend(last.iter().skip(kept.len()).cloned());
    kept
}

/// The reconciler's lines, each with the boot it belongs to.
pub fn reconciler_lines(history: &[Observation]) -> Vec<ReconcilerLine> {
    let now = Now::at_end(history);
    let boot_of = |seq: u64| {
        let of = |boot: &usize| now.lines_of_boot(*boot).iter().any(|line| line.seq == seq);
        (1..=now.incarnations.len()).find(of)
    };
    let line = |observation: &Observation| match &observation.fact {
        Fact::BootLine { profile, line, .. } => Some(ReconcilerLine {
            boot: boot_of(observation.seq).unwrap_or(1),
            profile: profile.clone(),
            line: line.clone(),
        }),
        _ => None,
    };
    history.iter().filter_map(line).collect()
}

/// How the gateway took each shutdown.
pub fn shutdown_lines(history: &[Observation]) -> Vec<ShutdownLine> {
    let line = |observation: &Observation| match &observation.fact {
        Fact::Shutdown {
            profile,
            taken_for,
            line,
        } => Some(ShutdownLine {
            profile: profile.clone(),
            taken_for: *taken_for,
            line: line.clone(),
        }),
        _ => None,
    };
    history.iter().filter_map(line).collect()
}

/// What happened, in the order in which it was learnt; what repeats what is known already is left out.
/// Times are by our clock.
pub fn timeline(history: &[Observation], clock: Option<ClockOffset>) -> Vec<TimelineEntry> {
    let mut entries: Vec<TimelineEntry> = Vec::new();
    let mut begun = 0;
    for observation in history {
        if let Fact::StepBegan { step, .. } = observation.fact {
            begun = step;
        }
        let Some((kind, profile, mut text)) = words(&observation.fact) else {
            continue;
        };
        if let Some(container) = &observation.container {
            text = format!("{container}: {text}");
        }
        let before = entries
            .iter()
            .rev()
            .find(|e| e.kind == kind && e.profile.as_deref() == profile);
        let repeats = matches!(kind, "service" | "marker") && before.is_some_and(|e| e.text == text);
        if !repeats {
            let at = observation.when(clock);
            let (kind, profile) = (kind.to_owned(), profile.map(str::to_owned));
            entries.push(TimelineEntry {
                at,
                kind,
                profile,
                step: begun,
                text,
            });
        }
    }
    entries
}

/// A fact in a few words: its kind, whose it is, and what. `None` for what is bookkeeping of the harness.
pub fn words(fact: &Fact) -> Option<(&'static str, Option<&str>, String)> {
    let (kind, profile, text) = match fact {
        Fact::State { profile, content } => ("state", Some(profile), state(content)),
        Fact::Marker { profile, content } => {
            let text = match content {
                FileContent::Absent => "marker absent",
                FileContent::Json { .. } => "marker present",
                FileContent::Unreadable { .. } => "marker unreadable",
            };
            ("marker", Some(profile), text.to_owned())
        }
        Fact::BootLine {
            profile,
            prior_state,
            action,
            ..
        } => {
            let prior = prior_state.as_deref().unwrap_or(NO_STATE);
            ("boot", Some(profile), format!("prior_state={prior} action={action}"))
        }
        Fact::Shutdown { profile, taken_for, .. } => {
            let text = match taken_for {
                TakenFor::Planned => "taken for a planned stop",
                TakenFor::Signal => "taken for a signal nobody announced",
                TakenFor::Restart => "taken for a restart request",
            };
            ("shutdown", Some(profile), text.to_owned())
        }
        Fact::ExitDiag {
            profile,
            pid,
            tag,
            exit,
        } => {
            let code = exit.map(|code| format!(", exit {code}")).unwrap_or_default();
            ("exit", Some(profile), format!("{tag} (pid {pid}{code})"))
        }
        Fact::Service { profile, status } => {
            let pid = status.pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
            let text = match (status.slot, status.up, status.want_up) {
                (false, true, _) => format!("up{pid}, its slot is taken away"),
                (false, false, _) => format!("no slot{}", last_death(&status.deaths)),
                (_, true, _) => format!("up{pid}"),
                (_, false, true) => format!("down, to be respawned{}", last_death(&status.deaths)),
                (_, false, false) => format!("down{}", last_death(&status.deaths)),
            };
            ("service", Some(profile), text)
        }
        Fact::Live { profile, pid, .. } => ("service", Some(profile), format!("its start is over (pid {pid})")),
        Fact::Container { change, exit, .. } => {
            let text = match change {
                ContainerChange::Started => "container started".to_owned(),
                ContainerChange::Died => match exit {
                    Some(code) => format!("container ended, exit {code}"),
                    None => "container ended".to_owned(),
                },
                ContainerChange::Oom => "out of memory: the kernel killed a process".to_owned(),
                ContainerChange::Destroyed => "container removed".to_owned(),
                ContainerChange::Paused => "container frozen".to_owned(),
                ContainerChange::Unpaused => "container goes on".to_owned(),
            };
            ("container", None, text)
        }
        Fact::StepBegan { step, op, delay_ms } => {
            let put_off = delay_ms.map(|ms| format!(", put off by {ms} ms")).unwrap_or_default();
            ("step", None, format!("step {step} {op} begins{put_off}"))
        }
        Fact::StepEnded { step, exit, note, .. } => {
            let code = exit.map(|code| format!(", exit {code}")).unwrap_or_default();
            let note = note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
            ("step", None, format!("step {step} done{code}{note}"))
        }
        Fact::WaitEnded {
            condition,
            last,
            reached,
        } => {
            let long = reached.map(|reached| format!("{reached}, ")).unwrap_or_default();
            (
                "wait",
                None,
                format!("waited {long}in vain for {condition}; last: {last}"),
            )
        }
        Fact::Lost { what } => ("lost", None, format!("lost sight of {what}")),
        Fact::Missed { path } => ("lost", None, format!("a write of {path} was too quick to be read")),
        // What an overlay said is read at the end of a container, long after it was said.
        Fact::Signalled { signal } => ("signal", None, format!("every process gets {signal}")),
        Fact::Slots { names } => ("slots", None, format!("slots: {}", names.join(" "))),
        Fact::Init { name } => ("init", None, format!("PID 1 is {name}")),
        Fact::Health { status } => ("container", None, format!("health check: {status}")),
        Fact::Tick { profile } => ("tick", Some(profile), "the scheduler ticks".to_owned()),
        Fact::Entry { path, kind, uid } => {
            let what = match kind.as_ref().zip(*uid) {
                Some((kind, uid)) => format!("{kind} of uid {uid}"),
                None => "nothing".to_owned(),
            };
            ("entry", None, format!("{path}: {what}"))
        }
        // What ends is a zombie until its parent has asked.
        Fact::Zombies { count: 0 } => return None,
        Fact::Zombies { count } => ("zombies", None, format!("processes that nobody reaped: {count}")),
        // One process a gateway is as it should be.
        Fact::Gateways { processes } => {
            let several: Vec<String> = processes
                .iter()
                .filter(|(_, count)| **count > 1)
                .map(|(profile, count)| format!("{}{count} gateway processes", of_profile(profile)))
                .collect();
            if several.is_empty() {
                return None;
            }
            ("gateways", None, several.join(", "))
        }
        Fact::Operator { .. }
        | Fact::Mark { .. }
        | Fact::Ready { .. }
        | Fact::Pace { .. }
        | Fact::Inspected { .. }
        | Fact::Observer { .. }
        | Fact::Overlay { .. } => return None,
    };
    Some((kind, profile.map(String::as_str), text))
}

fn last_death(deaths: &[ProcessExit]) -> String {
    match deaths.last() {
        Some(ProcessExit::Code(code)) => format!(", exit {code}"),
        Some(ProcessExit::Signal(signal)) => format!(", {signal}"),
        None => String::new(),
    }
}

fn state(content: &FileContent) -> String {
    match content {
        FileContent::Absent => "no state file".to_owned(),
        FileContent::Unreadable { why, .. } => format!("state file unreadable: {why}"),
        FileContent::Json { value } => {
            let pid = value.get(PID).and_then(serde_json::Value::as_u64);
            let mut text = gateway::word(value, GATEWAY_STATE)
                .unwrap_or("no gateway_state")
                .to_owned();
            if let Some(desired) = gateway::word(value, DESIRED_STATE) {
                text.push_str(&format!(", desired {desired}"));
            }
            if let Some(pid) = pid {
                text.push_str(&format!(" (pid {pid})"));
            }
            text
        }
    }
}

/// `profile: ` in front of a line about a profile that is not the default one.
pub fn of_profile(profile: &str) -> String {
    if profile == DEFAULT_PROFILE {
        String::new()
    } else {
        format!("{profile}: ")
    }
}

/// How a container was made again: `stop first, image release:0.16.0`.
fn recreated(recreation: &Recreation) -> String {
    let how = match recreation.how {
        RecreateHow::Stop => "stop first",
        RecreateHow::Force => "by force",
    };
    let mut words = vec![how.to_owned()];
    match &recreation.image {
        Some(ImageRef::Subject) => words.push("image under test".to_owned()),
        Some(ImageRef::Other(image)) => words.push(format!("image {image}")),
        None => {}
    }
    if let Some(env) = &recreation.env {
        let names: Vec<&str> = env.keys().map(String::as_str).collect();
        words.push(format!("environment {}", names.join(" ")).trim_end().to_owned());
    }
    words.extend(recreation.cmd.as_ref().map(|cmd| format!("command {}", cmd.join(" "))));
    words.extend(
        recreation
            .entrypoint
            .as_ref()
            .map(|program| format!("entrypoint {}", program.join(" "))),
    );
    words.join(", ")
}

/// A step's parameters in words: `grace 10 s`, `SIGTERM, as root`; empty if it has none worth telling.
pub fn step_detail(step: &Step) -> String {
    let mut words = Vec::new();
    words.extend(step.op.parameter().and_then(|parameter| match parameter {
        Parameter::All(all) => all.then(|| "--all".to_owned()),
        Parameter::Grace(grace) => Some(format!("grace {} s", grace.as_secs_f64())),
        Parameter::Signal(signal) => Some(signal.to_string()),
        Parameter::Start { all, force } => {
            let flags = [(all, "--all"), (force, "--force")];
            let given: Vec<&str> = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| *flag).collect();
            (!given.is_empty()).then(|| given.join(" "))
        }
        Parameter::NoSupervise(given) => given.then(|| "--no-supervise".to_owned()),
        Parameter::Recreation(recreation) => Some(recreated(recreation)),
        Parameter::Seed(seed) => Some(seed.path.clone()),
        Parameter::Until(probe, value) => Some(format!("{probe} is {value}")),
        Parameter::State(state) => Some(state.to_owned()),
    }));
    match &step.profile {
        ProfileSel::One(name) if name == DEFAULT_PROFILE => {}
        ProfileSel::One(name) => words.push(format!("profile {name}")),
        ProfileSel::All => words.push("each profile".to_owned()),
    }
    if step.user == User::Root {
        words.push("as root".to_owned());
    }
    words.extend(step.container.as_ref().map(|name| format!("container {name}")));
    words.join(", ")
}
