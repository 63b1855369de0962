//! Retries for failures that may be temporary.

use std::time::Duration;

use super::EngineError;

/// Pauses before the second to fourth attempts. Together they outlast a restart of the engine.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// Makes a call, up to four times. Only for calls that may be repeated whatever became of the first one: reads and
/// removals. A call that could change a container under test is never retried.
///
/// # Errors
///
/// The error of the last attempt.
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
