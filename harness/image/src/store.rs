//! The images that comeback created in the engine's store, and which of them may be removed.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use pep440_rs::Version;
use serde::Serialize;

use super::ImageError;
use super::assets::short;
use comeback_engine::{Engine, StoredImage};

/// The label of every image that comeback creates.
const LABEL: &str = "comeback.image";

/// The kinds of images that comeback creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A base.
    Base,
    /// A release on a base.
    Release,
    /// The dependencies of a source tree.
    Dependencies,
    /// A source tree on its dependencies.
    Source,
    /// Built from a user's Dockerfile.
    Dockerfile,
    /// A leftover of an unfinished build.
    Leftover,
}

/// An image in the engine's store that comeback created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// Its tag; its id if it has none.
    pub reference: String,
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: Kind,
    /// The base.
    pub base: Option<String>,
    /// The release in it.
    pub release: Option<Version>,
    /// The supervisor's version.
    pub supervisor: Option<String>,
    /// Size in bytes, including shared layers.
    pub size: u64,
    /// The bytes it adds to its base.
    pub own: u64,
    /// When it was made.
    pub created: Timestamp,
    /// The reference of its base, if that is in the store.
    pub on: Option<String>,
}

/// All images that comeback created, oldest first.
///
/// # Errors
///
/// If the engine fails.
pub async fn list(engine: &dyn Engine) -> Result<Vec<Stored>, ImageError> {
    Ok(describe(&engine.list_images(LABEL).await?))
}

/// Which images to remove.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prune {
    /// Images older than this.
    pub older_than: Option<Duration>,
    /// The oldest images, until the rest takes no more than this many bytes.
    pub keep_bytes: Option<u64>,
    /// All images.
    pub all: bool,
}

/// Removes images that comeback created, and returns the removed ones. A base is removed with the last image on it.
/// An image that a container uses stays.
///
/// # Errors
///
/// If the engine fails.
pub async fn prune(engine: &dyn Engine, policy: &Prune) -> Result<Vec<Stored>, ImageError> {
    let images = list(engine).await?;
    let mut gone = Vec::new();
    for image in choose(&images, policy, Timestamp::now()) {
        match engine.remove_image(&image.reference).await {
            Ok(true) => gone.push(image),
            Ok(false) => {}
            Err(error) if in_use(&error) => tracing::info!("image {} is in use and stays", image.reference),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(gone)
}

fn in_use(error: &comeback_engine::EngineError) -> bool {
    matches!(error.kind, comeback_engine::EngineErrorKind::Status { code: 409, .. })
}

fn describe(images: &[StoredImage]) -> Vec<Stored> {
    let mut all: Vec<Stored> = images
        .iter()
        .filter_map(|image| {
            let reference = image.references.first().cloned();
            let label = |name: &str| image.labels.get(name).cloned();
            let repository = reference
                .as_deref()
                .and_then(|r| r.split(':').next())
                .unwrap_or_default();
            let kind = match repository {
                "comeback-base" => Kind::Base,
                "comeback-gateway" => Kind::Release,
                "comeback-deps" => Kind::Dependencies,
                "comeback-source" => Kind::Source,
                "comeback-dockerfile" => Kind::Dockerfile,
                "" => Kind::Leftover,
                // A user's image FROM one of these inherits the labels, but comeback did not create it.
                _ => return None,
            };
            let base = label("comeback.base");
            let on = match (&base, label("comeback.key")) {
                (Some(base), Some(key)) if kind != Kind::Base => Some(format!("comeback-base:{base}-{}", short(&key))),
                _ => None,
            };
            let tag = reference
                .as_deref()
                .and_then(|r| r.split_once(':'))
                .map_or("", |(_, tag)| tag);
            Some(Stored {
                id: image.id.clone(),
                kind,
                base,
                release: (kind == Kind::Release)
                    .then(|| tag.split('-').next().and_then(|v| Version::from_str(v).ok()))
                    .flatten(),
                supervisor: label("comeback.supervisor"),
                size: image.size,
                own: image.size,
                created: image.created,
                on,
                reference: reference.unwrap_or_else(|| image.id.clone()),
            })
        })
        .collect();
    let bases: Vec<(String, u64)> = all
        .iter()
        .filter(|image| image.kind == Kind::Base)
        .map(|image| (image.reference.clone(), image.size))
        .collect();
    for image in &mut all {
        let base = image
            .on
            .as_ref()
            .and_then(|on| bases.iter().find(|(reference, _)| reference == on));
        match base {
            Some((_, size)) => image.own = image.size.saturating_sub(*size),
            None => image.on = None,
        }
    }
    all.sort_by_key(|image| image.created);
    all
}

/// The images to remove, in an order in which the engine can remove them.
fn choose(images: &[Stored], policy: &Prune, now: Timestamp) -> Vec<Stored> {
    let age = |image: &Stored| Duration::try_from(now.duration_since(image.created)).unwrap_or_default();
    let mut left: u64 = images.iter().map(|image| image.own).sum();
    let mut gone: Vec<Stored> = Vec::new();
    // Images that others are built on come last.
    let layers: [&[Kind]; 3] = [
        &[Kind::Leftover, Kind::Source, Kind::Release, Kind::Dockerfile],
        &[Kind::Dependencies],
        &[Kind::Base],
    ];
    for kinds in layers {
        for image in images.iter().filter(|image| kinds.contains(&image.kind)) {
            let stands = images
                .iter()
                .any(|other| other.on.as_ref() == Some(&image.reference) && !gone.contains(other));
            let old = policy.older_than.is_some_and(|limit| age(image) > limit);
            let much = policy.keep_bytes.is_some_and(|keep| left > keep);
            if !stands && (policy.all || old || much) {
                left = left.saturating_sub(image.own);
                gone.push(image.clone());
            }
        }
    }
    gone
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const DAY: i64 = 24 * 3600;

    fn image(tag: &str, key: &str, size: u64, day: i64) -> StoredImage {
        let labels = [
            ("comeback.image", "gateway"),
            ("comeback.base", "bookworm"),
            ("comeback.key", key),
        ];
        StoredImage {
            id: format!("sha256:{tag}"),
            references: (!tag.is_empty()).then(|| tag.to_owned()).into_iter().collect(),
            labels: labels
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            size,
            created: Timestamp::from_second(day * DAY).unwrap(),
        }
    }

    fn store() -> Vec<Stored> {
        describe(&[
            image("comeback-gateway:0.17.0-bookworm-22", "k1", 250, 3),
            image("comeback-base:bookworm-k1", "k1", 100, 1),
            image("comeback-gateway:0.16.0-bookworm-11", "k1", 230, 2),
            image("comeback-base:bookworm-k0", "k0", 90, 0),
            image("mine/gateway:1", "k1", 260, 0),
        ])
    }

    fn chosen(policy: Prune) -> Vec<String> {
        let now = Timestamp::from_second(4 * DAY).unwrap();
        choose(&store(), &policy, now)
            .into_iter()
            .map(|image| image.reference)
            .collect()
    }

    #[test]
    fn own_size_is_what_an_image_adds_to_its_base() {
        let all = store();
        let own: Vec<u64> = all.iter().map(|image| image.own).collect();
        assert_eq!(own, [90, 100, 130, 150]);
        assert_eq!(all[2].release.as_ref().unwrap().to_string(), "0.16.0");
        assert_eq!(all[2].on.as_deref(), Some("comeback-base:bookworm-k1"));
    }

    #[test]
    fn a_base_is_removed_with_the_last_image_on_it() {
        let days = |days: u64| Prune {
            older_than: Some(Duration::from_secs(days * 24 * 3600)),
            ..Prune::default()
        };
        assert_eq!(chosen(days(10)), Vec::<String>::new());
        assert_eq!(
            chosen(days(1)).len(),
            2,
            "0.16.0, and the base without images; the other base is needed"
        );
        assert_eq!(chosen(days(0)).last().unwrap(), "comeback-base:bookworm-k1");
        let keep = |keep| Prune {
            keep_bytes: Some(keep),
            ..Prune::default()
        };
        assert_eq!(chosen(keep(1000)), Vec::<String>::new());
        assert_eq!(chosen(keep(400)), ["comeback-gateway:0.16.0-bookworm-11"]);
        assert_eq!(
            chosen(Prune {
                all: true,
                ..Prune::default()
            })
            .len(),
            4
        );
        assert_eq!(chosen(Prune::default()), Vec::<String>::new());
    }
}
