//! Asking again where a failure may pass by itself.

use std::time::Duration;

use super::EngineError;

/// Before each further attempt: together they outlast an engine that is restarted.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// Carries a call out, up to four times. Only for calls that may be repeated whatever became of the first one: reads and
/// removals. What could change a container under test is never asked twice.
///
/// # Errors
/// The last attempt's.
pub async fn again<T, F>(call: impl Fn() -> F) -> Result<T, EngineError>
where
    F: Future<Output = Result<T, EngineError>>,
{
    for pause in PAUSES {
        match call().await {
            Err(error) if error.may_pass() => {
                tracing::debug!("{error}; asking again");
                tokio::time::sleep(pause).await;
            }
            done => return done,
        }
    }
    call().await
}
