//! `images`: builds, lists and prunes the images that comeback built.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::images::{self, event_sink};
use super::interrupt::Interrupts;
use super::{print, select, session};
use crate::Failure;
use crate::options::ImagesCommand;
use crate::progress::Progress;
use comeback_image::{Cache, ObtainOptions, Prune, Stored};
use comeback_verdict::Exit;

const MB: u64 = 1_000_000;

pub async fn run(command: ImagesCommand, progress: Arc<Progress>) -> Result<Exit, Failure> {
    let engine = session::connect(command.engine()).await?.engine;
    let failed = |error: comeback_image::ImageError| images::failure("the store", &error);
    match command {
        ImagesCommand::Build {
            images: texts,
            engine: args,
        } => {
            let options = ObtainOptions {
                offline: args.offline,
                cache: Cache::default(),
            };
            let wanted = select::images(&texts)?;
            let (mut interrupts, tell, none) = (Interrupts::listen(), event_sink(&progress), BTreeMap::new());
            let obtained =
                images::obtain_unless(&mut interrupts, &progress, &engine, &wanted, &none, &options, &tell).await;
            progress.finish();
            let references: Vec<String> = obtained?.subjects.into_iter().map(|i| i.reference).collect();
            print(&references.join("\n"))?;
        }
        ImagesCommand::List { .. } => print(&table(&comeback_image::list(engine.as_ref()).await.map_err(failed)?))?,
        ImagesCommand::Prune {
            older_than,
            keep_mb,
            all,
            ..
        } => {
            if older_than.is_none() && keep_mb.is_none() && !all {
                return Err(Failure::usage(
                    "prune needs to know which images to remove",
                    "give --older-than, --keep-mb or --all",
                ));
            }
            let policy = Prune {
                older_than,
                keep_bytes: keep_mb.map(|mb| mb * MB),
                all,
            };
            let gone = comeback_image::prune(engine.as_ref(), &policy).await.map_err(failed)?;
            let freed: u64 = gone.iter().map(|i| i.own).sum();
            let mut text: String = gone.iter().map(|i| format!("removed {}\n", i.reference)).collect();
            text.push_str(&format!("{} images, {} MB\n", gone.len(), freed / MB));
            print(&text)?;
        }
    }
    Ok(Exit::Held)
}

fn table(images: &[Stored]) -> String {
    if images.is_empty() {
        return "there are no images that comeback built\n".into();
    }
    let width = images.iter().map(|i| i.reference.len()).max().unwrap_or(0);
    let now = Timestamp::now();
    let mut text = format!("{:width$}  {:>8}  {:>8}  {:10}  age\n", "image", "adds", "in all", "s6");
    for image in images {
        text.push_str(&format!(
            "{:width$}  {:>5} MB  {:>5} MB  {:10}  {}\n",
            image.reference,
            image.own / MB,
            image.size / MB,
            image.supervisor.as_deref().unwrap_or("?"),
            age(now, image.created),
        ));
    }
    let all: u64 = images.iter().map(|i| i.own).sum();
    text.push_str(&format!("{} images take {} MB\n", images.len(), all / MB));
    text
}

/// An age in its largest unit: `3 d`.
fn age(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    match seconds {
        86_400.. => format!("{} d", seconds / 86_400),
        3600.. => format!("{} h", seconds / 3600),
        _ => format!("{} min", seconds / 60),
    }
}
