//! Sets up a case before its first step: the volume, its seeds, the observer and the first container under test.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock};

use crate::case::{Case, Settings, Shared};
use crate::cleanup::Leftovers;
use crate::flights::Flights;
use crate::folder;
use crate::monitor::IncarnationMonitor;
use crate::observer::Observer;
use crate::overlay::{self, Fault};
use crate::subject::{self, Names};
use crate::{Done, Halt, Order, RunContext, Why, compose, support, volume};
use comeback_engine::{EngineError, VolumeInfo, VolumePlace};
use comeback_history::facts::{Fact, ObserverImage, Source};
use comeback_observe::hub::SUBJECT;
use comeback_observe::recorder::Recorder;
use comeback_scenario::model::{MountKind, Operation, Sidecar};

/// Creates the volume, the seeds, the observer and the container under test. A failure here is an error, not
/// inconclusive, because no step was tried yet.
pub async fn set_up(
    ctx: Arc<RunContext>,
    order: Arc<Order>,
    names: &Names,
    recorder: Recorder,
    leftovers: &mut Leftovers,
) -> Done<Case> {
    let error = |e: EngineError| Halt::Error(e.into());
    let engine = ctx.engine.clone();
    let image = &order.images.first;
    if !order.scenario.needs.is_empty() {
        let info = engine.info().await.map_err(error)?;
        let condition = engine.condition().await.map_err(error)?;
        for need in &order.scenario.needs {
            if let Some(why) = support::lacking(*need, &info, &condition, ctx.daemon_restart.as_deref()).await {
                return Err(Halt::Unsupported(why));
            }
        }
    }
    let fault = order.scenario.start.overlay.as_deref().map(Fault::named).transpose();
    let fault = fault.map_err(|e| Halt::Error(e.into()))?;
    let size = order.scenario.start.setup.volume_size;
    make_volume(&ctx, &order, names, leftovers).await?;
    let mut keeper = None;
    if let Some(size) = size {
        let id = engine
            .run_container(&subject::keeper(names, image, size))
            .await
            .map_err(error)?;
        leftovers.containers.push(id.clone());
        keeper = Some(id);
    }
    let seeds = volume::before_boot(&order.scenario);
    if !seeds.is_empty() {
        let seeder = match &keeper {
            Some(id) => id.clone(),
            None => {
                let made = engine.create_container(&subject::seeder(names, image)).await;
                let id = made.map_err(error)?;
                leftovers.containers.push(id.clone());
                id
            }
        };
        let hermes = volume::uid_of_hermes(engine.as_ref(), &seeder).await.map_err(error)?;
        let tar = volume::archive(&seeds, None, ctx.clocks.engines(), hermes);
        let tar = tar.map_err(|e| Halt::Error(Why::io("seeds", e)))?;
        let missing = volume::put(engine.as_ref(), &seeder, tar).await.map_err(error)?;
        if let Some(path) = missing {
            let why = format!("the engine answered that the seeds are on the volume, but {path} is not");
            return Err(Halt::Error(why.into()));
        }
    }
    let heard = ctx.hub.listen(&names.case, SUBJECT);
    let monitor = IncarnationMonitor::start(
        engine.clone(),
        heard,
        recorder.clone(),
        order.scenario.start.setup.user.clone(),
    );
    let of = ctx.observer.as_ref().unwrap_or(image);
    let from = match &ctx.observer {
        None => ObserverImage::Image,
        Some(_) => ObserverImage::Base,
    };
    recorder.push(
        Source::Harness,
        None,
        Fact::Observer {
            from,
            reference: of.reference.clone(),
            digest: of.digest.clone(),
        },
    );
    let spec = subject::observer(names, of, !seeds.is_empty());
    // The observer must be removed even if a later call fails.
    let made = OnceLock::new();
    let observe = async {
        let id = engine.run_container(&spec).await.map_err(error)?;
        let id = made.get_or_init(|| id).clone();
        Observer::open(engine.as_ref(), id, &recorder, &order.scenario.paths()).await
    };
    // At the same time, unless the observer must report the seeds before the container changes anything.
    let (observed, ran) = if seeds.is_empty() {
        tokio::join!(observe, run_subject(&ctx, &order, names, fault.as_ref()))
    } else {
        let observed = observe.await;
        let ran = if observed.is_ok() {
            run_subject(&ctx, &order, names, fault.as_ref()).await
        } else {
            Err(Halt::Error("the observer did not start".into()))
        };
        (observed, ran)
    };
    leftovers.containers.extend(made.into_inner());
    if let Ok(id) = &ran {
        leftovers.containers.push(id.clone());
    }
    let observer = observed?;
    let id = ran?;
    let settings = Settings::of(&order.scenario.start);
    let shared = Shared::new(id, &order.scenario, image.clone(), settings);
    let mut case = Case {
        ctx,
        names: names.clone(),
        order: order.clone(),
        container: None,
        sidecars: BTreeMap::new(),
        recorder,
        monitor,
        observer: Arc::new(observer),
        fault,
        shared: Mutex::new(shared),
        keeper,
        generation: AtomicUsize::new(subject::FIRST_GENERATION),
        badly_started: AtomicBool::new(false),
        flying: Arc::default(),
        flights: Flights::default(),
    };
    let sidecars = order.scenario.sidecars.iter();
    case.sidecars = sidecars
        .map(|declared| (declared.name.clone(), Arc::new(sidecar(&case, declared))))
        .collect();
    Ok(case)
}

/// Creates the volume, where the scenario says.
async fn make_volume(ctx: &RunContext, order: &Order, names: &Names, leftovers: &mut Leftovers) -> Done {
    let setup = &order.scenario.start.setup;
    let mut labels = names.labels("volume");
    let folder = (setup.mount == MountKind::Bind).then(|| folder::of(&names.volume));
    let place = match (&folder, setup.volume_size) {
        (Some(folder), _) => {
            labels.extend(folder::labels(folder, &order.images.first.digest));
            VolumePlace::Folder(folder::inner(folder).display().to_string())
        }
        (None, Some(size)) => VolumePlace::Memory(size),
        (None, None) => VolumePlace::Engine,
    };
    leftovers.volumes.push(VolumeInfo {
        name: names.volume.clone(),
        labels: labels.clone(),
    });
    let made = ctx.engine.create_volume(&names.volume, &labels, &place).await;
    made.map_err(|e| Halt::Error(e.into()))?;
    // The volume names the folder, so that it is found again whatever happens.
    folder.map_or(Ok(()), |folder| {
        folder::make(&folder).map_err(|e| Halt::Error(Why::io(folder.display().to_string(), e)))
    })
}

/// The part of a case that is about another container. The first step about it makes the container.
fn sidecar(case: &Case, declared: &Sidecar) -> Case {
    let (ctx, order, name) = (&case.ctx, &case.order, &declared.name);
    let heard = ctx.hub.listen(&case.names.case, name);
    let recorder = case.recorder.of(name);
    let image = order.images.of(&declared.image).clone();
    let shared = Shared::new(String::new(), &order.scenario, image, Settings::of_sidecar(declared));
    Case {
        ctx: ctx.clone(),
        names: case.names.clone(),
        order: order.clone(),
        container: Some(name.clone()),
        sidecars: BTreeMap::new(),
        monitor: IncarnationMonitor::start(ctx.engine.clone(), heard, recorder.clone(), None),
        recorder,
        observer: case.observer.clone(),
        fault: None,
        shared: Mutex::new(shared),
        keeper: None,
        generation: AtomicUsize::new(0),
        badly_started: AtomicBool::new(false),
        flying: case.flying.clone(),
        flights: Flights::default(),
    }
}

/// Runs the first container under test, through Compose if a step recreates it with Compose.
async fn run_subject(ctx: &RunContext, order: &Order, names: &Names, fault: Option<&Fault>) -> Done<String> {
    let image = &order.images.first;
    let composed = order.scenario.steps.iter().any(|s| s.op == Operation::ComposeRecreate);
    if composed {
        return compose::up(ctx, names, image, fault, false)
            .await
            .map_err(Halt::before_the_first_step);
    }
    let settings = Settings::of(&order.scenario.start);
    let spec = subject::subject(names, order, image, &settings, subject::FIRST_GENERATION);
    let ran = overlay::run(ctx, &spec, fault).await;
    ran.map_err(Halt::before_the_first_step)
}
