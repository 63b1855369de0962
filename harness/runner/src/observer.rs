//! The observer of a case: its container, and the link to it.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Halt, Why, limits::ANSWER};
use comeback_engine::Engine;
use comeback_history::facts::Source;
use comeback_observe::link::{Link, LinkError, catch_up};
use comeback_observe::recorder::Recorder;
use comeback_observe::wire::Told;

/// The observer of a case. It outlives every container under test, but not the engine's daemon.
pub struct Observer {
    /// Its container.
    pub id: String,
    /// `None` while the engine's daemon is restarted.
    link: watch::Sender<Option<Arc<Link>>>,
}

impl Observer {
    /// Attaches to the observer in a container that was just started.
    pub async fn open(engine: &dyn Engine, id: String, recorder: &Recorder, paths: &[&str]) -> Result<Self, Halt> {
        let attached = engine.attach(&id).await.map_err(|e| Halt::Error(e.into()))?;
        let opened = Link::open(attached, Source::Observer, recorder.clone(), |_| ()).await;
        let link = looking_at(opened, paths).await;
        let link = link.map_err(|e| Halt::Error(Why::asked("the observer", e)))?;
        Ok(Self {
            id,
            link: watch::Sender::new(Some(Arc::new(link))),
        })
    }

    /// Everything that was true on the volume when this was called is in the history when it returns.
    pub async fn sync(&self) -> Result<(), LinkError> {
        let link = self.link.borrow().clone();
        match link {
            Some(link) => link.sync(ANSWER).await,
            None => Err(LinkError::Closed("observer")),
        }
    }

    /// Returns once the observer has ended although nobody has told it to.
    pub async fn gone(&self) {
        let mut changes = self.link.subscribe();
        loop {
            let link = changes.borrow_and_update().clone();
            let Some(link) = link else {
                if changes.changed().await.is_err() {
                    return;
                }
                continue;
            };
            tokio::select! {
                biased;
                _ = changes.changed() => {}
                () = link.gone() => if !changes.has_changed().unwrap_or(false) { return },
            }
        }
    }

    /// Reads no more from it, before its container ends. Returns what it has told.
    pub async fn close(&self) -> Told {
        match self.link.send_replace(None) {
            Some(link) => link.close().await,
            None => Told::default(),
        }
    }

    /// Takes in what the observer said until its container ended, and starts it again.
    pub async fn resume(
        &self,
        engine: &dyn Engine,
        mut told: Told,
        recorder: &Recorder,
        paths: &[&str],
    ) -> Result<(), Halt> {
        let lines = engine.logs(&self.id, 0, false).await?;
        let caught_up = catch_up(lines, &mut told, recorder).await;
        caught_up.map_err(|why| Halt::Inconclusive(why.into()))?;
        engine.start(&self.id).await?;
        let attached = engine.attach(&self.id).await?;
        let opened = Link::resume(attached, recorder.clone(), told).await;
        let link = looking_at(opened, paths).await;
        let link = link.map_err(|e| Halt::Inconclusive(Why::asked("the observer", e)))?;
        self.link.send_replace(Some(Arc::new(link)));
        Ok(())
    }
}

/// Has the observer look at these paths, and tell all that is there.
async fn looking_at(opened: Result<Link, LinkError>, paths: &[&str]) -> Result<Link, LinkError> {
    let link = opened?;
    if !paths.is_empty() {
        let look_at = serde_json::json!({"c": "entries", "paths": paths});
        link.ask(look_at, ANSWER).await?;
    }
    link.sync(ANSWER).await?;
    Ok(link)
}
