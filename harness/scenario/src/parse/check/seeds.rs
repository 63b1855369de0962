//! Seeds: each ends up where it says, and none needs what is not there before the first boot.

use super::super::cursor::{Reader, Span};
use super::Places;
use crate::model::SeedContent;

impl Reader {
    /// No seed takes the place of another one, is put through a link, or names a process.
    pub(in crate::parse) fn check_seeds(&mut self, places: &Places<'_, '_, '_>) {
        let nodes = places.tab.get("seed").and_then(|node| node.get_ref().as_array());
        let spans: Vec<Span> = nodes.into_iter().flatten().map(|node| node.span()).collect();
        // One that could not be read has been reported.
        if spans.len() != places.seeds.len() {
            return;
        }
        let bytes: u64 = places.seeds.iter().map(|seed| seed.content.bytes()).sum();
        if let (Some(size), Some(last)) = (
            places.start.setup.volume_size.filter(|size| *size < bytes),
            spans.last(),
        ) {
            self.error(last.clone(), "the seeds do not fit on the volume")
                .label(format!("all of them have {bytes} bytes, and `volume_size` is {size}"));
        }
        for (seed, span) in places.seeds.iter().zip(&spans) {
            if seed.names_a_process() {
                self.error(span.clone(), "no gateway has run before the first boot")
                    .label("`{pid}` and `{start_time}` would name none")
                    .note("the step `stamp` puts a file there later");
            }
            for (other, place) in places.seeds.iter().zip(&spans).take_while(|(_, place)| *place != span) {
                let inside =
                    |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
                let (message, label) = if seed.path == other.path {
                    ("two seeds are at the same path", "again here")
                } else if inside(&other.path, &seed.path) && other.content != SeedContent::Dir {
                    (
                        "this seed is below one that is no directory",
                        "it would take the place of the other",
                    )
                } else if inside(&seed.path, &other.path) && seed.content != SeedContent::Dir {
                    (
                        "a seed is below this one, which is no directory",
                        "it would take the place of the other",
                    )
                } else {
                    continue;
                };
                self.error(span.clone(), message)
                    .label(label)
                    .also(place.clone(), "the other one");
            }
        }
    }
}
