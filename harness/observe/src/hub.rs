//! One stream of engine events a run, dealt out to its cases.
//!
//! A stream that breaks is taken up again where it was: the engine remembers its last events and is asked for them from the
//! last one seen on. If that one is among them nothing is missing in between; if it is not, the cases are told.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use comeback_engine::{Engine, EngineError, EngineEvent, Stream};

/// Label naming the case a container belongs to.
pub const CASE_LABEL: &str = "comeback.case";
/// Label naming what a container is for in its case.
pub const ROLE_LABEL: &str = "comeback.role";
/// How many events are remembered, to know one that comes again: more than an engine remembers itself.
const REMEMBERED: usize = 1024;
/// How long an engine may take to repeat the last event seen.
const REPEATS: Duration = Duration::from_secs(5);
/// Before each attempt to connect again: a stream that breaks at once, again and again, must not become a busy loop.
const PAUSE: Duration = Duration::from_millis(250);

/// What a case hears.
#[derive(Debug, Clone)]
pub enum HubEvent {
    /// An event of its container under test.
    Event(EngineEvent),
    /// Events may have been missed.
    Broken(String),
}

/// A case that listens.
struct Listener {
    tell: mpsc::UnboundedSender<HubEvent>,
    /// It knows that events may be missing, and the engine has told nothing since.
    warned: bool,
}

type Listeners = Arc<Mutex<HashMap<String, Listener>>>;

/// Deals events out by case.
pub struct EventHub {
    listeners: Listeners,
    connected: watch::Receiver<bool>,
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
        let stream = engine.events(&run, None).await?.fuse().boxed();
        let listeners = Listeners::default();
        let (connects, connected) = watch::channel(true);
        let reader = Reader {
            engine,
            run,
            listeners: listeners.clone(),
            connects,
            last: None,
            seen: VecDeque::new(),
        };
        Ok(Self {
            listeners,
            connected,
            reader: tokio::spawn(reader.read(stream)),
        })
    }

    /// Events of the container under test of that case, from now on.
    pub fn listen(&self, case: &str) -> mpsc::UnboundedReceiver<HubEvent> {
        let (tell, heard) = mpsc::unbounded_channel();
        let listener = Listener { tell, warned: false };
        lock(&self.listeners).insert(case.to_owned(), listener);
        heard
    }

    /// Ends a case's subscription.
    pub fn forget(&self, case: &str) {
        lock(&self.listeners).remove(case);
    }

    /// Returns once the engine's events are heard, which is at once unless the stream broke just now. False if they are not
    /// within that time.
    pub async fn hears(&self, limit: Duration) -> bool {
        let mut connected = self.connected.clone();
        let heard = tokio::time::timeout(limit, connected.wait_for(|connected| *connected)).await;
        matches!(heard, Ok(Ok(_)))
    }
}

fn lock(listeners: &Listeners) -> std::sync::MutexGuard<'_, HashMap<String, Listener>> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the stream, and what takes its place.
struct Reader {
    engine: Arc<dyn Engine>,
    run: String,
    listeners: Listeners,
    connects: watch::Sender<bool>,
    last: Option<EngineEvent>,
    /// Digests of the last ones: with all its labels an event is some kilobytes.
    seen: VecDeque<u64>,
}

impl Reader {
    async fn read(mut self, mut stream: Stream<EngineEvent>) {
        loop {
            let why = loop {
                match stream.next().await {
                    Some(Ok(event)) => self.take(event),
                    Some(Err(error)) => break error.to_string(),
                    None => break "it ended".to_owned(),
                }
            };
            self.connects.send_replace(false);
            stream = self.connect_again(&why).await;
            self.connects.send_replace(true);
        }
    }

    /// A stream in place of the one that broke. Cases hear of it if something may be missing in between.
    async fn connect_again(&mut self, why: &str) -> Stream<EngineEvent> {
        let last = self.last.clone();
        loop {
            tokio::time::sleep(PAUSE).await;
            match self.engine.events(&self.run, last.as_ref().map(|event| event.at)).await {
                Ok(stream) => {
                    let mut stream = stream.fuse().boxed();
                    let whole = match &last {
                        Some(last) => self.goes_on(&mut stream, last).await,
                        // Nothing was ever heard, so nothing can show that it was all there was.
                        None => false,
                    };
                    if !whole {
                        self.tell_all(why);
                    }
                    return stream;
                }
                Err(error) => {
                    tracing::debug!("the engine's events: {error}");
                    // It is away, and comes back without its memory, or does not.
                    self.tell_all(why);
                }
            }
        }
    }

    /// True if the stream begins with the last event that was seen.
    async fn goes_on(&mut self, stream: &mut Stream<EngineEvent>, last: &EngineEvent) -> bool {
        let repeats = async {
            while let Some(Ok(event)) = stream.next().await {
                let (found, later) = (event == *last, event.at > last.at);
                self.take(event);
                if found || later {
                    return found;
                }
            }
            false
        };
        tokio::time::timeout(REPEATS, repeats).await.unwrap_or(false)
    }

    /// Deals an event out, unless it was before.
    fn take(&mut self, event: EngineEvent) {
        let digest = digest(&event);
        if self.seen.contains(&digest) {
            return;
        }
        deal(&self.listeners, &event);
        self.last = Some(event);
        self.seen.push_back(digest);
        if self.seen.len() > REMEMBERED {
            self.seen.pop_front();
        }
    }

    /// Tells every case that has not been told since the last event. An engine that is away may accept a connection and end
    /// it at once, four times a second.
    fn tell_all(&self, why: &str) {
        for listener in lock(&self.listeners).values_mut() {
            if !std::mem::replace(&mut listener.warned, true) {
                let _ = listener.tell.send(HubEvent::Broken(why.to_owned()));
            }
        }
    }
}

fn digest(event: &EngineEvent) -> u64 {
    let mut hasher = DefaultHasher::new();
    event.hash(&mut hasher);
    hasher.finish()
}

fn deal(listeners: &Listeners, event: &EngineEvent) {
    let mut listeners = lock(listeners);
    listeners.values_mut().for_each(|listener| listener.warned = false);
    if event.attributes.get(ROLE_LABEL).map(String::as_str) != Some("subject") {
        return;
    }
    if let Some(case) = event.attributes.get(CASE_LABEL)
        && let Some(listener) = listeners.get(case)
    {
        let _ = listener.tell.send(HubEvent::Event(event.clone()));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comeback_fake::faulty::{Bad, Fault, Faulty, Kind};
    use comeback_fake::{Fake, Personality};

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_is_away_is_told_of_once() {
        let away = Fault {
            op: "events",
            nth: 0,
            always: true,
            kind: Kind::Stream {
                item: 0,
                how: Bad::Ends,
            },
        };
        let engine = Arc::new(Faulty::new(Fake::new(Personality::Fixed), Some(away)));
        let hub = EventHub::open(engine.clone(), "run".to_owned()).await.unwrap();
        let mut early = hub.listen("early");
        tokio::time::sleep(Duration::from_secs(10)).await;
        // Events of this one may be missing as well.
        let mut late = hub.listen("late");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(engine.asked().calls.len() > 20, "it was not asked again");
        for heard in [&mut early, &mut late] {
            assert!(matches!(heard.try_recv(), Ok(HubEvent::Broken(_))));
            assert!(heard.try_recv().is_err(), "told twice");
        }
    }
}
