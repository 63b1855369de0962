//! Steps that are not waited for. Each is a task, and none outlives its case.

use std::sync::{Mutex, PoisonError};

use tokio::task::{AbortHandle, JoinHandle};

/// The tasks of a case's steps in flight.
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

    /// Aborts the tasks that still run, and returns once they have ended. True if there were any: then the engine may
    /// still carry out their requests.
    pub async fn end(&self) -> bool {
        let tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let going: Vec<AbortHandle> = tasks.into_iter().filter(|task| !task.is_finished()).collect();
        for task in &going {
            task.abort();
            // An aborted task ends at its next await.
            while !task.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        !going.is_empty()
    }
}
