//! Words for the names in the document.

use comeback_record::document::{CaseEntry, ImageEntry, RaceEntry, RowEntry, RunDocument};
use comeback_scenario::model::{DEFAULT_PROFILE, Probe, Value, ValueSet};
use comeback_scenario::vocabulary::ProbeInfo;
use comeback_text::terminal::{Paint, Style};
use comeback_verdict::{Classification, RunVerdict, Verdict};

/// The sign of a verdict.
pub fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "✓",
        Verdict::KnownBad | Verdict::Racy => "~",
        Verdict::NewlyFixed => "↑",
        Verdict::Unsupported => "-",
        Verdict::Error => "!",
        Verdict::Inconclusive => "?",
        Verdict::Mismatch | Verdict::Regression => "✗",
    }
}

/// How a verdict is painted.
pub fn paint(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Held => Paint::Good,
        Verdict::KnownBad | Verdict::Unsupported => Paint::Dim,
        Verdict::NewlyFixed | Verdict::Racy => Paint::Info,
        Verdict::Error | Verdict::Inconclusive => Paint::Doubt,
        Verdict::Mismatch | Verdict::Regression => Paint::Bad,
    }
}

/// The sign of an observation: ✓ as in the fixed column, ✗ as in the regressed one, ≠ in neither, ? not seen.
pub fn row_mark(row: &RowEntry) -> (&'static str, Paint) {
    if row.observed.is_none() {
        ("?", Paint::Doubt)
    } else if row.is_fixed() {
        ("✓", Paint::Good)
    } else if row.is_regressed() {
        ("✗", Paint::Bad)
    } else {
        ("≠", Paint::Bad)
    }
}

/// A row in plain words: `state file while down`, `boot 2 finds`.
pub fn label(row: &RowEntry) -> String {
    let what = match (Probe::parse(&row.probe).map(Probe::info), row.at.strip_prefix("boot:")) {
        (
            Some(ProbeInfo {
                boot_label: Some(label),
                ..
            }),
            Some(n),
        ) => format!("boot {n} {label}"),
        (Some(info), _) => format!("{} {}", info.label, when(&row.at)),
        // An implicit invariant, or a probe of another release: it is called what the document calls it.
        (None, _) => {
            let name = row.probe.strip_prefix("invariant.").unwrap_or(&row.probe);
            format!("{} {}", name.replace(['_', '.'], " "), when(&row.at))
        }
    };
    let what = match row.path.as_ref().or(row.container.as_ref()) {
        Some(of) => format!("{of} {what}"),
        None => what,
    };
    if row.profile == DEFAULT_PROFILE {
        what
    } else {
        format!("{}: {what}", row.profile)
    }
}

fn when(at: &str) -> String {
    match at.split_once(':') {
        Some(("after", n)) => format!("after step {n}"),
        Some(("down", "1")) => "while down".to_owned(),
        Some(("down", n)) => format!("while down, {n}"),
        Some(("boot", n)) => format!("at boot {n}"),
        _ if at == "start" => "at the start".to_owned(),
        _ if at == "end" => "at the end".to_owned(),
        _ => at.to_owned(),
    }
}

/// A value in plain words.
pub fn value(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

/// The values of a column in plain words.
pub fn values(set: &ValueSet) -> String {
    set.0.iter().map(value).collect::<Vec<_>>().join(" or ")
}

/// The short name of an image, without `release:`.
pub fn image_name(name: &str) -> &str {
    name.strip_prefix("release:").unwrap_or(name)
}

/// The kind of an image: with or without the fix, or its release; its base and supervisor.
pub fn image_kind(document: &RunDocument, image: &ImageEntry) -> String {
    let of_image = || document.cases.iter().filter(|case| case.image == image.name);
    let mut words = Vec::new();
    if document.command == "reproduce" {
        let regressed = of_image().any(|case| case.expected == "regressed");
        words.push(if regressed { "without the fix" } else { "with the fix" }.to_owned());
    } else if let Some(release) = &image.release
        && image_name(&image.name) != release
    {
        words.push(format!("release {release}"));
    } else if image.release.is_none() {
        words.push("release unknown".to_owned());
    }
    words.extend(image.base.clone());
    words.extend(image.supervisor.as_ref().map(|version| format!("s6 {version}")));
    words.join(", ")
}

/// `exit 1`, for the closing line of every report.
pub fn exit(document: &RunDocument, style: Style) -> String {
    let paint = match document.verdict {
        RunVerdict::Held => Paint::Good,
        RunVerdict::Error | RunVerdict::Inconclusive => Paint::Doubt,
        RunVerdict::Regression => Paint::Bad,
    };
    style.paint(paint, &format!("exit {}", document.exit_code))
}

/// A case by name: `docker-restart #2`.
pub fn case_name(case: &CaseEntry) -> String {
    if case.repeat > 1 {
        format!("{} #{}", case.scenario, case.repeat)
    } else {
        case.scenario.clone()
    }
}

/// Expectation and finding in a few words: `expected fixed, is regressed`.
pub fn finding(case: &CaseEntry) -> String {
    let expected = match case.expected.as_str() {
        "known" => "as on record",
        other => other,
    };
    if let Some(RaceEntry {
        attempts: Some(attempts),
        on_record,
        ..
    }) = case.race
    {
        return format!(
            "met in {} of {} attempts, on record as {} in {}",
            attempts.met, attempts.of, on_record.met, on_record.of
        );
    }
    match case.classification {
        Classification::Inconclusive => "evidence is missing".to_owned(),
        Classification::Unsupported => "cannot be done here".to_owned(),
        Classification::Error if case.steps.is_empty() => "failed before the first step".to_owned(),
        Classification::Error => "the fault did not take effect".to_owned(),
        found if found.name() == case.expected => found.to_string(),
        Classification::Neither => format!("expected {expected}, is something else"),
        found => format!("expected {expected}, is {found}"),
    }
}

/// `19.4 s`, `2 m 04 s`.
pub fn seconds(seconds: f64) -> String {
    let whole = seconds.round();
    if seconds < 59.95 {
        format!("{seconds:.1} s")
    } else {
        format!("{} m {:02} s", (whole / 60.0).floor(), whole % 60.0)
    }
}

/// `1 case`, `2 cases`.
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
