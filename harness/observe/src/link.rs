//! The connection to the observer or the agent: it sends commands and receives facts and replies.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex as AsyncMutex, oneshot, watch};
use tokio::task::JoinHandle;

use super::recorder::Recorder;
use super::wire::{Message, Told};
use comeback_engine::{Attached, LogLine, LogSource, Stream};
use comeback_history::facts::{Fact, Source};

/// Most bytes that are read from one connection, where each line counts [`LINE`] bytes more. Everything goes into
/// memory and into the record, and the script runs on the Python of the image under test, which is not trusted. The
/// busiest real case sends 40 KB.
const MOST: usize = 8 << 20;
/// Bytes that a line counts besides its text.
const LINE: usize = 256;
/// Deadline for the script to read the first command.
const HELLO: Duration = Duration::from_secs(20);
/// Most losses that are recorded. One is enough to make the case inconclusive.
const LOSSES: usize = 4;

/// Why a command was not answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LinkError {
    /// The observer or agent has ended.
    #[error("the {0} is gone")]
    Closed(&'static str),
    /// It did not answer before the deadline.
    #[error("the {0} did not answer within {1:?}")]
    Deadline(&'static str, Duration),
    /// It answered that it could not carry out the command.
    #[error("{0}")]
    Refused(String),
}

type Waiters = Arc<Mutex<Option<HashMap<(u64, Stage), oneshot::Sender<Message>>>>>;

/// One of the two answers to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    /// A hold is in place.
    Armed,
    /// The command is done.
    Done,
}

/// A live connection. Dropping it ends the observer or agent.
pub struct Link {
    name: &'static str,
    input: AsyncMutex<Pin<Box<dyn AsyncWrite + Send>>>,
    waiters: Waiters,
    next: AtomicU64,
    reader: JoinHandle<()>,
    told: Arc<Mutex<Told>>,
    /// Closed when the reader has ended.
    listening: watch::Receiver<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Link {
    /// Takes over a new connection and asks the other side for all present facts. `greeted` is called with the first
    /// message.
    ///
    /// # Errors
    ///
    /// If the first command cannot be sent within 20 s.
    pub async fn open(
        attached: Attached,
        source: Source,
        recorder: Recorder,
        greeted: impl FnOnce(&Message) + Send + 'static,
    ) -> Result<Self, LinkError> {
        Self::begin(
            attached,
            source,
            recorder,
            json!({"c": "hello"}),
            Told::default(),
            greeted,
        )
        .await
    }

    /// Takes over a new connection to an observer that goes on where another one has ended.
    ///
    /// # Errors
    ///
    /// Those of [`Link::open`].
    pub async fn resume(attached: Attached, recorder: Recorder, told: Told) -> Result<Self, LinkError> {
        let hello = json!({"c": "hello", "from": told.tails});
        Self::begin(attached, Source::Observer, recorder, hello, told.of_the_next(), |_| ()).await
    }

    async fn begin(
        attached: Attached,
        source: Source,
        recorder: Recorder,
        hello: Json,
        told: Told,
        greeted: impl FnOnce(&Message) + Send + 'static,
    ) -> Result<Self, LinkError> {
        let told = Arc::new(Mutex::new(told));
        let name = if source == Source::Observer {
            "observer"
        } else {
            "agent"
        };
        let waiters: Waiters = Arc::new(Mutex::new(Some(HashMap::new())));
        let (open, listening) = watch::channel(());
        let heard = (waiters.clone(), told.clone());
        let messages = read(name, attached.lines, source, recorder, heard, greeted);
        let reader = tokio::spawn(async move {
            messages.await;
            drop(open);
        });
        let link = Self {
            name,
            input: AsyncMutex::new(attached.input),
            waiters,
            next: AtomicU64::new(1),
            reader,
            told,
            listening,
        };
        link.send(&hello, HELLO).await?;
        Ok(link)
    }

    /// Reads no more from here on. Returns what was told.
    pub async fn close(&self) -> Told {
        self.reader.abort();
        self.gone().await;
        lock(&self.told).clone()
    }

    /// Returns once no more messages are read: the other side has ended, or has sent too much.
    pub async fn gone(&self) {
        let mut listening = self.listening.clone();
        while listening.changed().await.is_ok() {}
    }

    /// Returns once every fact that was true at the time of the call is in the history.
    ///
    /// # Errors
    ///
    /// Those of [`Link::ask`].
    pub async fn sync(&self, limit: Duration) -> Result<(), LinkError> {
        self.ask(json!({"c": "sync"}), limit).await.map(|_| ())
    }

    /// Sends a command and waits until it is done.
    ///
    /// # Errors
    ///
    /// If the other side has ended, does not answer within `limit`, or refuses.
    pub async fn ask(&self, command: Json, limit: Duration) -> Result<Message, LinkError> {
        let (id, command) = self.number(command);
        let done = self.expect(id, Stage::Done)?;
        self.send(&command, limit).await?;
        self.answer(done, limit).await
    }

    /// Sends a command that takes effect later, such as `hold-at`. Returns once it is armed; the receiver gets the
    /// message that it is done.
    ///
    /// # Errors
    ///
    /// Those of [`Link::ask`], before the command is armed.
    pub async fn arm(&self, command: Json, limit: Duration) -> Result<oneshot::Receiver<Message>, LinkError> {
        let (id, command) = self.number(command);
        let armed = self.expect(id, Stage::Armed)?;
        let done = self.expect(id, Stage::Done)?;
        self.send(&command, limit).await?;
        self.answer(armed, limit).await?;
        Ok(done)
    }

    /// Waits for an answer.
    ///
    /// # Errors
    ///
    /// If the other side ends first, `limit` passes, or the answer is a refusal.
    pub async fn answer(&self, waiter: oneshot::Receiver<Message>, limit: Duration) -> Result<Message, LinkError> {
        match tokio::time::timeout(limit, waiter).await {
            Ok(Ok(message)) if message.k == "reply" && !message.ok => Err(LinkError::Refused(message.why)),
            Ok(Ok(message)) => Ok(message),
            Ok(Err(_)) => Err(LinkError::Closed(self.name)),
            Err(_) => Err(LinkError::Deadline(self.name, limit)),
        }
    }

    fn number(&self, mut command: Json) -> (u64, Json) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        command["id"] = json!(id);
        (id, command)
    }

    fn expect(&self, id: u64, stage: Stage) -> Result<oneshot::Receiver<Message>, LinkError> {
        let (answer, answered) = oneshot::channel();
        match lock(&self.waiters).as_mut() {
            Some(waiters) => waiters.insert((id, stage), answer),
            None => return Err(LinkError::Closed(self.name)),
        };
        Ok(answered)
    }

    /// Sends a line. The deadline covers the lock too: if the other side has stopped reading, another caller may hold
    /// the lock.
    async fn send(&self, command: &Json, limit: Duration) -> Result<(), LinkError> {
        let line = format!("{command}\n");
        let write = async {
            let mut input = self.input.lock().await;
            input.write_all(line.as_bytes()).await?;
            input.flush().await
        };
        match tokio::time::timeout(limit, write).await {
            Ok(written) => written.map_err(|_: std::io::Error| LinkError::Closed(self.name)),
            Err(_) => Err(LinkError::Deadline(self.name, limit)),
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes in what an observer wrote after its link was closed, from its container's output.
///
/// # Errors
///
/// If a message is missing or cannot be read: what it was.
pub async fn catch_up(mut lines: Stream<LogLine>, told: &mut Told, recorder: &Recorder) -> Result<(), String> {
    while let Some(line) = lines.next().await {
        let line = line.map_err(|error| error.to_string())?;
        if line.source == LogSource::Stderr {
            continue;
        }
        let message = Message::parse(&line.text).ok_or_else(|| unreadable("observer"))?;
        if message.n < told.next {
            continue;
        }
        if message.n > told.next {
            return Err(missing("observer", told.next, message.n));
        }
        if told.is_new(&message)
            && let Some(fact) = message.fact()
        {
            recorder.push(Source::Observer, message.at(), fact);
        }
    }
    Ok(())
}

fn missing(name: &str, expected: u64, found: u64) -> String {
    format!("{} messages of the {name} are missing", found.abs_diff(expected))
}

fn unreadable(name: &str) -> String {
    format!("the {name} sent an unreadable line")
}

async fn read(
    name: &'static str,
    mut lines: Stream<LogLine>,
    source: Source,
    recorder: Recorder,
    (waiters, told): (Waiters, Arc<Mutex<Told>>),
    greeted: impl FnOnce(&Message) + Send + 'static,
) {
    let mut greeted = Some(greeted);
    let mut left = MOST;
    let mut losses = 0;
    // If an agent cannot be started because its container just ended, some engines write the error to the agent's own
    // stream. That is no loss, because no agent was running.
    let mut before_greeting = false;
    let mut lose = |what: String| {
        losses += 1;
        if losses <= LOSSES {
            recorder.push(Source::Harness, None, Fact::Lost { what });
        }
    };
    while let Some(line) = lines.next().await {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                // An agent ends with its container, and some engines break the connection then.
                if source == Source::Observer {
                    lose(format!("the connection to the {name} broke: {error}"));
                }
                break;
            }
        };
        let Some(rest) = left.checked_sub(line.text.len() + LINE) else {
            lose(format!(
                "the {name} sent more than {} MiB, and is no longer read",
                MOST >> 20
            ));
            break;
        };
        left = rest;
        if line.source == LogSource::Stderr {
            tracing::debug!("{name}: {}", line.text);
            continue;
        }
        let Some(message) = Message::parse(&line.text) else {
            tracing::debug!("{name}, unreadable: {}", line.text);
            if source == Source::Agent && greeted.is_some() {
                before_greeting = true;
            } else {
                lose(unreadable(name));
            }
            continue;
        };
        if std::mem::take(&mut before_greeting) {
            lose(unreadable(name));
        }
        let expected = lock(&told).next;
        if message.n != expected {
            lose(missing(name, expected, message.n));
        }
        let is_new = lock(&told).is_new(&message);
        if let Some(greeted) = greeted.take() {
            greeted(&message);
        }
        if let Some(fact) = message.fact().filter(|_| is_new) {
            recorder.push(source, message.at(), fact);
        }
        let stage = match message.k.as_str() {
            "armed" => Stage::Armed,
            "sync" | "reply" => Stage::Done,
            _ => continue,
        };
        if let Some(id) = message.id
            && let Some(all) = lock(&waiters).as_mut()
            && let Some(waiter) = all.remove(&(id, stage))
        {
            // The caller may have stopped waiting.
            let _ = waiter.send(message);
        }
    }
    // Dropping the senders ends all waits.
    *lock(&waiters) = None;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::stream;
    use rstest::rstest;

    use super::*;
    use crate::clock::Clocks;
    use comeback_text::redact::Secrets;

    #[tokio::test(start_paused = true)]
    async fn opening_a_link_to_a_peer_that_does_not_read_ends_at_the_deadline() {
        // The buffer is smaller than a line, and nobody reads from its other end.
        let (input, _other_end) = tokio::io::duplex(4);
        let attached = Attached {
            lines: stream::pending().boxed(),
            input: Box::pin(input),
            id: None,
        };
        let recorder = Recorder::new(None, Secrets::default(), Clocks::start());
        let opened = Link::open(attached, Source::Observer, recorder, |_| ()).await;
        assert!(matches!(opened.err(), Some(LinkError::Deadline("observer", HELLO))));
    }

    #[tokio::test]
    async fn what_an_observer_wrote_after_its_link_was_closed_is_taken_in_once_and_whole() {
        let recorder = Recorder::new(None, Secrets::default(), Clocks::start());
        let lost = |n: u64| format!(r#"{{"k": "overflow", "n": {n}}}"#);
        let output = |numbers: &[u64]| {
            let lines = numbers.iter().map(|n| {
                Ok(LogLine {
                    source: LogSource::Stdout,
                    text: lost(*n),
                    at: None,
                })
            });
            stream::iter(lines.collect::<Vec<_>>()).boxed()
        };
        let mut told = Told::default();
        told.is_new(&Message::parse(&lost(1)).unwrap());
        catch_up(output(&[0, 1, 2, 3]), &mut told, &recorder).await.unwrap();
        assert_eq!(recorder.snapshot().0.len(), 2);
        let missing = catch_up(output(&[3, 6]), &mut told, &recorder).await;
        assert_eq!(missing.unwrap_err(), "2 messages of the observer are missing");
    }

    const REFUSAL: &str = "OCI runtime exec failed: exec failed: cannot exec in a stopped container: unknown";
    const GREETING: &str = r#"{"k": "hello", "n": 0, "t": 1}"#;

    #[rstest]
    #[case::engine_refused_the_agent(Source::Agent, &[REFUSAL], 0)]
    #[case::agent_started_all_the_same(Source::Agent, &[REFUSAL, GREETING], 1)]
    #[case::agent_after_its_greeting(Source::Agent, &[GREETING, REFUSAL], 1)]
    #[case::observer_outlives_the_container(Source::Observer, &[REFUSAL], 1)]
    #[tokio::test]
    async fn an_unreadable_line_is_a_loss_unless_the_agent_never_started(
        #[case] source: Source,
        #[case] sent: &[&str],
        #[case] losses: usize,
    ) {
        let lines: Vec<_> = sent
            .iter()
            .map(|text| {
                Ok(LogLine {
                    source: LogSource::Stdout,
                    text: (*text).to_owned(),
                    at: None,
                })
            })
            .collect();
        let recorder = Recorder::new(None, Secrets::default(), Clocks::start());
        let waiters: Waiters = Arc::new(Mutex::new(Some(HashMap::new())));
        read(
            "link",
            stream::iter(lines).boxed(),
            source,
            recorder.clone(),
            (waiters, Arc::default()),
            |_| (),
        )
        .await;
        let (history, _) = recorder.snapshot();
        let lost = history.iter().filter(|o| matches!(o.fact, Fact::Lost { .. }));
        assert_eq!(lost.count(), losses);
    }
}
