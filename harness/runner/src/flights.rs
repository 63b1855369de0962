//! Steps that go on while the next ones begin: each is a task, and none outlives its case.

use std::sync::{Mutex, PoisonError};

use tokio::task::{AbortHandle, JoinHandle};

/// The tasks of a case.
#[derive(Default)]
pub struct Flights(Mutex<Vec<AbortHandle>>);

impl Flights {
    /// Begins a task.
    pub fn begin<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        let task = tokio::spawn(work);
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push(task.abort_handle());
        task
    }

    /// Aborts what still goes on, and returns once it does not any more. True if something did: what it had asked of the
    /// engine may still be carried out.
    pub async fn end(&self) -> bool {
        let tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let going: Vec<AbortHandle> = tasks.into_iter().filter(|task| !task.is_finished()).collect();
        for task in &going {
            task.abort();
            // One that is aborted ends the next time it would have gone on.
            while !task.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        !going.is_empty()
    }
}
