//! What a run that creates something has around it from its beginning: word that it is under way, and a process behind.

use std::sync::Arc;

use super::alive::{self, Alive};
use super::behind::Watcher;
use crate::cli::progress::Progress;
use crate::engine::Engine;
use crate::evidence::event::RunEvent;
use crate::image::Cache;

/// A run that is seen to, should it be killed.
pub struct Guarded {
    _alive: Option<Alive>,
    watcher: Option<Watcher>,
}

impl Guarded {
    /// Has a process behind that removes what the run created, should this one be killed, and tells what killed runs left.
    /// Without that process everything goes on: `sweep` does the same, if somebody thinks of it.
    pub async fn begin(engine: &Arc<dyn Engine>, host: &str, run: &str, progress: &Progress) -> Self {
        let note = |text| progress.on(&RunEvent::Note { text });
        let cache = Cache::default();
        let _alive = Alive::declare(&cache, run);
        let told = |why| {
            note(format!(
                "if this process is killed, nothing removes what it created ({why})"
            ))
        };
        let watcher = Watcher::start(run, host).map_err(told).ok();
        if let Some(text) = alive::left_by_killed(&cache, engine).await {
            note(text);
        }
        Self { _alive, watcher }
    }

    /// The process behind, where there is one.
    pub fn watcher(&mut self) -> Option<&mut Watcher> {
        self.watcher.as_mut()
    }
}
