//! Events, one JSON object a line, while a run goes on; the run document is the last of them.

use jiff::{SignedDuration, Timestamp};

use comeback_record::document::RunDocument;
use comeback_record::event::{RunEvent, TimedEvent};

/// An event as a line.
///
/// # Errors
///
/// If a value cannot be written as JSON, which no event of ours holds.
pub fn event(told: &TimedEvent) -> Result<String, serde_json::Error> {
    super::json::line(told)
}

/// The line that ends a stream: the document, at the time the run ended.
///
/// # Errors
///
/// As [`event`].
pub fn document(document: &RunDocument) -> Result<String, serde_json::Error> {
    event(&TimedEvent {
        at: ended(document),
        event: RunEvent::Document {
            document: Box::new(document.clone()),
        },
    })
}

fn ended(document: &RunDocument) -> Timestamp {
    let took = SignedDuration::try_from_secs_f64(document.seconds).unwrap_or_default();
    document.started.checked_add(took).unwrap_or(document.started)
}
