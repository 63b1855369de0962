//! Scenarios and their vocabulary in words: `comeback scenarios`, `explain`, `operations`, `probes`.

mod step;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pep440_rs::{Operator, Version, VersionSpecifier};

use super::diagnostic::{escape, wrap};
use super::model::{
    DEFAULT_PROFILE, Deviation, ImageRef, MountKind, RestartPolicy, Scenario, Setup, Sidecar, StartBy, StartWait,
};
use super::parse::describe_values;
use super::vocabulary::{
    COMMON, EXPECT, FIGURE, HEALTHCHECK, KNOWN, KNOWN_ROW, Key, Kind, Moments, OperationKind, PROFILE, Probe, RACE,
    SEED, SIDECAR, START, TOP, Target, UPGRADE,
};
use step::{seed, sentence, variables};

/// What happens in a scenario, why it matters, and what each column says.
pub fn explain(scenario: &Scenario) -> String {
    let mut out = format!("{}: {}\n", scenario.id, escape(&scenario.title));
    let mut facts = Vec::new();
    if !scenario.issues.is_empty() {
        facts.push(scenario.issues.join(", "));
    }
    if !scenario.tags.is_empty() {
        facts.push(format!("tags {}", scenario.tags.join(", ")));
    }
    match (&scenario.fixed_in, scenario.invariant) {
        (_, true) => facts.push("holds in every release".to_owned()),
        (Some(version), _) => facts.push(format!("fixed in {version}")),
        (None, _) => facts.push("fixed in no release".to_owned()),
    }
    if let (ImageRef::Other(image), false) = (scenario.first_image(), scenario.invariant) {
        let of = match scenario.deciding_image() {
            ImageRef::Subject => "of the image under test",
            ImageRef::Other(_) => image,
        };
        facts.push(format!("the release {of} decides which column is expected"));
    }
    if let Some(releases) = &scenario.releases {
        facts.push(format!("applies to {releases}"));
    }
    let _ = writeln!(out, "{}\n", facts.join(" · "));
    let _ = writeln!(out, "{}\n", wrap(&escape(&story(scenario))));
    if !scenario.why.is_empty() {
        let why = scenario.why.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "{}\n", wrap(&escape(&why)));
    }
    out.push_str(&columns(scenario));
    for figure in &scenario.figures {
        let (step, probe, bound) = (figure.step, figure.probe, figure.at_most.as_secs_f64());
        let _ = writeln!(out, "\nfigure: after:{step} {probe}, at most {bound} s");
    }
    for known in &scenario.known {
        let or_fixed = if known.or_fixed { " or as fixed" } else { "" };
        deviation(&mut out, "known of", &known.deviation, or_fixed);
    }
    for race in &scenario.races {
        deviation(
            &mut out,
            &format!("a race, seen {}, of", race.seen),
            &race.deviation,
            "",
        );
    }
    out
}

/// A deviation on record: whose it is, what is going on, and what is seen.
fn deviation(out: &mut String, what: &str, deviation: &Deviation, or_fixed: &str) {
    let mut of = deviation.releases.to_string();
    if !deviation.bases.is_empty() {
        let _ = write!(of, " on {}", deviation.bases.join(", "));
    }
    if let Some(range) = &deviation.supervisor {
        let _ = write!(of, " with s6 {range}");
    }
    let note = format!("{what} {of}: {}", deviation.note.trim());
    let _ = writeln!(out, "\n{}", wrap(&escape(&note)));
    for row in &deviation.rows {
        let shown = format!("{}{or_fixed}", row.observed);
        let (profile, shown) = (escape(&row.profile), escape(&shown));
        let _ = writeln!(out, "  {} {} {profile}: {shown}", row.at, row.probe);
    }
}

/// On which releases the rows do not show what the rule asks for: those before the fix, and those with a deviation on record
/// that is always met. Empty where no release is known to break it.
fn red_on(scenario: &Scenario) -> String {
    // The first releases that the scenario applies to may have the fix already.
    let begins = |version: &Version| {
        let lower = |from: &VersionSpecifier| {
            matches!(from.operator(), Operator::GreaterThan | Operator::GreaterThanEqual) && from.version() >= version
        };
        scenario.releases.iter().flat_map(|range| range.iter()).any(lower)
    };
    let regressed = match &scenario.fixed_in {
        _ if scenario.invariant => None,
        Some(version) if begins(version) => None,
        Some(version) => Some(format!("<{version}")),
        None => Some(scenario.releases.as_ref().map_or("all".to_owned(), ToString::to_string)),
    };
    let known = scenario.known.iter().map(|known| known.deviation.releases.to_string());
    let mut all: Vec<String> = Vec::new();
    for releases in regressed.into_iter().chain(known) {
        let releases = releases.replace(' ', "");
        // A part of a range that is there says nothing new.
        let part = |have: &String| *have == releases || releases.starts_with(&format!("{have},"));
        if !all.iter().any(part) {
            all.push(releases);
        }
    }
    all.join(" or ")
}

/// The scenarios grouped by their first tag: the releases on which they are red, titles, and the reports they show.
pub fn list<'a>(scenarios: impl IntoIterator<Item = &'a Scenario>) -> String {
    let mut groups: BTreeMap<&str, Vec<Vec<String>>> = BTreeMap::new();
    for scenario in scenarios {
        let group = scenario.tags.first().map_or("other", String::as_str);
        let line = vec![
            format!("  {}", scenario.id),
            red_on(scenario),
            escape(&scenario.title),
            scenario.issues.join(" "),
        ];
        groups.entry(group).or_default().push(line);
    }
    let heads = ["scenario", "red on", "what happens", "reports"];
    let mut all: Vec<Vec<String>> = vec![heads.map(str::to_owned).into()];
    // What a first look is for comes first, the rest by name.
    let (core, rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(|(tag, _)| *tag == "core");
    for (tag, lines) in core.into_iter().chain(rest) {
        all.push(Vec::new());
        all.push(vec![tag.to_owned()]);
        all.extend(lines);
    }
    align(&all)
}

/// Every operation with its parameters, sender, target and signal.
pub fn operations() -> String {
    let mut out = String::new();
    for kind in OperationKind::ALL {
        let info = kind.info();
        let _ = writeln!(out, "{}", info.name());
        out.push_str(&indented(info.doc));
        let sender = info.sender.words();
        let from = if info.target == Target::Nobody {
            format!("by {sender}")
        } else {
            format!("{sender} → {}", info.target.words())
        };
        let signal = if info.signal.is_empty() {
            String::new()
        } else {
            format!("; {}", info.signal)
        };
        out.push_str(&indented(&format!("{from}{signal}")));
        let _ = writeln!(out, "  {}", info.example);
        out.push_str(&parameters(info.shape.keys));
        out.push('\n');
    }
    let _ = writeln!(out, "every operation also takes");
    out.push_str(&parameters(COMMON));
    out
}

/// The tables of a scenario file with their keys, and how the smallest file looks.
pub fn keys() -> String {
    let mut out = format!(
        "A scenario is a file NAME.toml in the folder that --scenarios names; NAME is its id. The smallest one:\n\n{}\n",
        SMALLEST.lines().map(|line| format!("  {line}\n")).collect::<String>()
    );
    let tables = [
        &TOP,
        &START,
        &HEALTHCHECK,
        &PROFILE,
        &SIDECAR,
        &SEED,
        &UPGRADE,
        &EXPECT,
        &FIGURE,
        &KNOWN,
        &RACE,
        &KNOWN_ROW,
    ];
    for shape in tables {
        let _ = writeln!(out, "{}", shape.name);
        out.push_str(&parameters(shape.keys));
        out.push('\n');
    }
    out.push_str(
        "A [[step]] has one operation as its key: `comeback scenarios operations`. What a row can read:\n\
         `comeback scenarios probes`. The same as a JSON schema: scenarios/schema.json.\n\n\
         Placeholders in `text` and `json`: {pid} and {start_time} are those of the profile's gateway that runs, or ran\n\
         last; {now} is the present, {now-90s} and {now-2m} are times before it.\n",
    );
    out
}

/// A scenario file that can fail.
pub(crate) const SMALLEST: &str = r#"schema = 1
title = "docker restart of a live gateway"
fixed_in = "0.17.0"

[[step]]
engine-restart = {}

[[expect]]
at = "end"
probe = "service"
fixed = "up"
regressed = "down"
"#;

/// Every probe with its values and moments.
pub fn probes() -> String {
    let mut out = String::new();
    for probe in Probe::ALL {
        let info = probe.info();
        let _ = writeln!(out, "{probe}");
        out.push_str(&indented(info.doc));
        out.push_str(&indented(&format!("values: {}", describe_values(info))));
        match info.moments {
            Moments::Any => {}
            Moments::NotDown => out.push_str("  not at down:N\n"),
            Moments::After => out.push_str("  at after:N only\n"),
        }
        out.push('\n');
    }
    out.push_str(
        "moments: start, after:N (step N is over), down:N (the Nth gateway life has ended and the next one has not\n\
         written yet), boot:N (the Nth boot of the container), end (all steps and the settling window are over)\n",
    );
    out
}

/// Text below a heading.
fn indented(text: &str) -> String {
    wrap(text).lines().map(|line| format!("  {line}\n")).collect()
}

fn parameters(keys: &[Key]) -> String {
    let lines: Vec<Vec<String>> = keys
        .iter()
        .map(|k| {
            let need = if k.required { " (required)" } else { "" };
            let words = match k.kind {
                Kind::Word(words) | Kind::Words(words) => format!(": {}", words.join(", ")),
                _ => String::new(),
            };
            vec![format!("    {}", k.name), format!("{}{need}{words}", k.doc)]
        })
        .collect();
    align(&lines)
}

/// What happens, in sentences.
fn story(scenario: &Scenario) -> String {
    let mut said = Vec::new();
    if !scenario.seeds.is_empty() {
        let seeds: Vec<String> = scenario.seeds.iter().map(seed).collect();
        said.push(format!("The volume starts with {}.", join(&seeds)));
    }
    if let Some(upgrade) = &scenario.upgrade {
        let name = |image: &ImageRef| match image {
            ImageRef::Subject => "the image under test".to_owned(),
            ImageRef::Other(other) => other.clone(),
        };
        said.push(format!(
            "The first container is of {}, later ones of {}.",
            name(&upgrade.from),
            name(&upgrade.to)
        ));
    }
    if let ImageRef::Other(image) = &scenario.start.image {
        said.push(format!("The first container is of {image}."));
    }
    said.push(start(scenario));
    said.extend(scenario.sidecars.iter().map(sidecar));
    for (index, step) in scenario.steps.iter().enumerate() {
        let while_last = index > 0 && !scenario.steps[index - 1].wait;
        let then = if while_last { "Meanwhile" } else { "Then" };
        said.push(format!("{then} ({}) {}.", index + 1, sentence(step)));
    }
    said.join(" ")
}

fn start(scenario: &Scenario) -> String {
    let start = &scenario.start;
    let mut text = match start.by {
        StartBy::Operator => "The container boots and the operator starts the gateway".to_owned(),
        StartBy::Reconcile => "The container boots and the reconciler starts the gateway or leaves it".to_owned(),
        StartBy::Cmd => format!("The container boots with the command `{}`", start.cmd.join(" ")),
        StartBy::None => "The container boots and nobody starts the gateway".to_owned(),
    };
    match start.wait {
        StartWait::Running => text.push_str(", until it says `running` itself"),
        StartWait::Process => text.push_str("; what follows begins as soon as its process exists"),
        StartWait::None => {}
    }
    text.push('.');
    for profile in scenario.profiles.iter().filter(|p| p.name != DEFAULT_PROFILE) {
        let soul = if profile.soul { "" } else { " without a SOUL.md" };
        let who = match profile.start {
            StartBy::Operator => "started by the operator",
            StartBy::Reconcile => "left to the reconciler",
            StartBy::Cmd | StartBy::None => "started by nobody",
        };
        let _ = write!(text, " Profile {}{soul} is {who}.", profile.name);
    }
    match start.policy {
        RestartPolicy::No => {}
        RestartPolicy::Always => text.push_str(" Its restart policy is `always`."),
        RestartPolicy::UnlessStopped => text.push_str(" Its restart policy is `unless-stopped`."),
        RestartPolicy::OnFailure => text.push_str(" Its restart policy is `on-failure`."),
    }
    if !start.env.is_empty() {
        let _ = write!(text, " Its environment has {}.", join(&variables(&start.env)));
    }
    text.push_str(&setup(&start.setup));
    if let Some(overlay) = &start.overlay {
        let _ = write!(text, " The fault overlay {overlay} is on.");
    }
    text
}

/// Another container.
fn sidecar(sidecar: &Sidecar) -> String {
    let mut text = format!("Another container on the same volume is {}", sidecar.name);
    if let ImageRef::Other(image) = &sidecar.image {
        let _ = write!(text, ", of {image}");
    }
    for (what, argv) in [
        ("entrypoint", sidecar.entrypoint.as_deref()),
        ("command", Some(&*sidecar.cmd)),
    ] {
        if let Some(argv) = argv.filter(|argv| !argv.is_empty()) {
            let _ = write!(text, ", with the {what} `{}`", argv.join(" "));
        }
    }
    if !sidecar.env.is_empty() {
        let _ = write!(text, ", with the environment {}", join(&variables(&sidecar.env)));
    }
    text + "."
}

/// How the container is set up, where that is not as usual.
fn setup(setup: &Setup) -> String {
    let mut all = Vec::new();
    if setup.init {
        all.push("the engine's init as PID 1".to_owned());
    }
    if let Some(entrypoint) = &setup.entrypoint {
        all.push(format!("the entrypoint `{}`", entrypoint.join(" ")));
    }
    if let Some(user) = &setup.user {
        all.push(format!("the user {user}"));
    }
    if setup.read_only {
        all.push("a read-only root file system".to_owned());
    }
    for (names, what) in [(&setup.cap_drop, "without"), (&setup.cap_add, "with")] {
        if !names.is_empty() {
            all.push(format!("capabilities {what} {}", join(names)));
        }
    }
    if !setup.tmpfs.is_empty() {
        all.push(format!("{} in memory", join(&setup.tmpfs)));
    }
    if let Some(check) = &setup.healthcheck {
        let every = check.interval.as_secs_f64();
        all.push(format!("the health check `{}` every {every} s", check.cmd.join(" ")));
    }
    if setup.mount == MountKind::Bind {
        all.push("a folder of the host in place of a volume".to_owned());
    }
    if let Some(size) = setup.volume_size {
        all.push(format!("a volume of {} KiB", size >> 10));
    }
    if setup.volume_read_only {
        all.push("a volume that is read-only until the container is made again".to_owned());
    }
    match all.is_empty() {
        true => String::new(),
        false => format!(" It has {}.", join(&all)),
    }
}

/// Both columns as a table.
fn columns(scenario: &Scenario) -> String {
    let profiles = scenario.expects.iter().any(|e| e.profile != DEFAULT_PROFILE);
    let mut lines = Vec::new();
    let mut push = |at: String, probe: String, profile: String, fixed: String, regressed: String, guards: String| {
        let mut line = vec![format!("  {at}"), probe];
        if profiles {
            line.push(profile);
        }
        line.extend([fixed, regressed, guards]);
        lines.push(line);
    };
    let s = str::to_owned;
    push(
        s("at"),
        s("probe"),
        s("profile"),
        s("fixed"),
        s("regressed"),
        String::new(),
    );
    for row in &scenario.expects {
        let regressed = if row.fixed.same(&row.regressed) {
            "the same".to_owned()
        } else {
            escape(&row.regressed.to_string())
        };
        let guards = row.guards.map_or_else(String::new, |g| {
            format!("guards the {}", format!("{g:?}").to_lowercase())
        });
        push(
            row.at.to_string(),
            match (&row.path, &row.container) {
                (Some(path), _) => format!("{} {}", row.probe, escape(path)),
                (None, Some(container)) => format!("{} in {container}", row.probe),
                (None, None) => row.probe.to_string(),
            },
            escape(&row.profile),
            escape(&row.fixed.to_string()),
            regressed,
            guards,
        );
    }
    align(&lines)
}

/// Columns as wide as their widest cell; no blanks at the ends of lines.
fn align(lines: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    // A line of one cell is a heading and widens nothing.
    for line in lines.iter().filter(|l| l.len() > 1) {
        widths.resize(widths.len().max(line.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for line in lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(widths.iter().chain(std::iter::repeat(&0))) {
            let _ = write!(text, "{cell:width$}  ");
        }
        let _ = writeln!(out, "{}", text.trim_end());
    }
    out
}

/// `a, b and c`.
fn join(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    fn all() -> Catalogue {
        Catalogue::load(None).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn the_core_in_words() {
        for id in [
            "docker-restart",
            "unmarked-sigterm",
            "operator-stop",
            "docker-restart-seeded",
        ] {
            let text = all().get(id).map(explain).unwrap_or_default();
            insta::assert_snapshot!(format!("explain-{id}"), text);
        }
    }

    #[test]
    fn the_list() {
        let all = all();
        insta::assert_snapshot!(list(all.iter().filter(|s| s.tags.iter().any(|t| t == "core"))));
        assert!(all.iter().all(|s| list([s]).contains(&s.id)));
    }

    #[test]
    fn the_vocabulary() {
        insta::assert_snapshot!(operations());
        insta::assert_snapshot!(probes());
        insta::assert_snapshot!(keys());
        crate::parse_file("smallest.toml", SMALLEST).unwrap_or_else(|e| panic!("{e:?}"));
    }
}
