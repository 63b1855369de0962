//! JSON schemas of the run document and of the events of a stream.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use comeback_record::document::RunDocument;
use comeback_record::event::TimedEvent;

/// The schema of the run document: `--format json`.
pub fn document() -> Value {
    schema::<RunDocument>("The document of a comeback run", "document")
}

/// The schema of a line of `--format jsonl`.
pub fn events() -> Value {
    schema::<TimedEvent>("An event of a comeback run: a line of its stream", "event")
}

fn schema<T: schemars::JsonSchema>(title: &str, name: &str) -> Value {
    // The schema of written documents: keys that have a default when they are read are always written.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.insert("$id".to_owned(), format!("urn:comeback:schema:1:{name}").into());
    schema.to_value()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use rstest::rstest;

    use super::*;
    use comeback_record::document::samples;
    use comeback_record::event::RunEvent;

    #[rstest]
    #[case("document.json", document())]
    #[case("event.json", events())]
    fn committed_schemas_are_current(#[case] name: &str, #[case] schema: Value) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../docs/schema")
            .join(name);
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("COMEBACK_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        assert!(
            std::fs::read_to_string(&path).unwrap_or_default() == text,
            "docs/schema/{name} differs from the code. Keys may be added, but never removed. To write it again: \
             `COMEBACK_BLESS=1 cargo test --workspace --lib committed_schemas`"
        );
    }

    #[test]
    fn documents_and_events_match_the_schemas() {
        let of_document = jsonschema::validator_for(&document()).unwrap();
        let of_event = jsonschema::validator_for(&events()).unwrap();
        for document in [
            samples::reproduced(),
            samples::motley(),
            samples::engine_fault(),
            samples::no_engine(),
            samples::compared(false),
            samples::explored(comeback_explore::scripted::Fault::EveryShutdownIsAStop),
        ] {
            let last = crate::jsonl::document(&document).unwrap();
            let last: Value = serde_json::from_str(&last).unwrap();
            for (validator, value) in [
                (&of_document, &serde_json::to_value(&document).unwrap()),
                (&of_event, &last),
            ] {
                let errors: Vec<String> = validator
                    .iter_errors(value)
                    .map(|e| format!("{}: {e}", e.instance_path))
                    .collect();
                assert!(errors.is_empty(), "{}", errors.join("\n"));
            }
        }
        let note = TimedEvent {
            at: samples::reproduced().started,
            event: RunEvent::Note { text: "a".into() },
        };
        let mut note = serde_json::to_value(note).unwrap();
        assert!(of_event.is_valid(&note));
        note["event"] = "no-such-event".into();
        assert!(!of_event.is_valid(&note));
        assert!(!of_document.is_valid(&serde_json::json!({"schema": 1})));
    }
}
