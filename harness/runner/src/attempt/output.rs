//! The output of the container under test, by incarnation and capped.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;

use crate::case::Case;
use crate::limits::EVENT;
use comeback_engine::{ContainerStatus, again};
use comeback_gateway::output::of_reconciler;
use comeback_history::facts::{Fact, Source};
use comeback_history::now::Now;
use comeback_observe::inspected;
use comeback_observe::recorder::Wait;
use comeback_scenario::model::RestartPolicy;

/// Most bytes of output that are kept of an incarnation.
const OUTPUT_BYTES: usize = 1 << 20;

/// Most lines of output that the reconciler's words are looked for in.
const OUTPUT_LINES: usize = 2_000;

/// Deadline for the engine to send the container's output. No verdict depends on that output.
const OUTPUT: Duration = Duration::from_secs(30);

impl Case {
    /// The last lines of the container's output.
    pub async fn last_output(&self) -> String {
        let said = self.output_so_far().await;
        said[said.len().saturating_sub(5)..].join("\n")
    }

    /// What the reconciler said last in the container's output, as far as it can be told from what others say there.
    pub async fn words_of_reconciler(&self) -> String {
        let said = self.output_so_far().await;
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        of_reconciler(&said).join("\n")
    }

    /// The end of the container's output, over all its boots.
    async fn output_so_far(&self) -> Vec<String> {
        let id = self.subject_id();
        let mut said = VecDeque::new();
        let read = async {
            let Ok(mut lines) = self.ctx.engine.logs(&id, 0, false).await else {
                return;
            };
            while let Some(Ok(line)) = lines.next().await {
                said.push_back(line.text);
                if said.len() > OUTPUT_LINES {
                    said.pop_front();
                }
            }
        };
        // After the deadline, the lines read so far are used.
        let _ = tokio::time::timeout(OUTPUT, read).await;
        said.into()
    }

    /// Saves what disappears with the current container: its output, by incarnation, and the reports of its overlay.
    pub async fn keep_output(&self) {
        self.read_overlay_reports().await;
        let id = self.subject_id();
        if let Ok(status) = again(|| self.ctx.engine.inspect(&id)).await {
            if let Some(what) = self.contradicts(status.as_ref()).await {
                self.recorder.push(Source::Engine, None, Fact::Lost { what });
            }
            if let Some(status) = status {
                self.recorder.push(Source::Engine, None, inspected(status));
            }
        }
        let starts: Vec<Timestamp> = self
            .recorder
            .now(|now| now.incarnations.iter().map(|i| i.started_at).collect());
        let mut kept: BTreeMap<u32, Output> = BTreeMap::new();
        let read = async {
            let Ok(mut lines) = self.ctx.engine.logs(&id, 0, false).await else {
                return;
            };
            while let Some(Ok(line)) = lines.next().await {
                let number = line
                    .at
                    .map_or(1, |at| starts.iter().filter(|s| **s <= at).count().max(1));
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                kept.entry(number).or_default().push(line.text);
            }
        };
        if tokio::time::timeout(OUTPUT, read).await.is_err() {
            tracing::warn!("the container's output did not end within {} s", OUTPUT.as_secs());
        }
        let kept = kept.into_iter().map(|(number, output)| (number, output.lines()));
        self.shared().output.extend(kept);
    }
}

impl Case {
    /// The contradiction between the engine's answer and its events, if there is one. Under a restart policy the
    /// container may end or start at any time, so the events may be behind the answer or ahead of it.
    async fn contradicts(&self, status: Option<&ContainerStatus>) -> Option<String> {
        let found = self.recorder.now(|now| contradiction(now, status))?;
        if self.policy() == RestartPolicy::No {
            return Some(found);
        }
        let status = status?;
        let explained = Wait {
            condition: "the events that match the engine's inspect".into(),
            limit: EVENT,
            needs_container: false,
            check: Box::new(|now: &Now| explains(now, status).then_some(())),
            last: Box::new(|now: &Now| format!("StartedAt {:?}", now.started_at())),
        };
        self.recorder.wait(explained).await.err().map(|_| found)
    }
}

/// True if the events say that the container was at some time in the state of the engine's answer.
fn explains(now: &Now, status: &ContainerStatus) -> bool {
    let of_that_start = now
        .incarnations
        .iter()
        .find(|i| Some(i.started_at) == status.started_at);
    of_that_start.is_some_and(|i| status.running || i.died.is_some())
}

/// The contradiction between the engine's answer and its events, if there is one. It is not known which of them is
/// wrong.
fn contradiction(now: &Now, status: Option<&ContainerStatus>) -> Option<String> {
    let Some(status) = status else {
        return Some("the engine has no container under test any more, but sent no event of its end".into());
    };
    let started_at = now.started_at();
    if now.running() != status.running {
        let word = |runs| if runs { "runs" } else { "has ended" };
        let (by_events, by_inspect) = (word(now.running()), word(status.running));
        return Some(format!(
            "by the engine's events the container {by_events}, by its inspect it {by_inspect}"
        ));
    }
    if started_at.is_some() && started_at != status.started_at {
        return Some("the engine's events and its inspect give different times for the start of the container".into());
    }
    None
}

/// Output of one incarnation. If it is too long, only its beginning and its end are kept.
#[derive(Default)]
struct Output {
    head: Vec<String>,
    tail: VecDeque<String>,
    bytes: [usize; 2],
    left_out: usize,
}

impl Output {
    fn push(&mut self, line: String) {
        let size = line.len() + 1;
        if self.tail.is_empty() && self.bytes[0] + size <= OUTPUT_BYTES / 2 {
            self.bytes[0] += size;
            self.head.push(line);
            return;
        }
        self.bytes[1] += size;
        self.tail.push_back(line);
        while self.bytes[1] > OUTPUT_BYTES / 2 {
            let Some(gone) = self.tail.pop_front() else { break };
            self.bytes[1] -= gone.len() + 1;
            self.left_out += 1;
        }
    }

    fn lines(self) -> Vec<String> {
        let left_out = self.left_out;
        let gap = (left_out > 0).then(|| format!("[{left_out} lines left out here]"));
        self.head.into_iter().chain(gap).chain(self.tail).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_output_keeps_its_beginning_and_its_end() {
        let mut output = Output::default();
        let long = "x".repeat(1023);
        for i in 0..2000 {
            output.push(format!("{i:04}{}", &long[4..]));
        }
        let lines = output.lines();
        assert_eq!(lines.len(), 1025);
        assert!(lines[0].starts_with("0000") && lines[511].starts_with("0511"));
        assert_eq!(lines[512], "[976 lines left out here]");
        assert!(lines[513].starts_with("1488") && lines[1024].starts_with("1999"));
    }
}
