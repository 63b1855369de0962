//! One stream of engine events a run, dealt out to its cases.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::engine::{Engine, EngineError, EngineEvent};

/// Label naming the case a container belongs to.
pub const CASE_LABEL: &str = "comeback.case";
/// Label naming what a container is for in its case.
pub const ROLE_LABEL: &str = "comeback.role";

/// What a case hears.
#[derive(Debug, Clone)]
pub enum Heard {
    /// An event of its container under test.
    Event(EngineEvent),
    /// Events may have been missed.
    Broken(String),
}

type Listeners = Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Heard>>>>;

/// Deals events out by case.
pub struct EventHub {
    listeners: Listeners,
    reader: JoinHandle<()>,
}

impl Drop for EventHub {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl EventHub {
    /// Subscribes to the run's events.
    pub async fn open(engine: Arc<dyn Engine>, run: String) -> Result<Self, EngineError> {
        let listeners = Listeners::default();
        let stream = engine.events(&run, None).await?;
        let reader = tokio::spawn({
            let listeners = listeners.clone();
            async move {
                let mut stream = stream;
                loop {
                    let why = match stream.next().await {
                        Some(Ok(event)) => {
                            deal(&listeners, event);
                            continue;
                        }
                        Some(Err(error)) => error.to_string(),
                        None => "it ended".to_owned(),
                    };
                    tell_all(&listeners, &why);
                    // A stream that breaks at once, again and again, must not become a busy loop.
                    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                    match engine.events(&run, None).await {
                        Ok(again) => stream = again,
                        Err(error) => tell_all(&listeners, &error.to_string()),
                    }
                }
            }
        });
        Ok(Self { listeners, reader })
    }

    /// Events of the container under test of that case, from now on.
    pub fn listen(&self, case: &str) -> mpsc::UnboundedReceiver<Heard> {
        let (tell, heard) = mpsc::unbounded_channel();
        lock(&self.listeners).insert(case.to_owned(), tell);
        heard
    }

    /// Ends a case's subscription.
    pub fn forget(&self, case: &str) {
        lock(&self.listeners).remove(case);
    }
}

fn lock(listeners: &Listeners) -> std::sync::MutexGuard<'_, HashMap<String, mpsc::UnboundedSender<Heard>>> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

fn deal(listeners: &Listeners, event: EngineEvent) {
    if event.attributes.get(ROLE_LABEL).map(String::as_str) != Some("subject") {
        return;
    }
    if let Some(case) = event.attributes.get(CASE_LABEL)
        && let Some(listener) = lock(listeners).get(case)
    {
        let _ = listener.send(Heard::Event(event));
    }
}

fn tell_all(listeners: &Listeners, why: &str) {
    for listener in lock(listeners).values() {
        let _ = listener.send(Heard::Broken(why.to_owned()));
    }
}
