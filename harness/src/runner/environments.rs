//! The variables of images, looked at once a run and not for each case.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use crate::engine::Engine;

type Variables = Vec<(String, String)>;

/// Name and value of each variable, by the image's reference.
#[derive(Debug, Default)]
pub struct Environments(Mutex<HashMap<String, Arc<OnceCell<Variables>>>>);

impl Environments {
    /// The variables of an image. An image that cannot be looked at now cannot be run either, and that is told then.
    pub(super) async fn of(&self, engine: &dyn Engine, reference: &str) -> Variables {
        let cell = self.0.lock().await.entry(reference.to_owned()).or_default().clone();
        let look = async {
            let info = engine.inspect_image(reference).await.ok().flatten().ok_or(())?;
            let pair = |variable: &String| variable.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()));
            Ok::<_, ()>(info.env.iter().filter_map(pair).collect())
        };
        // What failed is asked again by the next case.
        cell.get_or_try_init(|| look).await.cloned().unwrap_or_default()
    }
}
