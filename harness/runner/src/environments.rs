//! The environment variables of images, read once per run and not for each case.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use comeback_engine::{Engine, EngineError, EngineErrorKind, again};

type Variables = Vec<(String, String)>;

/// Name and value of each variable, by image id.
#[derive(Debug, Default)]
pub struct Environments(Mutex<HashMap<String, Arc<OnceCell<Variables>>>>);

impl Environments {
    /// The variables of the image with that id.
    ///
    /// # Errors
    ///
    /// If they cannot be read. Then their secrets are not known, and nothing may be run of the image.
    pub(super) async fn of(&self, engine: &dyn Engine, image: &str) -> Result<Variables, EngineError> {
        let cell = self.0.lock().await.entry(image.to_owned()).or_default().clone();
        let look = async {
            let Some(info) = again(|| engine.inspect_image(image)).await? else {
                let image = image.to_owned();
                return Err(EngineError::new("inspect image", EngineErrorKind::NoImage { image }));
            };
            let pair = |variable: &String| variable.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()));
            Ok(info.env.iter().filter_map(pair).collect())
        };
        // After a failure, the next case asks again.
        cell.get_or_try_init(|| look).await.cloned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comeback_fake::faulty::{Fault, Faulty, Kind};
    use comeback_fake::{Fake, Personality};

    fn engine(always: bool) -> Faulty {
        let fault = Fault {
            op: "inspect image",
            nth: 0,
            always,
            kind: Kind::Refused,
        };
        Faulty::new(Fake::new(Personality::Fixed), Some(fault))
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_inspect_is_an_error_and_is_retried_by_the_next_case() {
        let environments = Environments::default();
        environments.of(&engine(true), "sha256:0").await.unwrap_err();
        // After one failure, the next call succeeds.
        assert_eq!(environments.of(&engine(false), "sha256:0").await.unwrap(), []);
    }
}
