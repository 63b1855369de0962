//! The vocabulary in words: `comeback scenarios operations`, `keys` and `probes`.

use std::fmt::Write as _;

use super::align;
use crate::diagnostic::wrap;
use crate::parse::describe_values;
use crate::vocabulary::{
    COMMON, EXPECT, FIGURE, HEALTHCHECK, Invariant, KNOWN, KNOWN_ROW, Key, Kind, Moments, OperationKind, PROFILE,
    Probe, RACE, SEED, SIDECAR, START, TOP, Target, UPGRADE,
};

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
    out.push_str("rows that every scenario has without writing them down\n");
    let rows = Invariant::ALL.iter().map(|kind| kind.info());
    for row in rows {
        let _ = writeln!(out, "  {}", row.name);
        out.push_str(&indented(&indented(row.doc)));
    }
    out.push('\n');
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vocabulary() {
        insta::assert_snapshot!(operations());
        insta::assert_snapshot!(probes());
        insta::assert_snapshot!(keys());
        crate::parse_file("smallest.toml", SMALLEST).unwrap_or_else(|e| panic!("{e:?}"));
    }
}
