//! Parsers for the values of flags.

use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::{Span, SpanRelativeTo};

use comeback_commands::options::{Output, ReportFormat};
use comeback_plan::{By, Partition};

/// The format of a report, by its name.
pub fn format() -> impl TypedValueParser<Value = ReportFormat> {
    let names = ReportFormat::ALL.map(|(name, _)| name);
    PossibleValuesParser::new(names).try_map(|name| ReportFormat::named(&name).ok_or("unknown format"))
}

/// `FORMAT=PATH` of `--output`.
pub fn output(text: &str) -> Result<Output, String> {
    let (format, path) = text
        .split_once('=')
        .ok_or("expected FORMAT=PATH, such as json=report.json")?;
    if path.is_empty() {
        return Err(format!("no path after `{format}=`"));
    }
    let format = ReportFormat::named(format).ok_or_else(|| {
        let known: Vec<&str> = ReportFormat::ALL.iter().map(|(name, _)| *name).collect();
        format!("unknown format `{format}`; the formats are {}", known.join(", "))
    })?;
    Ok(Output {
        format,
        path: path.into(),
    })
}

/// A whole number from 1, for a type that cannot hold 0.
pub fn from_one<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "expected a whole number from 1".to_owned())
}

/// A duration such as `90s`, `5m`, `1h30m` or `500ms`. A bare number is seconds. Zero is rejected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write it as 90s, 5m, 1h30m or 7d");
    let duration = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let span: Span = text.parse().map_err(|_| wrong())?;
            let days = SpanRelativeTo::days_are_24_hours();
            let duration = span.to_duration(days).map_err(|_| wrong())?;
            duration.try_into().map_err(|_| wrong())?
        }
    };
    if duration.is_zero() {
        return Err("it must be longer than 0".into());
    }
    Ok(duration)
}

/// Where the number of the first shard stands.
enum First {
    Is(u32),
    /// In this variable.
    In(&'static str),
}

/// The variables in which CI servers and clusters give the shard's number and the number of shards, and the number of the
/// first shard.
const SHARDS: [(&str, &str, First); 6] = [
    // For those that let a job name its variables, as Docker Swarm does.
    ("COMEBACK_PARTITION_INDEX", "COMEBACK_PARTITION_COUNT", First::Is(0)),
    // A Kubernetes Indexed Job has no variable for the number of its pods.
    ("JOB_COMPLETION_INDEX", "COMEBACK_PARTITION_COUNT", First::Is(0)),
    (
        "SLURM_ARRAY_TASK_ID",
        "SLURM_ARRAY_TASK_COUNT",
        First::In("SLURM_ARRAY_TASK_MIN"),
    ),
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", First::Is(1)),
    ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", First::Is(0)),
    ("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", First::Is(0)),
];

/// A shard such as `slice:2/3`. `slice:auto` is the shard that the environment names.
pub fn partition(text: &str) -> Result<Partition, String> {
    partition_in(text, |name| std::env::var(name).ok())
}

fn partition_in(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Partition, String> {
    let by = By::ALL.into_iter().find(|(name, _)| text == format!("{name}:auto"));
    let Some((name, _)) = by else {
        return text.parse();
    };
    for (index, total, first) in SHARDS {
        let (Some(of_index), Some(of_total)) = (variable(index), variable(total)) else {
            continue;
        };
        let first = match first {
            First::Is(first) => Some(first),
            First::In(name) => variable(name).and_then(|first| first.parse().ok()),
        };
        let number = of_index.parse::<u32>().ok().zip(first);
        let shard = number.and_then(|(number, first)| number.checked_sub(first)?.checked_add(1));
        let shard = shard.ok_or_else(|| format!("{index}={of_index} is not the number of a shard"))?;
        return format!("{name}:{shard}/{of_total}")
            .parse()
            .map_err(|why| format!("{index}={of_index}, {total}={of_total}: {why}"));
    }
    let pairs: Vec<String> = SHARDS
        .iter()
        .map(|(index, total, _)| format!("{index} with {total}"))
        .collect();
    Err(format!(
        "the environment does not say which shard this is; looked for {}",
        pairs.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::PathBuf;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("90", Some(90_000))]
    #[case("90s", Some(90_000))]
    #[case("5m", Some(300_000))]
    #[case("1h30m", Some(5_400_000))]
    #[case("500ms", Some(500))]
    #[case("7d", Some(604_800_000))]
    #[case("0", None)]
    #[case("0s", None)]
    #[case("", None)]
    #[case("s", None)]
    #[case("5x", None)]
    #[case("1m5", None)]
    #[case("-1s", None)]
    #[case("1s ago", None)]
    #[case("1mo", None)]
    #[case("5M", None)]
    #[case("99999999999999999999s", None)]
    fn durations_are_parsed(#[case] text: &str, #[case] ms: Option<u64>) {
        assert_eq!(duration(text).ok(), ms.map(Duration::from_millis));
    }

    #[rstest]
    #[case::explicit("hash:2/3", &[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "9")], Ok("hash:2/3"))]
    #[case::indexed_job("slice:auto", &[("JOB_COMPLETION_INDEX", "0"), ("COMEBACK_PARTITION_COUNT", "3")], Ok("slice:1/3"))]
    #[case::the_last("hash:auto", &[("JOB_COMPLETION_INDEX", "2"), ("COMEBACK_PARTITION_COUNT", "3")], Ok("hash:3/3"))]
    #[case::counts_from_1("slice:auto", &[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "2")], Ok("slice:1/2"))]
    #[case::counts_from_0("slice:auto", &[("CIRCLE_NODE_INDEX", "1"), ("CIRCLE_NODE_TOTAL", "2")], Ok("slice:2/2"))]
    #[case::an_array("slice:auto", &[("SLURM_ARRAY_TASK_ID", "4"), ("SLURM_ARRAY_TASK_COUNT", "2"), ("SLURM_ARRAY_TASK_MIN", "3")],
        Ok("slice:2/2"))]
    #[case::an_array_with_gaps("slice:auto", &[("SLURM_ARRAY_TASK_ID", "4"), ("SLURM_ARRAY_TASK_COUNT", "2"),
        ("SLURM_ARRAY_TASK_MIN", "0")], Err("there is no shard 5 of 2"))]
    #[case::named_by_the_job("slice:auto", &[("COMEBACK_PARTITION_INDEX", "1"), ("COMEBACK_PARTITION_COUNT", "2"),
        ("JOB_COMPLETION_INDEX", "0")], Ok("slice:2/2"))]
    #[case::half("slice:auto", &[("JOB_COMPLETION_INDEX", "0")], Err("the environment does not say"))]
    #[case::none("slice:auto", &[], Err("the environment does not say"))]
    #[case::beyond("slice:auto", &[("JOB_COMPLETION_INDEX", "3"), ("COMEBACK_PARTITION_COUNT", "3")], Err("there is no shard 4 of 3"))]
    #[case::below("slice:auto", &[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "2")], Err("is not the number of a shard"))]
    #[case::no_number("slice:auto", &[("CI_NODE_INDEX", "x"), ("CI_NODE_TOTAL", "2")], Err("is not the number of a shard"))]
    #[case::other("count:auto", &[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "2")], Err("is no partition"))]
    fn shards_are_parsed_or_taken_from_the_environment(
        #[case] text: &str,
        #[case] variables: &[(&str, &str)],
        #[case] wanted: Result<&str, &str>,
    ) {
        let variable = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        match (partition_in(text, variable), wanted) {
            (Ok(found), Ok(wanted)) => assert_eq!(found.to_string(), wanted),
            (Err(why), Err(says)) => assert!(why.contains(says), "{why}"),
            (found, wanted) => panic!("{found:?}, wanted {wanted:?}"),
        }
    }

    #[rstest]
    #[case("json=a.json", Ok("a.json"))]
    #[case("json=a=b", Ok("a=b"))]
    #[case("json", Err("expected FORMAT=PATH, such as json=report.json"))]
    #[case("json=", Err("no path after `json=`"))]
    #[case(
        "pdf=a",
        Err("unknown format `pdf`; the formats are human, json, jsonl, junit, ctrf, markdown, annotations, html")
    )]
    fn outputs_are_parsed(#[case] text: &str, #[case] wanted: Result<&str, &str>) {
        let found = output(text);
        assert_eq!(found.map(|o| o.path), wanted.map(PathBuf::from).map_err(str::to_owned));
    }
}
