//! The connection to the observer or the agent: commands in, facts and replies out.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex as AsyncMutex, oneshot, watch};
use tokio::task::JoinHandle;

use super::recorder::Recorder;
use super::wire::Message;
use comeback_engine::{Attached, LogSource};
use comeback_history::facts::{Fact, Source};

/// What is listened to at most of one connection, in bytes, each line counting [`LINE`] more: it all goes into memory and
/// into the record, and the other side runs on the Python of the image under test. The busiest real case says 40 KB.
const MOST: usize = 8 << 20;
/// What a line costs beside its text.
const LINE: usize = 256;
/// How long the other side may take to read the first command.
const HELLO: Duration = Duration::from_secs(20);
/// How often it is put down that something went missing. Once would do.
const LOSSES: usize = 4;

/// Why a command got no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LinkError {
    /// The other side is gone.
    #[error("the {0} is gone")]
    Closed(&'static str),
    /// It did not answer in time.
    #[error("the {0} did not answer within {1:?}")]
    Deadline(&'static str, Duration),
    /// It answered that it could not.
    #[error("{0}")]
    Refused(String),
}

type Waiters = Arc<Mutex<Option<HashMap<(u64, Stage), oneshot::Sender<Message>>>>>;

/// Which of a command's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    /// A hold is in place.
    Armed,
    /// The command is done.
    Done,
}

/// A live connection. Dropping it ends the other side.
pub struct Link {
    name: &'static str,
    input: AsyncMutex<Pin<Box<dyn AsyncWrite + Send>>>,
    waiters: Waiters,
    next: AtomicU64,
    reader: JoinHandle<()>,
    /// Closed when nothing more comes.
    listening: watch::Receiver<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Link {
    /// Takes a fresh connection over and has it say what it knows. `greeted` is called with the first message.
    pub async fn open(
        attached: Attached,
        source: Source,
        recorder: Recorder,
        greeted: impl FnOnce(&Message) + Send + 'static,
    ) -> Result<Self, LinkError> {
        let name = if source == Source::Observer {
            "observer"
        } else {
            "agent"
        };
        let waiters: Waiters = Arc::new(Mutex::new(Some(HashMap::new())));
        let (ears, listening) = watch::channel(());
        let listen = read(name, attached.lines, source, recorder, waiters.clone(), greeted);
        let reader = tokio::spawn(async move {
            listen.await;
            drop(ears);
        });
        let link = Self {
            name,
            input: AsyncMutex::new(attached.input),
            waiters,
            next: AtomicU64::new(1),
            reader,
            listening,
        };
        link.send(&json!({"c": "hello"}), HELLO).await?;
        Ok(link)
    }

    /// Returns once nothing more comes: the other side has ended, or is not listened to any more.
    pub async fn gone(&self) {
        let mut listening = self.listening.clone();
        while listening.changed().await.is_ok() {}
    }

    /// Returns once everything that was true at the time of the call is in the history.
    pub async fn sync(&self, limit: Duration) -> Result<(), LinkError> {
        self.ask(json!({"c": "sync"}), limit).await.map(|_| ())
    }

    /// Sends a command and waits until it is done. A refusal is an error.
    pub async fn ask(&self, command: Json, limit: Duration) -> Result<Message, LinkError> {
        let (id, command) = self.number(command);
        let done = self.expect(id, Stage::Done)?;
        self.send(&command, limit).await?;
        self.answer(done, limit).await
    }

    /// Sends a command that first arms itself. Returns once it is armed; the receiver tells when it is done.
    pub async fn arm(&self, command: Json, limit: Duration) -> Result<oneshot::Receiver<Message>, LinkError> {
        let (id, command) = self.number(command);
        let armed = self.expect(id, Stage::Armed)?;
        let done = self.expect(id, Stage::Done)?;
        self.send(&command, limit).await?;
        self.answer(armed, limit).await?;
        Ok(done)
    }

    /// Waits for an answer.
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
        let (tell, told) = oneshot::channel();
        match self.waiters.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(waiters) => waiters.insert((id, stage), tell),
            None => return Err(LinkError::Closed(self.name)),
        };
        Ok(told)
    }

    /// The other side may have stopped reading, and somebody else may be waiting for it to go on.
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

fn unreadable(name: &str) -> String {
    format!("the {name} said something unreadable")
}

async fn read(
    name: &'static str,
    mut lines: comeback_engine::Stream<comeback_engine::LogLine>,
    source: Source,
    recorder: Recorder,
    waiters: Waiters,
    greeted: impl FnOnce(&Message) + Send + 'static,
) {
    let mut greeted = Some(greeted);
    let mut expected = 0;
    let mut left = MOST;
    let mut losses = 0;
    // Where an agent cannot be started, because its container just ended, some engines say so on its own stream. That is no
    // loss: there was no agent to say anything.
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
                // An agent ends with its container, and the engine is not always polite about it.
                if source == Source::Observer {
                    lose(format!("the connection to the {name} broke: {error}"));
                }
                break;
            }
        };
        let Some(rest) = left.checked_sub(line.text.len() + LINE) else {
            lose(format!(
                "the {name} said more than {} MiB, and is not listened to any more",
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
        if message.n != expected {
            lose(format!(
                "{} messages of the {name} are missing",
                message.n.abs_diff(expected)
            ));
        }
        expected = message.n.saturating_add(1);
        if let Some(greeted) = greeted.take() {
            greeted(&message);
        }
        if let Some(fact) = message.fact() {
            recorder.push(source, message.at(), fact);
        }
        let stage = match message.k.as_str() {
            "armed" => Stage::Armed,
            "sync" | "reply" => Stage::Done,
            _ => continue,
        };
        if let Some(id) = message.id
            && let Some(all) = waiters.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
            && let Some(waiter) = all.remove(&(id, stage))
        {
            // Whoever asked may have stopped waiting.
            let _ = waiter.send(message);
        }
    }
    // Dropping the senders tells everybody who waits.
    *waiters.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::stream;
    use rstest::rstest;

    use super::*;
    use crate::clock::Clocks;
    use comeback_engine::LogLine;
    use comeback_text::redact::Secrets;

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_read_is_not_waited_for_forever() {
        // Takes less than a line, and nobody reads at its other end.
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
        #[case] said: &[&str],
        #[case] losses: usize,
    ) {
        let lines: Vec<_> = said
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
            waiters,
            |_| (),
        )
        .await;
        let (told, _) = recorder.snapshot();
        let lost = told.iter().filter(|o| matches!(o.fact, Fact::Lost { .. }));
        assert_eq!(lost.count(), losses);
    }
}
