//! Guards a run that creates something: declares that it is going on, and starts its watchdog.

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

/// The declaration and the watchdog of a run.
pub struct RunGuard {
    _alive: Option<Alive>,
    watcher: Option<Watchdog>,
}

impl RunGuard {
    /// Starts the watchdog, which removes what the run created if this process is killed, and notes leftovers of killed runs.
    /// A run also works without a watchdog; then the user has to call `sweep` after a kill.
    pub async fn begin(to: &Connected, run: &str, progress: &Progress) -> Self {
        let note = |text| progress.on(&RunEvent::Note { text });
        let cache = Cache::default();
        let _alive = Alive::declare(&cache, run);
        let warn = |why| {
            note(format!(
                "there is no watchdog ({why}): if this process is killed, `comeback sweep` has to clean up"
            ))
        };
        let watcher = Watchdog::start(run, &to.host).map_err(warn).ok();
        if let Some(text) = active_runs::left_by_killed(&cache, &to.engine).await {
            note(text);
        }
        Self { _alive, watcher }
    }

    /// Removes what is left of a run at its end, except for the kept cases. `cut` is the signal that cut the run short.
    /// Returns a message about what should not have been left, or still is. On a further signal the watchdog cleans up.
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
