//! The scripted engine with one fault.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use tokio::io::AsyncRead;
use tokio::time::Instant;

use super::{Fake, refused};
use comeback_engine::{
    Attached, BuildRequest, ContainerSpec, ContainerStatus, Engine, EngineCondition, EngineError, EngineErrorKind,
    EngineEvent, EngineInfo, ExecOutput, ExecSpec, ImageInfo, ImageProgress, Images, LogLine, StoredImage, Stream,
    VolumeInfo, VolumePlace,
};

/// How long a call hangs: the deadline that the real adapter gives most calls.
const HANG: Duration = Duration::from_secs(90);
/// How long a slow answer takes: longer than any undisturbed call, and within every deadline.
const SLOW: Duration = Duration::from_secs(4);
/// How long the engine is unreachable when it restarts.
const AWAY: Duration = Duration::from_secs(3);

/// A fault and the call it happens at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The operation, or [`ANY`].
    pub op: &'static str,
    /// Which call of the operation, from 0; with `always`, the first of the calls that fail.
    pub nth: usize,
    /// Whether all later calls fail as well.
    pub always: bool,
    /// What goes wrong.
    pub kind: Kind,
}

/// As [`Fault::op`]: all operations count.
pub const ANY: &str = "any call";

/// What goes wrong with a call, or with the stream it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The engine answers 500 and has done nothing.
    Refused,
    /// The engine answers 500 but has done the work.
    FailedAfter,
    /// No answer within the deadline; nothing was done.
    HangsBefore,
    /// No answer within the deadline; the work was done.
    HangsAfter,
    /// The connection breaks before the work is done.
    BreaksBefore,
    /// The connection breaks after the work is done.
    BreaksAfter,
    /// A correct answer that comes late.
    Slow,
    /// The engine answers 500: no space left on device.
    DiskFull,
    /// The engine answers that it is done, and has done nothing.
    AnswersOnly,
    /// The engine answers that a command could not be started, as it does if the container ends at that moment.
    NotStarted,
    /// An inspect that contradicts the events.
    Lies(Lie),
    /// The engine restarts at that call.
    Restarts {
        /// Whether its containers keep running.
        containers_survive: bool,
    },
    /// The returned stream fails at an item.
    Stream {
        /// The item, from 0.
        item: usize,
        /// How it fails.
        how: Bad,
    },
}

/// A false answer to an inspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// The container does not exist.
    NotThere,
    /// The container has ended.
    Exited,
    /// The container was never started.
    NeverStarted,
    /// The container was started earlier than it really was.
    StartedEarlier,
    /// The container was started later than it really was.
    StartedLater,
}

/// How a stream fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// The stream ends before the item.
    Ends,
    /// The stream breaks before the item.
    Breaks,
    /// The item comes twice.
    Twice,
    /// The item and the next one are swapped.
    Swapped,
    /// The stream ends after half of the item.
    Half,
    /// The stream stalls: no further item comes.
    Stalls,
    /// The item and all that follow are this many milliseconds late.
    Late(u64),
    /// The item is left out.
    Skipped,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, nth, always, kind } = self;
        let which = if *always { "from" } else { "at" };
        write!(f, "{op} {which} {nth}: {kind:?}")
    }
}

/// The calls made to the engine.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Every call, in order.
    pub calls: Vec<&'static str>,
    /// Every stream: the operation, which call of it (from 0), and how many items it delivered.
    pub streams: Vec<(&'static str, usize, usize)>,
}

/// The scripted engine, wrapped so that one call or stream can fail.
pub struct Faulty {
    fake: Fake,
    fault: Option<Fault>,
    asked: Arc<Mutex<Asked>>,
    away_until: Mutex<Option<Instant>>,
}

/// A call in progress.
struct Call {
    op: &'static str,
    nth: usize,
    kind: Option<Kind>,
}

impl Faulty {
    /// Wraps an engine; without a fault it only counts calls.
    pub fn new(fake: Fake, fault: Option<Fault>) -> Self {
        Self {
            fake,
            fault,
            asked: Arc::default(),
            away_until: Mutex::default(),
        }
    }

    /// The calls so far.
    pub fn asked(&self) -> Asked {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begins(&self, op: &'static str) -> Result<Call, EngineError> {
        let (nth, overall) = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let nth = asked.calls.iter().filter(|o| **o == op).count();
            asked.calls.push(op);
            (nth, asked.calls.len() - 1)
        };
        let mut away = self.away_until.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = self.fault.and_then(|fault| {
            let at = if fault.op == ANY { overall } else { nth };
            let meant = fault.op == ANY || fault.op == op;
            (meant && (at == fault.nth || fault.always && at > fault.nth)).then_some(fault.kind)
        });
        if let Some(Kind::Restarts { containers_survive }) = kind {
            self.fake.restarts(containers_survive);
            *away = Some(Instant::now() + AWAY);
        }
        if away.is_some_and(|until| Instant::now() < until) {
            let why = "connection refused".to_owned();
            return Err(EngineError::new(op, EngineErrorKind::Unreachable(why.into())));
        }
        Ok(Call { op, nth, kind })
    }

    async fn around<T>(
        &self,
        op: &'static str,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let call = self.begins(op)?;
        call.carry_out(work).await
    }

    /// A call whose answer is only that it is done.
    async fn done(
        &self,
        op: &'static str,
        work: impl Future<Output = Result<(), EngineError>>,
    ) -> Result<(), EngineError> {
        let call = self.begins(op)?;
        match call.kind {
            Some(Kind::AnswersOnly) => Ok(()),
            _ => call.carry_out(work).await,
        }
    }

    async fn streams<T: Item>(
        &self,
        op: &'static str,
        work: impl Future<Output = Result<Stream<T>, EngineError>>,
    ) -> Result<Stream<T>, EngineError> {
        let call = self.begins(op)?;
        let stream = call.carry_out(work).await?;
        Ok(call.spoil(stream, self.asked.clone()))
    }

    async fn attaches(
        &self,
        op: &'static str,
        work: impl Future<Output = Result<Attached, EngineError>>,
    ) -> Result<Attached, EngineError> {
        let call = self.begins(op)?;
        let attached = call.carry_out(work).await?;
        Ok(Attached {
            lines: call.spoil(attached.lines, self.asked.clone()),
            ..attached
        })
    }
}

impl Call {
    async fn carry_out<T>(&self, work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
        let broken = || EngineError::new(self.op, EngineErrorKind::Broken("connection reset by peer".into()));
        let failed = || refused(self.op, 500, "something went wrong");
        match self.kind {
            Some(Kind::Refused) => Err(failed()),
            Some(Kind::DiskFull) => Err(refused(self.op, 500, "write /var/lib/docker: no space left on device")),
            Some(Kind::BreaksBefore) => Err(broken()),
            Some(Kind::FailedAfter) => work.await.and_then(|_| Err(failed())),
            Some(Kind::BreaksAfter) => work.await.and_then(|_| Err(broken())),
            Some(Kind::HangsBefore) => {
                tokio::time::sleep(HANG).await;
                Err(EngineError::new(self.op, EngineErrorKind::Timeout(HANG)))
            }
            Some(Kind::HangsAfter) => {
                work.await?;
                tokio::time::sleep(HANG).await;
                Err(EngineError::new(self.op, EngineErrorKind::Timeout(HANG)))
            }
            Some(Kind::Slow) => {
                let done = work.await;
                tokio::time::sleep(SLOW).await;
                done
            }
            _ => work.await,
        }
    }

    /// Counts the items of a stream and applies the fault to it.
    fn spoil<T: Item>(&self, stream: Stream<T>, asked: Arc<Mutex<Asked>>) -> Stream<T> {
        let index = {
            let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.streams.push((self.op, self.nth, 0));
            asked.streams.len() - 1
        };
        let counted = stream.fuse().inspect(move |_| {
            asked.lock().unwrap_or_else(PoisonError::into_inner).streams[index].2 += 1;
        });
        let Some(Kind::Stream { item, how }) = self.kind else {
            return counted.boxed();
        };
        let op = self.op;
        stream::unfold(
            (counted.boxed(), 0, Vec::new(), false),
            move |(mut from, mut at, mut next, over)| async move {
                if over {
                    return None;
                }
                if let Some(ready) = next.pop() {
                    return Some((ready, (from, at, next, false)));
                }
                let spoilt = at == item;
                match how {
                    Bad::Ends if spoilt => return None,
                    Bad::Breaks if spoilt => {
                        let error = EngineError::new(op, EngineErrorKind::Broken("unexpected end of stream".into()));
                        return Some((Err(error), (from, at, next, true)));
                    }
                    Bad::Stalls if spoilt => std::future::pending().await,
                    _ => {}
                }
                let mut got = from.next().await?;
                at += 1;
                if let (Bad::Late(ms), true) = (how, spoilt) {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
                match (how, &got) {
                    (Bad::Skipped, _) if spoilt => got = from.next().await?,
                    (Bad::Twice, Ok(item)) if spoilt => next.push(Ok(item.clone())),
                    (Bad::Half, Ok(item)) if spoilt => return Some((Ok(item.half()), (from, at, next, true))),
                    (Bad::Swapped, _) if spoilt => {
                        // The next item overtakes this one, if it comes in time.
                        let behind = tokio::time::timeout(SLOW, from.next()).await;
                        if let Ok(Some(behind)) = behind {
                            next.push(got);
                            got = behind;
                        }
                    }
                    _ => {}
                }
                Some((got, (from, at, next, false)))
            },
        )
        .fuse()
        .boxed()
    }
}

/// An item of a stream that can be cut in half.
trait Item: Clone + Send + 'static {
    /// The first half of it.
    fn half(&self) -> Self;
}

impl Item for LogLine {
    fn half(&self) -> Self {
        let chars = self.text.chars().count();
        Self {
            text: self.text.chars().take(chars / 2).collect(),
            ..self.clone()
        }
    }
}

impl Item for EngineEvent {
    fn half(&self) -> Self {
        Self {
            action: self.action.chars().take(2).collect(),
            attributes: BTreeMap::new(),
            ..self.clone()
        }
    }
}

#[async_trait]
impl Images for Faulty {
    async fn inspect_image(&self, reference: &str) -> Result<Option<ImageInfo>, EngineError> {
        self.around("inspect image", self.fake.inspect_image(reference)).await
    }

    async fn probe_pull(&self, reference: &str) -> Result<(), EngineError> {
        self.fake.probe_pull(reference).await
    }

    async fn pull_image(&self, reference: &str, on: &(dyn Fn(ImageProgress) + Send + Sync)) -> Result<(), EngineError> {
        self.fake.pull_image(reference, on).await
    }

    async fn import_image(
        &self,
        reference: &str,
        changes: &[String],
        tar: Box<dyn AsyncRead + Send + Unpin>,
    ) -> Result<String, EngineError> {
        self.fake.import_image(reference, changes, tar).await
    }

    async fn build_image(
        &self,
        request: BuildRequest,
        on: &(dyn Fn(ImageProgress) + Send + Sync),
    ) -> Result<String, EngineError> {
        self.fake.build_image(request, on).await
    }

    async fn list_images(&self, label: &str) -> Result<Vec<StoredImage>, EngineError> {
        self.fake.list_images(label).await
    }

    async fn remove_image(&self, reference: &str) -> Result<bool, EngineError> {
        self.fake.remove_image(reference).await
    }
}

#[async_trait]
impl Engine for Faulty {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        self.around("info", self.fake.info()).await
    }

    async fn system_time(&self) -> Result<Option<Timestamp>, EngineError> {
        self.around("system time", self.fake.system_time()).await
    }

    async fn condition(&self) -> Result<EngineCondition, EngineError> {
        self.fake.condition().await
    }

    async fn create_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        place: &VolumePlace,
    ) -> Result<(), EngineError> {
        self.around("create volume", self.fake.create_volume(name, labels, place))
            .await
    }

    async fn remove_volume(&self, name: &str) -> Result<bool, EngineError> {
        self.around("remove volume", self.fake.remove_volume(name)).await
    }

    async fn list_volumes(&self, label: &str) -> Result<Vec<VolumeInfo>, EngineError> {
        self.around("list volumes", self.fake.list_volumes(label)).await
    }

    async fn run_container(&self, spec: &ContainerSpec) -> Result<String, EngineError> {
        self.around("run", self.fake.run_container(spec)).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String, EngineError> {
        self.around("create", self.fake.create_container(spec)).await
    }

    async fn start(&self, id: &str) -> Result<(), EngineError> {
        self.done("start", self.fake.start(id)).await
    }

    async fn restart(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        self.done("restart", self.fake.restart(id, grace)).await
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        self.done("stop", self.fake.stop(id, grace)).await
    }

    async fn kill(&self, id: &str, signal: &str) -> Result<(), EngineError> {
        self.done("kill", self.fake.kill(id, signal)).await
    }

    async fn pause(&self, id: &str) -> Result<(), EngineError> {
        self.done("pause", self.fake.pause(id)).await
    }

    async fn unpause(&self, id: &str) -> Result<(), EngineError> {
        self.done("unpause", self.fake.unpause(id)).await
    }

    async fn remove_container(&self, id: &str) -> Result<bool, EngineError> {
        let call = self.begins("remove")?;
        match call.kind {
            Some(Kind::AnswersOnly) => Ok(true),
            _ => call.carry_out(self.fake.remove_container(id)).await,
        }
    }

    async fn keep(&self, id: &str) {
        self.fake.keep(id).await;
    }

    async fn list_containers(&self, label: &str) -> Result<Vec<ContainerStatus>, EngineError> {
        self.around("list containers", self.fake.list_containers(label)).await
    }

    async fn inspect(&self, id: &str) -> Result<Option<ContainerStatus>, EngineError> {
        let call = self.begins("inspect")?;
        let truth = call.carry_out(self.fake.inspect(id)).await?;
        let Some(Kind::Lies(lie)) = call.kind else {
            return Ok(truth);
        };
        Ok(truth.and_then(|mut status| {
            match lie {
                Lie::NotThere => return None,
                Lie::Exited => (status.running, status.exit_code) = (false, 137),
                Lie::NeverStarted => status.started_at = None,
                Lie::StartedEarlier => {
                    status.started_at = status.started_at.map(|at| at - SignedDuration::from_hours(1))
                }
                Lie::StartedLater => status.started_at = status.started_at.map(|at| at + SignedDuration::from_hours(1)),
            }
            Some(status)
        }))
    }

    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<ExecOutput, EngineError> {
        let call = self.begins("exec")?;
        match call.kind {
            Some(Kind::AnswersOnly) => Ok(ExecOutput {
                id: "none".to_owned(),
                exit: Some(0),
                output: String::new(),
            }),
            Some(Kind::NotStarted) => Ok(ExecOutput {
                id: "none".to_owned(),
                exit: Some(126),
                output: "cannot exec in a deleted state: unknown\n".to_owned(),
            }),
            _ => call.carry_out(self.fake.exec(id, spec)).await,
        }
    }

    async fn attach_exec(&self, id: &str, spec: &ExecSpec) -> Result<Attached, EngineError> {
        self.attaches("attach exec", self.fake.attach_exec(id, spec)).await
    }

    async fn attach(&self, id: &str) -> Result<Attached, EngineError> {
        self.attaches("attach", self.fake.attach(id)).await
    }

    async fn logs(&self, id: &str, since: i64, follow: bool) -> Result<Stream<LogLine>, EngineError> {
        self.streams("logs", self.fake.logs(id, since, follow)).await
    }

    async fn upload(&self, id: &str, path: &str, tar: Vec<u8>) -> Result<(), EngineError> {
        self.done("upload", self.fake.upload(id, path, tar)).await
    }

    async fn download(&self, id: &str, path: &str, limit: usize) -> Result<Option<Vec<u8>>, EngineError> {
        self.around("download", self.fake.download(id, path, limit)).await
    }

    async fn events(&self, run: &str, since: Option<Timestamp>) -> Result<Stream<EngineEvent>, EngineError> {
        self.streams("events", self.fake.events(run, since)).await
    }
}
