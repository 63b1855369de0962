//! What a run that creates something has around it from its beginning: word that it is under way, and a process behind.

use std::sync::Arc;

use super::active_runs::{self, Alive};
use super::interrupt::{ENDING, Interrupts};
use super::session::Connected;
use super::watchdog::{self, Watchdog};
use crate::progress::Progress;
use comeback_engine::Engine;
use comeback_image::Cache;
use comeback_record::event::RunEvent;
use comeback_verdict::Exit;

/// A run that is seen to, should it be killed.
pub struct RunGuard {
    _alive: Option<Alive>,
    watcher: Option<Watchdog>,
}

impl RunGuard {
    /// Has a process behind that removes what the run created, should this one be killed, and tells what killed runs left.
    /// Without that process everything goes on: `sweep` does the same, if somebody thinks of it.
    pub async fn begin(to: &Connected, run: &str, progress: &Progress) -> Self {
        let note = |text| progress.on(&RunEvent::Note { text });
        let cache = Cache::default();
        let _alive = Alive::declare(&cache, run);
        let told = |why| {
            note(format!(
                "if this process is killed, nothing removes what it created ({why})"
            ))
        };
        let watcher = Watchdog::start(run, &to.host).map_err(told).ok();
        if let Some(text) = active_runs::left_by_killed(&cache, &to.engine).await {
            note(text);
        }
        Self { _alive, watcher }
    }

    /// Removes what is left of a run at its end, except what is kept of these cases; `cut` is the signal that cut it short.
    /// Returns what should not have been left, or still is. A further signal leaves the removing to the process behind.
    pub async fn end(
        &mut self,
        engine: &Arc<dyn Engine>,
        run: &str,
        kept: &[String],
        cut: &mut Option<Exit>,
        interrupts: &mut Interrupts,
        progress: &Progress,
    ) -> Option<String> {
        let short = cut.is_some();
        if short {
            progress.stand();
            progress.println(ENDING);
        }
        tokio::select! {
            leak = watchdog::clean_up(engine, run, kept, short) => leak,
            exit = interrupts.next() => {
                progress.println(&watchdog::leave(engine, run, self.watcher.as_mut()));
                cut.get_or_insert(exit);
                None
            }
        }
    }
}
