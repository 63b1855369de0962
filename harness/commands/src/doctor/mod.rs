//! `doctor`: is everything here that a run needs?

mod checks;
mod left;
mod tested;
mod ways;

use super::{Caller, print};
use crate::options::DoctorOptions;
use crate::session::Connected;
use crate::{Failure, FailureKind, style};
use comeback_engine::{Address, NoAddress};
use comeback_record::ledger::EngineEntry;
use comeback_report::doctor::{Finding, Findings, State, render};
use comeback_verdict::Exit;

/// Advice for errors of the engine itself.
const ENGINES_LOG: &str = "see the engine's own log";

/// Checks everything and prints the findings.
pub async fn doctor(args: DoctorOptions, caller: Caller) -> Result<Exit, Failure> {
    let found = examine(&args, caller.address.as_ref()).await;
    let ready = found.1.iter().all(|finding| finding.state != State::Bad);
    let exit = if ready { Exit::Held } else { Exit::Environment };
    let found = Findings {
        schema: 1,
        command: "doctor",
        ready,
        exit_code: exit.code(),
        engine: found.0,
        findings: found.1,
    };
    print(&if args.json {
        serde_json::to_string_pretty(&found)
            .map_err(|why| Failure::new(FailureKind::Internal { why: why.to_string() }))?
    } else {
        render(&found, style(caller.terminal.color, &std::io::stdout()))
    })?;
    Ok(exit)
}

async fn examine(
    args: &DoctorOptions,
    address: Option<&Result<Address, NoAddress>>,
) -> (Option<EngineEntry>, Vec<Finding>) {
    let offline = args.engine.offline;
    let (connected, first) = checks::engine(&args.engine, address).await;
    let mut findings = vec![first];
    let Some(connected) = connected else {
        findings.push(checks::compose().await);
        findings.push(checks::cache());
        return (None, findings);
    };
    let Connected {
        engine, info, clocks, ..
    } = &connected;
    findings.push(checks::api(info));
    findings.push(checks::clock(clocks.offset));
    match engine.condition().await {
        Ok(condition) => {
            findings.push(checks::storage(info, &condition));
            findings.push(checks::disk(info, &condition));
            findings.push(checks::limits(&condition));
            findings.extend(checks::support(info, &condition, args.engine.daemon_restart.as_deref()).await);
            findings.extend(checks::warnings(&condition));
        }
        Err(why) => findings.push(Finding::warn("storage", why.to_string(), ENGINES_LOG)),
    }
    match checks::ways(engine.as_ref(), info, offline).await {
        Ok(ways) => findings.extend(ways::weigh(&ways)),
        Err(why) => findings.push(Finding::bad("images", why.to_string(), ENGINES_LOG)),
    }
    findings.push(checks::compose().await);
    findings.push(checks::cache());
    findings.push(left::leftovers(engine.as_ref()).await);
    (Some(connected.entry()), findings)
}
