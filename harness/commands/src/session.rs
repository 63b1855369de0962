//! An invocation that talks to an engine: its run id, its connection and its clocks.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::images::EventSink;
use crate::options::EngineOptions;
use crate::{Failure, FailureKind};
use comeback_engine::{DockerEngine, Engine, EngineInfo, NoAddress, locate};
use comeback_history::clock::ClockOffset;
use comeback_image::Image;
use comeback_observe::clock::Clocks;
use comeback_observe::hub::EventHub;
use comeback_record::event::RunEvent;
use comeback_record::ledger::EngineEntry;
use comeback_runner::{Environments, Paces, RunContext, Slots};
use comeback_text::redact;

/// The note for a run in which the offset between the two clocks cannot be measured.
pub const NO_CLOCK: &str = "the engine does not report the time of its host, or its clock was set during the measurement: its \
                            times are taken as this host's, and latencies are not reported";

/// An engine that answered.
pub struct Connected {
    /// Its address.
    pub host: String,
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// What it reports about itself.
    pub info: EngineInfo,
    /// The command that restarts its daemon.
    pub daemon_restart: Option<String>,
    /// The clocks of this host and of the engine's host.
    pub clocks: Clocks,
}

/// Connects to the engine that the options name.
pub async fn connect(args: &EngineOptions) -> Result<Connected, Failure> {
    let host = host(args)?;
    let engine = DockerEngine::connect(Some(&host))
        .await
        .map_err(|e| Failure::engine(&e, &host))?;
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let info = engine.info().await.map_err(|e| Failure::engine(&e, &host))?;
    if !args.engine.is(&info.name) {
        return Err(Failure::new(FailureKind::EngineUnavailable {
            host: redact::text(&host),
            why: format!("{} answers there, and --engine asks for another engine", info.name),
        }));
    }
    let clocks = Clocks::measure(engine.as_ref()).await;
    Ok(Connected {
        host,
        engine,
        info,
        daemon_restart: args.daemon_restart.clone(),
        clocks,
    })
}

impl Connected {
    /// The engine's entry in records and documents.
    pub fn entry(&self) -> EngineEntry {
        engine_entry(&self.info, self.clocks.offset)
    }

    /// Sends [`NO_CLOCK`] if the clock offset is unknown.
    pub fn tell_clock(&self, tell: &EventSink) {
        if self.clocks.offset.is_none() {
            tell(RunEvent::Note {
                text: NO_CLOCK.to_owned(),
            });
        }
    }

    /// The context that the cases of a run share. `wait` is the deadline of a wait, and `case` that of a case.
    pub async fn context(
        &self,
        run: &str,
        observer: Option<Image>,
        slots: Slots,
        wait: Duration,
        case: Duration,
        seed: u64,
    ) -> Result<RunContext, Failure> {
        let hub = EventHub::open(self.engine.clone(), run.to_owned()).await;
        Ok(RunContext {
            engine: self.engine.clone(),
            clocks: self.clocks,
            tells_of_execs: self.info.tells_of_execs(),
            hub: hub.map_err(|e| Failure::engine(&e, &self.host))?,
            daemon_restart: self.daemon_restart.clone(),
            host: self.host.clone(),
            run: run.to_owned(),
            observer,
            limit: wait.min(case),
            case_limit: case,
            slots,
            environments: Environments::default(),
            paces: Paces::default(),
            seed,
            stop_at: None,
        })
    }
}

/// The entry of an engine in records and documents.
pub fn engine_entry(info: &EngineInfo, clock: Option<ClockOffset>) -> EngineEntry {
    EngineEntry {
        name: info.name.clone(),
        version: info.version.clone(),
        api: info.api.clone(),
        host: info.host.clone(),
        cpus: info.cpus,
        memory: info.memory,
        storage: info.storage.clone(),
        architecture: info.architecture.clone(),
        memory_limit: info.memory_limit,
        clock,
    }
}

/// The address of the engine that the options name.
pub fn host(args: &EngineOptions) -> Result<String, Failure> {
    match locate(args.engine, args.host.as_deref()) {
        Ok(address) => Ok(address.url),
        Err(NoAddress { meant, why }) => Err(Failure::new(FailureKind::EngineUnavailable { host: meant, why })),
    }
}

/// When an invocation began, and its id.
pub struct Clock {
    /// The run's id. It can be sorted by time, is unique on an engine, and is valid in a container's name.
    pub run: String,
    /// The time at which it began.
    pub started: Timestamp,
    since: Instant,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        let started = Timestamp::now();
        let pid = std::process::id();
        let run = format!(
            "{}-{:x}-{pid:x}",
            started.strftime("%Y%m%d%H%M%S"),
            started.subsec_nanosecond() / 1000
        );
        Self {
            run,
            started,
            since: Instant::now(),
        }
    }

    /// Seconds so far.
    pub fn seconds(&self) -> f64 {
        self.since.elapsed().as_secs_f64()
    }
}

/// Writes a file, and creates its folder.
///
/// # Errors
///
/// If the file or its folder cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    parent(path)?;
    std::fs::write(path, text).map_err(|why| io(path, &why))
}

/// Creates the folder of a file.
pub fn parent(path: &Path) -> Result<(), Failure> {
    match path.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) => std::fs::create_dir_all(parent).map_err(|why| io(path, &why)),
        None => Ok(()),
    }
}

/// The failure for a file that cannot be read or written.
pub fn io(path: &Path, why: &impl ToString) -> Failure {
    Failure::new(FailureKind::Io {
        path: path.display().to_string(),
        why: why.to_string(),
    })
}
