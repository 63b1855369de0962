//! A scripted container engine for the tests of `comeback`. It keeps containers, volumes and events in memory, as a
//! real engine would show them. The containers run a scripted gateway, with or without the fix, and answer the
//! observer's and the agent's protocol.
//!
//! Nothing here takes real time: with a paused clock a whole case takes milliseconds. As with a real engine, a call
//! is carried out even if the caller stops waiting for it. [`faulty::Faulty`] adds faults.
//!
//! ```
//! use comeback_engine::Engine as _;
//! use comeback_fake::{Fake, Personality};
//!
//! tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//!     let engine = Fake::new(Personality::Fixed);
//!     engine.create_volume("data", &Default::default(), &Default::default()).await.unwrap();
//!     assert!(engine.remove_volume("data").await.unwrap());
//! });
//! ```

pub mod faulty;
mod gateway;
mod lifecycle;
mod listeners;
mod overlays;
mod personality;
mod world;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use tokio::io::AsyncRead;
use tokio::sync::mpsc;

pub use personality::{Hook, Personality};
use world::World;

use comeback_engine::{
    Attached, BuildRequest, ContainerSpec, ContainerStatus, Engine, EngineCondition, EngineError, EngineErrorKind,
    EngineEvent, EngineInfo, ExecOutput, ExecSpec, ImageInfo, ImageProgress, Images, LogLine, StoredImage, Stream,
    VolumeInfo, VolumePlace,
};
use comeback_gateway::files::DATA;
use comeback_observe::AGENT;
use comeback_observe::hub::ROLE_LABEL;

/// The scripted engine. Clones share its state.
#[derive(Clone)]
pub struct Fake {
    world: World,
}

impl Fake {
    /// An empty engine whose images hold a gateway of this kind.
    pub fn new(personality: Personality) -> Self {
        Self {
            world: World::new(personality),
        }
    }

    /// The same engine, whose images treat a fault overlay in this way.
    #[must_use]
    pub fn with_hook(self, hook: Hook) -> Self {
        self.world.lock().hook = hook;
        self
    }

    /// The same engine with its clock ahead of the harness's by `skew`.
    #[must_use]
    pub fn with_skew(self, skew: SignedDuration) -> Self {
        self.world.lock().skew(skew);
        self
    }

    /// Names of all containers and volumes.
    pub fn resources(&self) -> Vec<String> {
        self.world.resources()
    }

    /// The engine restarts: every stream ends, its history of events is lost, and so are its running containers
    /// unless they survive.
    pub fn restarts(&self, containers_survive: bool) {
        self.world.engine_restarts(containers_survive);
    }

    /// Runs work in a task of its own, so that it completes even if the caller stops waiting.
    async fn carried_out<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
        match tokio::spawn(work).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// An error status of the engine.
fn refused(call: &str, code: u16, message: &str) -> EngineError {
    let message = message.to_owned();
    EngineError::new(call, EngineErrorKind::Status { code, message })
}

fn unsupported<T>(call: &str) -> Result<T, EngineError> {
    Err(refused(call, 501, "the scripted engine does not support that"))
}

#[async_trait]
impl Images for Fake {
    async fn inspect_image(&self, reference: &str) -> Result<Option<ImageInfo>, EngineError> {
        Ok(Some(ImageInfo {
            id: reference.to_owned(),
            ..ImageInfo::default()
        }))
    }

    async fn probe_pull(&self, _reference: &str) -> Result<(), EngineError> {
        unsupported("ask the registry")
    }

    async fn pull_image(
        &self,
        _reference: &str,
        _on: &(dyn Fn(ImageProgress) + Send + Sync),
    ) -> Result<(), EngineError> {
        unsupported("pull")
    }

    async fn import_image(
        &self,
        _reference: &str,
        _changes: &[String],
        _tar: Box<dyn AsyncRead + Send + Unpin>,
    ) -> Result<String, EngineError> {
        unsupported("import")
    }

    async fn build_image(
        &self,
        _request: BuildRequest,
        _on: &(dyn Fn(ImageProgress) + Send + Sync),
    ) -> Result<String, EngineError> {
        unsupported("build")
    }

    async fn list_images(&self, _label: &str) -> Result<Vec<StoredImage>, EngineError> {
        Ok(Vec::new())
    }

    async fn remove_image(&self, _reference: &str) -> Result<bool, EngineError> {
        unsupported("remove image")
    }
}

#[async_trait]
impl Engine for Fake {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        Ok(EngineInfo {
            name: "scripted".into(),
            version: "1".into(),
            api: "1.41".into(),
            host: "unix:///nowhere".into(),
            cpus: 2,
            memory: 8 << 30,
            storage: "memory".into(),
            architecture: "x86_64".into(),
            memory_limit: true,
        })
    }

    async fn system_time(&self) -> Result<Option<Timestamp>, EngineError> {
        Ok(Some(self.world.lock().now()))
    }

    async fn condition(&self) -> Result<EngineCondition, EngineError> {
        Ok(EngineCondition::default())
    }

    async fn create_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        _place: &VolumePlace,
    ) -> Result<(), EngineError> {
        self.world.create_volume(name, labels);
        Ok(())
    }

    async fn remove_volume(&self, name: &str) -> Result<bool, EngineError> {
        self.world.remove_volume(name)
    }

    async fn list_volumes(&self, label: &str) -> Result<Vec<VolumeInfo>, EngineError> {
        Ok(self.world.list_volumes(label))
    }

    async fn run_container(&self, spec: &ContainerSpec) -> Result<String, EngineError> {
        let (world, spec) = (self.world.clone(), spec.clone());
        Self::carried_out(async move {
            let id = world.create(&spec)?;
            tokio::time::sleep(Duration::from_millis(40)).await;
            world.start(&id)?;
            Ok(id)
        })
        .await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String, EngineError> {
        self.world.create(spec)
    }

    async fn start(&self, id: &str) -> Result<(), EngineError> {
        self.world.start(id)
    }

    async fn restart(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        let (world, id) = (self.world.clone(), id.to_owned());
        Self::carried_out(async move {
            world.stop(&id, grace).await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
            world.start(&id)?;
            world.emit(&id, "restart", &[]);
            Ok(())
        })
        .await
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        let (world, id) = (self.world.clone(), id.to_owned());
        Self::carried_out(async move { world.stop(&id, grace).await }).await
    }

    async fn kill(&self, id: &str, signal: &str) -> Result<(), EngineError> {
        if signal != "SIGKILL" {
            return unsupported("kill with anything but SIGKILL");
        }
        self.world.kill(id)
    }

    async fn pause(&self, id: &str) -> Result<(), EngineError> {
        self.world.freeze(id, true)
    }

    async fn unpause(&self, id: &str) -> Result<(), EngineError> {
        self.world.freeze(id, false)
    }

    async fn remove_container(&self, id: &str) -> Result<bool, EngineError> {
        Ok(self.world.remove(id))
    }

    async fn keep(&self, _id: &str) {}

    async fn list_containers(&self, label: &str) -> Result<Vec<ContainerStatus>, EngineError> {
        Ok(self.world.list_containers(label))
    }

    async fn inspect(&self, id: &str) -> Result<Option<ContainerStatus>, EngineError> {
        Ok(self.world.inspect(id))
    }

    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<ExecOutput, EngineError> {
        let (world, id, argv) = (self.world.clone(), id.to_owned(), spec.argv.clone());
        Self::carried_out(async move {
            if !world.inspect(&id).is_some_and(|c| c.running && !c.paused) {
                return Err(refused("exec", 409, "the container does not run, or is paused"));
            }
            let mut done = gateway::command(&world, &id, &argv).await;
            done.id = world.exec_ended(&id, done.exit);
            Ok(done)
        })
        .await
    }

    async fn attach_exec(&self, id: &str, spec: &ExecSpec) -> Result<Attached, EngineError> {
        if !spec.argv.iter().any(|word| word == AGENT) {
            return unsupported("attach exec of anything but the agent");
        }
        if !self.world.inspect(id).is_some_and(|c| c.running) {
            return Err(refused("attach exec", 409, "the container is not running"));
        }
        Ok(listeners::agent(&self.world, id))
    }

    async fn attach(&self, id: &str) -> Result<Attached, EngineError> {
        match self.world.inspect(id) {
            Some(c) if c.running && c.labels.get(ROLE_LABEL).is_some_and(|role| role == "observer") => {
                Ok(listeners::observer(&self.world, id))
            }
            Some(_) => unsupported("attach to anything but a running observer"),
            None => Err(refused("attach", 404, "no such container")),
        }
    }

    async fn logs(&self, id: &str, _since: i64, _follow: bool) -> Result<Stream<LogLine>, EngineError> {
        let lines = self.world.log_of(id).into_iter().map(Ok);
        Ok(stream::iter(lines.collect::<Vec<_>>()).boxed())
    }

    async fn upload(&self, id: &str, path: &str, tar: Vec<u8>) -> Result<(), EngineError> {
        if path != DATA {
            return self.world.put(id, path, &tar);
        }
        let broken = |why: std::io::Error| EngineError::new("upload", EngineErrorKind::Broken(why.to_string().into()));
        for entry in tar::Archive::new(tar.as_slice()).entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let path = entry.path().map_err(broken)?.display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(broken)?;
            self.world.write_file(id, &path, Some(text));
        }
        Ok(())
    }

    async fn download(&self, id: &str, path: &str, _limit: usize) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.world.get(id, path))
    }

    async fn events(&self, run: &str, since: Option<Timestamp>) -> Result<Stream<EngineEvent>, EngineError> {
        let receiver = self.world.subscribe(run, since);
        Ok(received(receiver))
    }
}

/// The items of a channel as a stream.
fn received<T: Send + 'static>(receiver: mpsc::UnboundedReceiver<Result<T, EngineError>>) -> Stream<T> {
    stream::unfold(receiver, |mut receiver| async move {
        Some((receiver.recv().await?, receiver))
    })
    .fuse()
    .boxed()
}
