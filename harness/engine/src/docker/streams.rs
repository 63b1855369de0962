//! Streams: execs, attached processes, logs and events.

use std::collections::{HashMap, VecDeque};

use bollard::container::LogOutput;
use bollard::errors::Error as Bollard;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::{AttachContainerOptionsBuilder, EventsOptionsBuilder, LogsOptionsBuilder};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::{ANSWER, DockerEngine, RUN, bounded, short, translate};
use crate::{
    Attached, EngineError, EngineErrorKind, EngineEvent, ExecOutput, ExecSpec, LogLine, LogSource, RUN_LABEL, Stream,
};

/// The longest line and the largest output kept, in bytes, because a container's output may be endless.
const CAP: usize = 64 * 1024;

impl DockerEngine {
    pub(super) async fn exec_to_end(&self, id: &str, spec: &ExecSpec) -> Result<ExecOutput, EngineError> {
        let limit = spec.limit.unwrap_or(RUN);
        let call = format!("exec {} in container {}", spec.argv.join(" "), short(id));
        let attached = self.attach_new_exec(id, spec, &call).await?;
        let exec = attached.id.clone().unwrap_or_default();
        let mut lines = attached.lines;
        let mut output = String::new();
        let work = async {
            while let Some(line) = lines.next().await {
                let line = line?;
                if output.len() + line.text.len() < CAP {
                    output.push_str(&line.text);
                    output.push('\n');
                }
            }
            Ok::<_, EngineError>(())
        };
        match tokio::time::timeout(limit, work).await {
            Ok(done) => done?,
            Err(_) => return Err(EngineError::new(call, EngineErrorKind::Timeout(limit))),
        }
        let end = bounded(format!("inspect {call}"), ANSWER, self.docker.inspect_exec(&exec)).await?;
        let ran = end.process_config.map(|ran| {
            let mut words = vec![ran.entrypoint.unwrap_or_default()];
            words.extend(ran.arguments.unwrap_or_default());
            words
        });
        if let Some(ran) = ran.filter(|ran| *ran != spec.argv) {
            return Err(EngineError::new(call, EngineErrorKind::NotAsAsked(ran.join(" "))));
        }
        let exit = if end.running == Some(true) { None } else { end.exit_code };
        Ok(ExecOutput { id: exec, exit, output })
    }

    pub(super) async fn attach_new_exec(&self, id: &str, spec: &ExecSpec, call: &str) -> Result<Attached, EngineError> {
        let options = CreateExecOptions {
            attach_stdin: Some(spec.stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(spec.env.iter().map(|(k, v)| format!("{k}={v}")).collect()),
            cmd: Some(spec.argv.clone()),
            user: spec.user.clone(),
            ..Default::default()
        };
        let exec = bounded(call, ANSWER, self.docker.create_exec(id, options)).await?.id;
        let start = StartExecOptions {
            detach: false,
            tty: false,
            output_capacity: Some(CAP),
        };
        match bounded(call, ANSWER, self.docker.start_exec(&exec, Some(start))).await? {
            StartExecResults::Attached { output, input } => Ok(Attached {
                lines: lines(call.to_owned(), output, false),
                input,
                id: Some(exec),
            }),
            StartExecResults::Detached => {
                let why = "the engine detached from the exec".to_owned();
                Err(EngineError::new(call, EngineErrorKind::Broken(why.into())))
            }
        }
    }

    pub(super) async fn attach_main(&self, id: &str) -> Result<Attached, EngineError> {
        let call = format!("attach to container {}", short(id));
        let options = AttachContainerOptionsBuilder::new()
            .stream(true)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .build();
        let results = bounded(call.clone(), ANSWER, self.docker.attach_container(id, Some(options))).await?;
        Ok(Attached {
            lines: lines(call, results.output, false),
            input: results.input,
            id: None,
        })
    }

    pub(super) fn follow_logs(&self, id: &str, since: i64, follow: bool) -> Stream<LogLine> {
        let call = format!("logs of container {}", short(id));
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .since(i32::try_from(since).unwrap_or(0))
            .follow(follow)
            .build();
        lines(call, self.docker.logs(id, Some(options)).boxed(), true)
    }

    pub(super) fn watch_events(&self, run: &str, since: Option<Timestamp>) -> Stream<EngineEvent> {
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("label".to_owned(), vec![format!("{RUN_LABEL}={run}")]),
        ]);
        let mut options = EventsOptionsBuilder::new().filters(&filters);
        if let Some(since) = since {
            options = options.since(&format!("{}.{:09}", since.as_second(), since.subsec_nanosecond()));
        }
        self.docker
            .events(Some(options.build()))
            .filter_map(|item| async move {
                match item {
                    Err(e) => Some(Err(translate("events", e))),
                    Ok(message) => {
                        let actor = message.actor.unwrap_or_default();
                        let nanos = message.time_nano.unwrap_or(0);
                        Some(Ok(EngineEvent {
                            container: actor.id?,
                            action: message.action?,
                            at: Timestamp::from_nanosecond(i128::from(nanos)).ok()?,
                            attributes: actor.attributes.unwrap_or_default().into_iter().collect(),
                        }))
                    }
                }
            })
            .boxed()
    }
}

type Frames = futures_util::stream::BoxStream<'static, Result<LogOutput, Bollard>>;

/// Splits frames into lines: a frame may hold several lines, and a long line spans several frames.
fn lines(
    call: String,
    frames: impl Into<std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<LogOutput, Bollard>> + Send>>>,
    stamped: bool,
) -> Stream<LogLine> {
    struct State {
        frames: Frames,
        partial: [Vec<u8>; 2],
        ready: VecDeque<LogLine>,
        call: String,
        stamped: bool,
        ended: bool,
    }
    let state = State {
        frames: frames.into(),
        partial: [Vec::new(), Vec::new()],
        ready: VecDeque::new(),
        call,
        stamped,
        ended: false,
    };
    stream::unfold(state, |mut s| async move {
        loop {
            if let Some(line) = s.ready.pop_front() {
                return Some((Ok(line), s));
            }
            if s.ended {
                return None;
            }
            match s.frames.next().await {
                Some(Ok(frame)) => {
                    let (source, bytes) = match frame {
                        LogOutput::StdErr { message } => (LogSource::Stderr, message),
                        LogOutput::StdOut { message }
                        | LogOutput::StdIn { message }
                        | LogOutput::Console { message } => (LogSource::Stdout, message),
                    };
                    let slot = usize::from(source == LogSource::Stderr);
                    for byte in bytes {
                        if byte == b'\n' {
                            let whole = std::mem::take(&mut s.partial[slot]);
                            s.ready.push_back(line(&whole, source, s.stamped));
                        } else if s.partial[slot].len() < CAP {
                            s.partial[slot].push(byte);
                        }
                    }
                }
                Some(Err(e)) => {
                    s.ended = true;
                    return Some((Err(translate(s.call.clone(), e)), s));
                }
                None => {
                    s.ended = true;
                    for (slot, source) in [(0, LogSource::Stdout), (1, LogSource::Stderr)] {
                        let rest = std::mem::take(&mut s.partial[slot]);
                        if !rest.is_empty() {
                            s.ready.push_back(line(&rest, source, s.stamped));
                        }
                    }
                }
            }
        }
    })
    .boxed()
}

fn line(bytes: &[u8], source: LogSource, stamped: bool) -> LogLine {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_suffix('\r').unwrap_or(&text);
    if stamped
        && let Some((stamp, rest)) = text.split_once(' ')
        && let Ok(at) = stamp.parse::<Timestamp>()
    {
        return LogLine {
            at: Some(at),
            source,
            text: rest.to_owned(),
        };
    }
    LogLine {
        at: None,
        source,
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(bytes: &'static [u8]) -> Result<LogOutput, Bollard> {
        Ok(LogOutput::StdOut { message: bytes.into() })
    }

    #[tokio::test]
    async fn frames_become_lines() {
        let frames: Frames = stream::iter(vec![out(b"one\ntw"), out(b"o\nthree")]).boxed();
        let got: Vec<String> = lines("x".into(), frames, false)
            .map(|l| l.map(|l| l.text).unwrap_or_default())
            .collect()
            .await;
        assert_eq!(got, ["one", "two", "three"]);
    }

    #[tokio::test]
    async fn an_endless_line_is_cut() {
        let long: &'static [u8] = vec![b'x'; 3 * CAP].leak();
        let frames: Frames = stream::iter(vec![out(long), out(b"\nnext\n")]).boxed();
        let got: Vec<usize> = lines("x".into(), frames, false)
            .map(|l| l.map(|l| l.text.len()).unwrap_or_default())
            .collect()
            .await;
        assert_eq!(got, [CAP, 4]);
    }

    #[test]
    fn timestamps_are_split_off() {
        let got = line(b"2026-01-02T03:04:05.123456789Z hello there", LogSource::Stdout, true);
        assert_eq!(got.text, "hello there");
        assert!(got.at.is_some());
    }
}
