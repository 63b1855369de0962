//! The output of the container under test: by incarnation, and never more of it than is worth keeping.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;

use crate::case::Case;
use crate::limits::EVENT;
use comeback_engine::{ContainerStatus, again};
use comeback_history::facts::{Fact, Source};
use comeback_history::now::Now;
use comeback_observe::inspected;
use comeback_observe::recorder::Wait;
use comeback_scenario::model::RestartPolicy;

/// Bytes of the container's output kept per incarnation.
const OUTPUT_BYTES: usize = 1 << 20;

/// How long the engine may take to hand over the container's output: nothing of it is evidence.
const OUTPUT: Duration = Duration::from_secs(30);

impl Case {
    /// The last lines of the container's output.
    pub async fn last_output(&self) -> String {
        let id = self.subject_id();
        let mut last = Vec::new();
        let read = async {
            let Ok(mut lines) = self.ctx.engine.logs(&id, 0, false).await else {
                return;
            };
            while let Some(Ok(line)) = lines.next().await {
                last.push(line.text);
                if last.len() > 5 {
                    last.remove(0);
                }
            }
        };
        // Whatever has come by then is what there is.
        let _ = tokio::time::timeout(OUTPUT, read).await;
        last.join("\n")
    }

    /// Keeps what goes with the current container: its output, by incarnation, and the words of its overlay.
    pub async fn keep_output(&self) {
        self.hear_overlay().await;
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
            tracing::warn!(
                "the container's output did not come to its end within {} s",
                OUTPUT.as_secs()
            );
        }
        let kept = kept.into_iter().map(|(number, output)| (number, output.lines()));
        self.shared().output.extend(kept);
    }
}

impl Case {
    /// In what the engine's answer is not what its events add up to. Under a restart policy the container may end or be
    /// started at any time: the events that explain the answer may still be on their way, or tell of later ones already.
    async fn contradicts(&self, status: Option<&ContainerStatus>) -> Option<String> {
        let found = self.recorder.now(|now| contradiction(now, status))?;
        if self.order.scenario.start.policy == RestartPolicy::No {
            return Some(found);
        }
        let status = status?;
        let explained = Wait {
            condition: "the events that the engine's inspect tells of".into(),
            limit: EVENT,
            needs_container: false,
            check: Box::new(|now: &Now| explains(now, status).then_some(())),
            last: Box::new(|now: &Now| format!("StartedAt {:?}", now.started_at())),
        };
        self.recorder.wait(explained).await.err().map(|_| found)
    }
}

/// True if the container was at some time what the engine's answer says.
fn explains(now: &Now, status: &ContainerStatus) -> bool {
    let of_that_start = now
        .incarnations
        .iter()
        .find(|i| Some(i.started_at) == status.started_at);
    of_that_start.is_some_and(|i| status.running || i.died.is_some())
}

/// In what the engine's answer is not what its events add up to: one of the two is wrong, and it is not known which.
fn contradiction(now: &Now, status: Option<&ContainerStatus>) -> Option<String> {
    let Some(status) = status else {
        return Some("the engine knows nothing of the container under test, and told of no end of it".into());
    };
    let told = now.started_at();
    if now.running() != status.running {
        let word = |runs| if runs { "runs" } else { "has ended" };
        let (told, says) = (word(now.running()), word(status.running));
        return Some(format!(
            "by the engine's events the container {told}, by its inspect it {says}"
        ));
    }
    if told.is_some() && told != status.started_at {
        return Some("by its inspect the engine started the container at another time than it told".into());
    }
    None
}

/// Output of one incarnation: its beginning and its end, if it is too long to be kept whole.
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
