//! Containers and volumes of runs on the engine: of runs that are going on, kept by `--keep`, or leftovers of killed runs.

use std::collections::BTreeMap;

use rustix::process::{Pid, test_kill_process};

use crate::resources::counted_resources;
use comeback_engine::{Engine, EngineError, RUN_LABEL};
use comeback_report::doctor::Finding;

/// The finding about everything with a run's label.
pub async fn leftovers(engine: &dyn Engine) -> Finding {
    match runs(engine).await {
        Ok(runs) => weigh(&runs, exists),
        Err(why) => Finding::warn("left over", why.to_string(), super::ENGINES_LOG),
    }
}

/// Numbers of containers and volumes of each run.
type Runs = BTreeMap<String, (usize, usize)>;

async fn runs(engine: &dyn Engine) -> Result<Runs, EngineError> {
    let mut runs = Runs::new();
    for container in engine.list_containers(RUN_LABEL).await? {
        if let Some(run) = container.labels.get(RUN_LABEL) {
            runs.entry(run.clone()).or_default().0 += 1;
        }
    }
    for volume in engine.list_volumes(RUN_LABEL).await? {
        if let Some(run) = volume.labels.get(RUN_LABEL) {
            runs.entry(run.clone()).or_default().1 += 1;
        }
    }
    Ok(runs)
}

/// The process of a run. Its id ends with that number.
fn process(run: &str) -> Option<i32> {
    let last = run.rsplit('-').next()?;
    let decimal = run.starts_with("comeback-look-") || run.starts_with("test-");
    i32::from_str_radix(last, if decimal { 10 } else { 16 }).ok()
}

/// True if there is such a process on this host, of any user.
fn exists(process: i32) -> bool {
    let Some(pid) = Pid::from_raw(process) else {
        return false;
    };
    !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

fn weigh(runs: &Runs, exists: impl Fn(i32) -> bool) -> Finding {
    let (going, dead): (Vec<_>, Vec<_>) = runs.iter().partition(|(run, _)| process(run).is_some_and(&exists));
    let under_way = match going.len() {
        0 => String::new(),
        1 => "; one run is under way".to_owned(),
        n => format!("; {n} runs are under way"),
    };
    if dead.is_empty() {
        return Finding::ok("left over", format!("nothing{under_way}"));
    }
    let containers: usize = dead.iter().map(|(_, n)| n.0).sum();
    let volumes: usize = dead.iter().map(|(_, n)| n.1).sum();
    let ids: Vec<&str> = dead.iter().map(|(run, _)| run.as_str()).collect();
    let sweep: Vec<String> = ids
        .iter()
        .take(3)
        .map(|id| format!("comeback sweep --run {id}"))
        .collect();
    let advice = match (going.is_empty(), ids.len() > 3) {
        (true, true) => "unless --keep kept them or the runs are on another host: comeback sweep".to_owned(),
        _ => format!(
            "unless --keep kept them or the run is on another host: {}",
            sweep.join("; ")
        ),
    };
    let what = format!(
        "{} of {} whose process is gone{under_way}",
        counted_resources(containers, volumes),
        if ids.len() == 1 {
            "a run".to_owned()
        } else {
            format!("{} runs", ids.len())
        }
    );
    Finding::warn("left over", what, advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use comeback_report::doctor::State;

    fn finding(runs: &[&str]) -> Finding {
        let runs = runs.iter().map(|run| ((*run).to_owned(), (2, 1))).collect();
        weigh(&runs, |pid| pid == 0x5fe7)
    }

    #[test]
    fn a_run_under_way_is_not_left_over() {
        assert_eq!(finding(&[]).what, "nothing");
        let going = finding(&["20261123171806-aad34-5fe7"]);
        assert_eq!(
            (going.state, going.what.as_str()),
            (State::Ok, "nothing; one run is under way")
        );
    }

    #[test]
    fn leftovers_of_a_dead_run_name_the_run() {
        let dead = finding(&["20261123171806-aad34-5fe7", "20261123171806-aad34-5fe8"]);
        assert_eq!(
            dead.what,
            "2 containers and 1 volume of a run whose process is gone; one run is under way"
        );
        assert!(
            dead.advice
                .unwrap_or_default()
                .ends_with("comeback sweep --run 20261123171806-aad34-5fe8")
        );
    }

    #[test]
    fn processes_are_read_off_ids() {
        assert_eq!(process("20261123171806-aad34-5fe7"), Some(0x5fe7));
        assert_eq!(process("comeback-look-0a1b-24551"), Some(24551));
        assert_eq!(process("test-1234567-24551"), Some(24551));
        assert_eq!(process("somebody's own"), None);
        assert!(exists(i32::try_from(std::process::id()).unwrap_or_default()));
    }
}
