//! The stream of engine events of a run, passed on to its cases.
//!
//! A broken stream is resumed: the engine keeps its recent events, so the hub asks for those since the last one it saw.
//! If the answer contains that event, none is missing. Otherwise the hub sends [`HubEvent::Broken`] to all cases.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use comeback_engine::{Engine, EngineError, EngineEvent, Stream};

/// The label with the case that a container belongs to.
pub const CASE_LABEL: &str = "comeback.case";
/// The label with the role of a container in its case.
pub const ROLE_LABEL: &str = "comeback.role";
/// The role of the container under test. Another container that a scenario declares has its own name as its role.
pub const SUBJECT: &str = "subject";
/// How many events are remembered to recognise repeated ones: more than an engine keeps.
const REMEMBERED: usize = 1024;
/// Deadline for an engine to repeat the last event seen.
const REPEATS: Duration = Duration::from_secs(5);
/// Pause before each attempt to reconnect, so that a stream that breaks at once does not cause a busy loop.
const PAUSE: Duration = Duration::from_millis(250);

/// A message of the hub to a case.
#[derive(Debug, Clone)]
pub enum HubEvent {
    /// An event of the container.
    Event(EngineEvent),
    /// Events may be missing. Contains the reason.
    Broken(String),
    /// The engine's daemon is another one now. What ended with the last one, no event tells.
    Restarted,
}

/// A subscription to the events of one container of a case.
struct Listener {
    role: String,
    tell: mpsc::UnboundedSender<HubEvent>,
    /// The case was warned that events may be missing, and no event has arrived since.
    warned: bool,
}

/// The subscriptions, by case.
type Listeners = Arc<Mutex<HashMap<String, Vec<Listener>>>>;

/// Passes each engine event to its case.
pub struct EventHub {
    listeners: Listeners,
    connected: watch::Receiver<bool>,
    away: watch::Sender<Outage>,
    reader: JoinHandle<()>,
}

/// While it is there, the engine's daemon is restarted: that its events end is no loss.
pub struct Away {
    away: watch::Sender<Outage>,
    connected: watch::Receiver<bool>,
}

impl Away {
    /// Waits until the events of the next daemon are heard. False if `limit` passes first.
    pub async fn over(&self, limit: Duration) -> bool {
        let (mut away, mut connected) = (self.away.subscribe(), self.connected.clone());
        let over = async {
            let back = away.wait_for(|outage| *outage == Outage::Back).await.is_ok();
            back && connected.wait_for(|connected| *connected).await.is_ok()
        };
        tokio::time::timeout(limit, over).await.unwrap_or(false)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        self.away.send_replace(Outage::None);
    }
}

/// Whether the engine's daemon is being restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outage {
    None,
    Announced,
    /// Announced, and a daemon was heard after that.
    Back,
}

impl Drop for EventHub {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl EventHub {
    /// Subscribes to the engine's events of a run.
    ///
    /// # Errors
    ///
    /// If the engine refuses the subscription.
    pub async fn open(engine: Arc<dyn Engine>, run: String) -> Result<Self, EngineError> {
        let stream = engine.events(&run, None).await?.fuse().boxed();
        let listeners = Listeners::default();
        let (connects, connected) = watch::channel(true);
        let away = watch::Sender::new(Outage::None);
        let reader = Reader {
            away: away.clone(),
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
            away,
            reader: tokio::spawn(reader.read(stream)),
        })
    }

    /// Subscribes a case to the events of its containers of that role from now on.
    pub fn listen(&self, case: &str, role: &str) -> mpsc::UnboundedReceiver<HubEvent> {
        let (tell, events) = mpsc::unbounded_channel();
        let listener = Listener {
            role: role.to_owned(),
            tell,
            warned: false,
        };
        let mut listeners = lock(&self.listeners);
        listeners.entry(case.to_owned()).or_default().push(listener);
        events
    }

    /// Announces that the engine's daemon is restarted, as long as the answer is kept.
    pub fn restarts(&self) -> Away {
        self.away.send_replace(Outage::Announced);
        Away {
            away: self.away.clone(),
            connected: self.connected.clone(),
        }
    }

    /// Ends a case's subscriptions.
    pub fn forget(&self, case: &str) {
        lock(&self.listeners).remove(case);
    }

    /// Waits until the stream of events is connected, which it is unless it broke just now. Returns false if `limit`
    /// passes first.
    pub async fn hears(&self, limit: Duration) -> bool {
        let mut connected = self.connected.clone();
        let waited = tokio::time::timeout(limit, connected.wait_for(|connected| *connected)).await;
        matches!(waited, Ok(Ok(_)))
    }
}

fn lock(listeners: &Listeners) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Listener>>> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the stream of events and resumes it when it breaks.
struct Reader {
    engine: Arc<dyn Engine>,
    run: String,
    listeners: Listeners,
    connects: watch::Sender<bool>,
    away: watch::Sender<Outage>,
    last: Option<EngineEvent>,
    /// Digests of the last events; an event itself is some kilobytes with all its labels.
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

    /// Opens a new stream. Warns all cases if events may be missing in between.
    async fn connect_again(&mut self, why: &str) -> Stream<EngineEvent> {
        let last = self.last.clone();
        loop {
            tokio::time::sleep(PAUSE).await;
            match self.engine.events(&self.run, last.as_ref().map(|event| event.at)).await {
                Ok(stream) => {
                    let mut stream = stream.fuse().boxed();
                    if *self.away.borrow() != Outage::None {
                        // The new daemon knows nothing of what the last one did, but all that it has done itself.
                        self.tell_all(&HubEvent::Restarted);
                        self.away.send_replace(Outage::Back);
                        return stream;
                    }
                    let whole = match &last {
                        Some(last) => self.repeats_last(&mut stream, last).await,
                        // No event was ever seen, so none can prove that the streams are contiguous.
                        None => false,
                    };
                    if !whole {
                        self.warn_all(why);
                    }
                    return stream;
                }
                Err(error) => {
                    tracing::debug!("the engine's events: {error}");
                    // An engine that is down may come back without its recent events, or not at all.
                    if *self.away.borrow() == Outage::None {
                        self.warn_all(why);
                    }
                }
            }
        }
    }

    /// True if the stream repeats the last event that was seen.
    async fn repeats_last(&mut self, stream: &mut Stream<EngineEvent>, last: &EngineEvent) -> bool {
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

    /// Passes an event on, unless it was passed on before.
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

    fn tell_all(&self, message: &HubEvent) {
        for listener in lock(&self.listeners).values_mut().flatten() {
            let _ = listener.tell.send(message.clone());
        }
    }

    /// Warns each case that was not warned since the last event. An engine that is down may accept a connection and end
    /// it at once, four times a second.
    fn warn_all(&self, why: &str) {
        for listener in lock(&self.listeners).values_mut().flatten() {
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
    listeners
        .values_mut()
        .flatten()
        .for_each(|listener| listener.warned = false);
    let (case, role) = (event.attributes.get(CASE_LABEL), event.attributes.get(ROLE_LABEL));
    let Some(listeners) = case.and_then(|case| listeners.get(case)) else {
        return;
    };
    for listener in listeners.iter().filter(|listener| Some(&listener.role) == role) {
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
    async fn a_restart_that_is_announced_is_no_loss() {
        let breaks = Fault {
            op: "events",
            nth: 0,
            always: false,
            kind: Kind::Stream {
                item: 0,
                how: Bad::Ends,
            },
        };
        let engine = Arc::new(Faulty::new(Fake::new(Personality::Fixed), Some(breaks)));
        let hub = EventHub::open(engine, "run".to_owned()).await.unwrap();
        let away = hub.restarts();
        let mut events = hub.listen("case", SUBJECT);
        assert!(away.over(Duration::from_secs(10)).await);
        assert!(matches!(events.try_recv(), Ok(HubEvent::Restarted)));
        assert!(events.try_recv().is_err());
        drop(away);
        let again = hub.restarts();
        assert!(
            !again.over(Duration::from_secs(10)).await,
            "nothing broke after the announcement"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_case_is_warned_once_while_the_engine_is_down() {
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
        let mut early = hub.listen("early", SUBJECT);
        tokio::time::sleep(Duration::from_secs(10)).await;
        // Events may be missing for a case that subscribes later as well.
        let mut late = hub.listen("late", SUBJECT);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(engine.asked().calls.len() > 20, "the engine was not asked again");
        for events in [&mut early, &mut late] {
            assert!(matches!(events.try_recv(), Ok(HubEvent::Broken(_))));
            assert!(events.try_recv().is_err(), "warned twice");
        }
    }
}
