//! The events of a run as JSON, one object a line, for programs that watch a run. The document is the last event.

use jiff::{SignedDuration, Timestamp};

use comeback_record::document::RunDocument;
use comeback_record::event::{RunEvent, TimedEvent};

/// An event as a line.
///
/// # Errors
///
/// If a value cannot be written as JSON. No event has such a value.
pub fn event(event: &TimedEvent) -> Result<String, serde_json::Error> {
    super::json::line(event)
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
