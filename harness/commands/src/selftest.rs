//! `selftest`: runs the table on gateways that are broken on purpose.

use std::collections::BTreeSet;

use super::job::{Job, Purpose};
use super::run_output::RunOutput;
use super::{Caller, select};
use crate::Failure;
use crate::options::SelftestOptions;
use comeback_scenario::model::Scenario;
use comeback_scenario::overlay::{Overlay, overlays};
use comeback_verdict::Exit;

/// Runs the scenarios that have to catch each overlay, or all, and each of these also without an overlay.
pub async fn selftest(args: SelftestOptions, caller: Caller) -> Result<Exit, Failure> {
    let mut output = RunOutput::open("selftest", &args.job.report, &caller);
    let outcome = async {
        let (scenarios, _) = select::scenarios(&args.job.select, None)?;
        let table = select::catalogue(args.job.select.scenarios.as_deref())?.hash();
        let overlays = chosen(&args.overlay)?;
        let images = select::images(&[args.image])?;
        let mut job = Job::new(
            images,
            cases(&scenarios, &overlays, args.all),
            args.job,
            caller.progress,
        );
        job.purpose = Purpose::Selftest { overlays, table };
        job.go(&mut output).await
    };
    let outcome = outcome.await;
    output.close(outcome)
}

/// The overlays of these names, or all.
fn chosen(names: &[String]) -> Result<Vec<Overlay>, Failure> {
    let all = overlays();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|o| o.name != **name)) {
        let known: Vec<&str> = all.iter().map(|o| o.name.as_str()).collect();
        return Err(Failure::usage(
            format!("there is no fault overlay `{unknown}`"),
            format!("the fault overlays are {}", known.join(", ")),
        ));
    }
    let chosen = |o: &Overlay| names.is_empty() || names.contains(&o.name);
    Ok(all.into_iter().filter(chosen).collect())
}

/// The scenarios of the control, then those of each overlay.
fn cases(scenarios: &[Scenario], overlays: &[Overlay], all: bool) -> Vec<Scenario> {
    let applies = |overlay: &Overlay, scenario: &Scenario| all || overlay.caught_by.contains(&scenario.id);
    let faulty: Vec<Scenario> = overlays
        .iter()
        .flat_map(|overlay| {
            let of = scenarios.iter().filter(move |s| applies(overlay, s));
            of.filter_map(|scenario| overlay.on(scenario))
        })
        .collect();
    let needed: BTreeSet<&str> = faulty.iter().filter_map(|s| Some(s.id.rsplit_once('+')?.0)).collect();
    let control: Vec<Scenario> = scenarios
        .iter()
        .filter(|s| needed.contains(s.id.as_str()))
        .cloned()
        .collect();
    control.into_iter().chain(faulty).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comeback_scenario::Catalogue;

    fn ids(all: bool, names: &[&str], filter: impl Fn(&Scenario) -> bool) -> Vec<String> {
        let catalogue = Catalogue::load(None).unwrap();
        let scenarios: Vec<Scenario> = catalogue.iter().filter(|s| filter(s)).cloned().collect();
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let cases = cases(&scenarios, &chosen(&names).unwrap(), all);
        cases.into_iter().map(|s| s.id).collect()
    }

    #[test]
    fn each_scenario_is_run_once_without_an_overlay() {
        let ids = ids(false, &["stop-writes-no-marker", "marker-write-fails"], |s| {
            s.id == "operator-stop"
        });
        let wanted = [
            "operator-stop",
            "operator-stop+stop-writes-no-marker",
            "operator-stop+marker-write-fails",
        ];
        assert_eq!(ids, wanted);
    }

    #[test]
    fn all_runs_every_pair_except_scenarios_with_their_own_overlay() {
        let two = |s: &Scenario| s.id == "docker-restart" || s.id == "ignores-sigterm";
        assert_eq!(ids(true, &[], two).len(), 1 + overlays().len());
        assert_eq!(ids(false, &["sigterm-ignored"], two), Vec::<String>::new());
    }

    #[test]
    fn an_unknown_overlay_is_a_usage_error() {
        assert_eq!(chosen(&["no-such".into()]).unwrap_err().exit(), Exit::Usage);
    }
}
