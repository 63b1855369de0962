//! A sequence as a scenario file. The same text is run, printed and written by `--save`.

use std::fmt::Write as _;
use std::time::Duration;

use super::hunt::Finding;
use super::model::{PROFILES, Second};
use super::sequence::Sequence;
use comeback_gateway::files::state_of;
use comeback_gateway::state::{GATEWAY_STATE, RUNNING};
use comeback_scenario::model::{
    DEFAULT_PROFILE, ImageRef, Moment, Operation, Parameter, Probe, ProfileSel, RecreateHow, Scenario, Step, User,
    Value,
};
use comeback_scenario::parse_file;
use comeback_text::terminal::{shorten, wrap};

/// Turns off the circuit breaker of later releases, which delays every sixth start within two minutes. It is no object
/// of the exploration and has a scenario of its own.
const NO_BREAKER: &str = "env = { HERMES_GATEWAY_MAX_STARTS = \"0\" }";

/// The size of a volume that is filled up: several times what the gateways write.
const ROOM: &str = "64M";

/// Widths of the title and of the lines of `why`, in columns.
const TITLE_COLUMNS: usize = 46;
const WHY_COLUMNS: usize = 54;

/// A row of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRow {
    /// The moment.
    pub at: Moment,
    /// The probe.
    pub probe: Probe,
    /// The profile.
    pub profile: String,
    /// The value of the fixed column: that which follows from the intent.
    pub fixed: Value,
    /// The value of the regressed column: that which was observed.
    pub regressed: Value,
}

/// The content of a file apart from its steps.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    /// The title, one line.
    pub title: &'a str,
    /// The value of `why`, a paragraph.
    pub why: &'a str,
    /// The settling window.
    pub settle: Duration,
    /// A fault overlay.
    pub overlay: Option<&'a str>,
    /// The rows. If there are none, the file gets a row that expects the container to run.
    pub rows: &'a [FileRow],
}

/// The text of the file.
pub fn text(sequence: &Sequence, words: &Words<'_>) -> String {
    let mut text = format!("schema = 1\ntitle = {}\n", quoted(words.title));
    if !words.why.is_empty() {
        let _ = writeln!(text, "why = \"\"\"\n{}\"\"\"", escaped(words.why));
    }
    text += "tags = [\"explore\"]\n";
    if !words.rows.iter().any(|row| row.fixed != row.regressed) {
        text += "invariant = true\n";
    }
    if words.settle != Duration::from_secs(2) {
        let _ = match (words.settle.as_secs(), words.settle.subsec_millis()) {
            (seconds, 0) => writeln!(text, "settle = \"{seconds}s\""),
            _ => writeln!(text, "settle = \"{}ms\"", words.settle.as_millis()),
        };
    }
    let seeded = sequence.seeded();
    let by = |profile: usize| if seeded.contains(&profile) { "reconcile" } else { "none" };
    let _ = writeln!(text, "\n[start]\nby = \"{}\"\n{NO_BREAKER}", by(0));
    if sequence.setting.restarts {
        text += "policy = \"unless-stopped\"\n";
    }
    if sequence.steps().iter().any(|(_, step)| step.op == Operation::Fill) {
        let _ = writeln!(text, "volume_size = \"{ROOM}\"");
    }
    if let Some(overlay) = words.overlay {
        let _ = writeln!(text, "overlay = {}", quoted(overlay));
    }
    for (profile, name) in PROFILES.iter().enumerate().take(sequence.setting.profiles).skip(1) {
        let _ = writeln!(
            text,
            "\n[[profile]]\nname = {}\nstart = \"{}\"",
            quoted(name),
            by(profile)
        );
    }
    for second in sequence.seconds() {
        let _ = writeln!(text, "\n[[container]]\nname = \"{}\"", second.name());
        if second == Second::Idle {
            text += "entrypoint = [\"sleep\"]\ncmd = [\"infinity\"]\n";
        }
    }
    for profile in &seeded {
        let path = state_of(PROFILES[*profile]);
        let _ = writeln!(
            text,
            "\n[[seed]]\npath = \"{path}\"\njson = {{ {GATEWAY_STATE} = \"{RUNNING}\" }}"
        );
    }
    for (_, step) in sequence.steps() {
        let _ = writeln!(text, "\n[[step]]\n{}", line(&step));
    }
    for row in words.rows {
        let _ = write!(text, "\n[[expect]]\nat = \"{}\"\nprobe = \"{}\"\n", row.at, row.probe);
        if row.profile != DEFAULT_PROFILE {
            let _ = writeln!(text, "profile = {}", quoted(&row.profile));
        }
        let _ = writeln!(
            text,
            "fixed = {}\nregressed = {}",
            value(&row.fixed),
            value(&row.regressed)
        );
    }
    if words.rows.is_empty() {
        text += "\n[[expect]]\nat = \"end\"\nprobe = \"container\"\nfixed = \"running\"\nregressed = \"running\"\n";
    }
    text
}

/// Parses the text as a scenario.
///
/// # Errors
///
/// Everything that is wrong with the text, which is a bug of `comeback`.
pub fn scenario(id: &str, text: &str) -> Result<Scenario, String> {
    parse_file(&format!("explore/{id}.toml"), text).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        errors.join("\n")
    })
}

/// A step in TOML: `operator-stop = { profile = "work", wait = false }`.
fn line(step: &Step) -> String {
    let mut keys: Vec<String> = match step.op.parameter() {
        Some(Parameter::All(all)) => all.then(|| "all = true".to_owned()).into_iter().collect(),
        Some(Parameter::Grace(grace)) => vec![format!("grace = \"{}s\"", grace.as_secs())],
        Some(Parameter::Signal(signal)) => vec![format!("signal = \"{signal}\"")],
        Some(Parameter::Start { all, force }) => {
            let flags = [(all, "all = true"), (force, "force = true")];
            flags
                .iter()
                .filter(|(set, _)| *set)
                .map(|(_, key)| (*key).to_owned())
                .collect()
        }
        // No sequence changes more than how the container goes, and its image.
        Some(Parameter::Recreation(recreation)) => {
            let how = match recreation.how {
                RecreateHow::Stop => "how = \"stop\"".to_owned(),
                RecreateHow::Force => "how = \"force\"".to_owned(),
            };
            let image = recreation.image.as_ref().map(|image| match image {
                ImageRef::Subject => "image = \"subject\"".to_owned(),
                ImageRef::Other(name) => format!("image = {}", quoted(name)),
            });
            std::iter::once(how).chain(image).collect()
        }
        Some(Parameter::Until(probe, values)) => {
            let values: Vec<String> = values.0.iter().map(value).collect();
            vec![
                format!("probe = \"{probe}\""),
                format!("value = [{}]", values.join(", ")),
            ]
        }
        Some(Parameter::State(state)) => vec![format!("state = {}", quoted(state))],
        // No sequence puts a file on the volume, or runs a gateway by hand.
        Some(Parameter::Seed(_) | Parameter::NoSupervise(_)) | None => Vec::new(),
    };
    let names_it = step.op.info().intent.names_a_profile();
    match &step.profile {
        ProfileSel::One(name) if *name == DEFAULT_PROFILE && !names_it => {}
        ProfileSel::One(name) => keys.push(format!("profile = {}", quoted(name))),
        ProfileSel::All => keys.push("profile = \"all\"".to_owned()),
    }
    if let Some(container) = &step.container {
        keys.push(format!("container = {}", quoted(container)));
    }
    if step.user == User::Root {
        keys.push("as = \"root\"".to_owned());
    }
    if !step.wait {
        keys.push("wait = false".to_owned());
    }
    if keys.is_empty() {
        return format!("{} = {{}}", step.op.name());
    }
    format!("{} = {{ {} }}", step.op.name(), keys.join(", "))
}

fn value(value: &Value) -> String {
    match value {
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Str(text) => quoted(text),
        Value::Absent(_) => "{ absent = true }".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text.replace(['\n', '\r'], " ")).to_string()
}

/// Escapes text for a string in three quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace("\"\"\"", "'''")
}

/// The scenario file of a finding. Its fixed column follows from the intent, its regressed column is what was observed.
pub fn of_finding(finding: &Finding, image: &str, seed: u64, overlay: Option<&str>, settle: Duration) -> String {
    let violation = &finding.violation;
    let title = shorten(&finding.sequence.operations().join(", "), TITLE_COLUMNS);
    let with_overlay = overlay.map(|name| format!(" broken by {name}")).unwrap_or_default();
    let why = format!(
        "Found by exploring {image}{with_overlay} (seed {seed}, sequence {}): {}. First seen at {}: {} of {} is {}, but \
                  should be {}.",
        finding.index + 1,
        violation.kind,
        violation.at,
        violation.what,
        violation.profile,
        violation.found,
        violation.wanted
    );
    let why = wrap(&why, WHY_COLUMNS, "");
    let words = Words {
        title: &title,
        why: why.trim_end(),
        settle,
        overlay,
        rows: &rows(finding),
    };
    text(&finding.sequence, &words)
}

/// A row for everything that was wrong, and for each gateway at the end.
fn rows(finding: &Finding) -> Vec<FileRow> {
    let steps = finding.sequence.steps().len();
    let whole = finding.trial.shown.len() == steps;
    let mut rows: Vec<FileRow> = Vec::new();
    for point in &finding.trial.points {
        let Some(probe) = point.probe else { continue };
        // Points after the end of the cut sequence do not belong to it.
        if point.begun > steps || (point.at == Moment::End && !whole) {
            continue;
        }
        let last = point.at == Moment::End && probe == Probe::Service;
        let there = |r: &FileRow| r.at == point.at && r.probe == probe && r.profile == point.profile;
        if (point.holds() && !last) || rows.iter().any(there) {
            continue;
        }
        rows.push(FileRow {
            at: point.at,
            probe,
            profile: point.profile.clone(),
            fixed: point.wanted.clone(),
            regressed: point.found.clone(),
        });
    }
    rows
}
