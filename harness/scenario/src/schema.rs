//! The JSON schema of scenario files, for editors. It is generated from the vocabulary, so it cannot differ from it.
//!
//! It knows what a value looks like. What two parts of a file have to do with each other is for the parser to say.

mod pattern;

use serde_json::{Map, Value, json};

use super::model::Signal;
use super::overlay::overlays;
use super::vocabulary::{
    ALL_CAPABILITIES, ALL_PROFILES, About, CAPABILITIES, COMMON, DEADLY, ENTRY_KINDS, IMAGE_SOURCES, Key, Kind,
    OperationKind, Probe, ProbeInfo, SUBJECT, Shape, TMPFS_FLAGS, TMPFS_VALUES, TOP, USERS, VOLUME_SIZE, Values,
    YEAR_MS,
};

/// The pattern of a lower-case word.
const SLUG: &str = "^[a-z0-9][a-z0-9-]*$";
/// The pattern of the beginning of a PEP 440 range.
const RANGE: &str = "^\\s*(~=|===?|!=|<=?|>=?)";

/// The schema as JSON.
pub fn schema() -> Value {
    let mut root = table(&TOP, &[]);
    let mut defs = Map::new();
    defs.insert("values".to_owned(), one_or_more(any_value()));
    for probe in Probe::of_rows() {
        defs.insert(def_name(probe), one_or_more(value_of(probe.info())));
    }
    if let Some(root) = root.as_object_mut() {
        root.insert(
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        root.insert("title".to_owned(), json!("comeback scenario file"));
        root.insert("$defs".to_owned(), Value::Object(defs));
    }
    root
}

/// The text of the committed file `scenarios/schema.json`.
pub fn text() -> String {
    format!("{:#}\n", schema())
}

/// The schema of a table of that shape, with additional keys.
fn table(shape: &Shape, more: &[Key]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in shape.keys.iter().chain(more) {
        let mut schema = of_kind(key.kind);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), json!(key.doc));
        }
        properties.insert(key.name.to_owned(), schema);
        if key.required {
            required.push(key.name);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    // Rows name their probe, so each column must have values of that probe.
    let columns: Vec<&str> = shape
        .keys
        .iter()
        .filter(|k| matches!(k.kind, Kind::Values))
        .map(|k| k.name)
        .collect();
    if !columns.is_empty() {
        schema["allOf"] = Probe::of_rows().map(|probe| fitting(probe, &columns)).collect();
    }
    if let (Some(_), Some(all)) = (shape.key("path"), schema.get_mut("allOf").and_then(Value::as_array_mut)) {
        all.push(of_paths());
    }
    schema
}

/// Rows about a path have one, and no others.
fn of_paths() -> Value {
    let about: Vec<&str> = (Probe::of_rows().filter(|probe| probe.info().about == About::Path))
        .map(Probe::name)
        .collect();
    json!({
        "if": { "properties": { "probe": { "enum": about } }, "required": ["probe"] },
        "then": { "required": ["path"] },
        "else": { "properties": { "path": false } }
    })
}

/// If a row is about that probe, its columns must have values of the probe.
fn fitting(probe: Probe, columns: &[&str]) -> Value {
    let value = json!({ "$ref": format!("#/$defs/{}", def_name(probe)) });
    let then: Map<String, Value> = columns.iter().map(|c| ((*c).to_owned(), value.clone())).collect();
    json!({
        "if": { "properties": { "probe": { "const": probe.name() } }, "required": ["probe"] },
        "then": { "properties": then }
    })
}

/// A pattern for the names of these signals, with or without `SIG`, in any case.
fn signals(names: impl Iterator<Item = &'static str>) -> String {
    let bare = names.map(|name| name.trim_start_matches("SIG"));
    format!("^({})?({})$", pattern::any_case(["SIG"]), pattern::any_case(bare))
}

fn def_name(probe: Probe) -> String {
    format!("value-of-{}", probe.name())
}

/// The schema of a key of that kind.
fn of_kind(kind: Kind) -> Value {
    let string = || json!({ "type": "string" });
    let matching = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let list = |of: Value| json!({ "type": "array", "items": of });
    match kind {
        Kind::Schema => json!({ "const": 1 }),
        Kind::Text | Kind::Base64 => string(),
        Kind::Line => matching("\\S"),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Number(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Duration(least, most) => matching(&pattern::durations(least, most)),
        Kind::Seconds(most) => matching(&pattern::seconds(most)),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Words(words) => list(json!({ "enum": words })),
        Kind::Strings => list(string()),
        Kind::Argv => json!({ "type": "array", "items": string(), "minItems": 1 }),
        Kind::Issues => list(matching("^#[0-9]+$")),
        Kind::Tags => list(matching(SLUG)),
        Kind::Name => matching(SLUG),
        Kind::Overlay => {
            json!({ "enum": overlays().iter().map(|overlay| overlay.name.as_str()).collect::<Vec<_>>() })
        }
        Kind::User => matching("^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$"),
        Kind::Size => {
            let (least, most) = (VOLUME_SIZE.start(), VOLUME_SIZE.end());
            let sizes = |unit: u32| pattern::numbers(least >> unit, most >> unit);
            matching(&format!("^({}K|{}M)$", sizes(10), sizes(20)))
        }
        Kind::Capabilities => {
            let names = pattern::any_case(CAPABILITIES.iter().copied().chain([ALL_CAPABILITIES]));
            list(matching(&format!("^({}_)?({names})$", pattern::any_case(["CAP"]))))
        }
        Kind::Tmpfs => {
            let values: Vec<&str> = TMPFS_VALUES.iter().copied().filter(|name| *name != "size").collect();
            let (flags, values) = (TMPFS_FLAGS.join("|"), values.join("|"));
            let option = format!("({flags}|size=[0-9]+[kKmMgG%]?|({values})=[^,]+)");
            list(matching(&format!("^/[^:]+(:{option}(,{option})*)?$")))
        }
        Kind::Env => {
            json!({ "type": "object", "propertyNames": matching("^[^=]+$"), "additionalProperties": string() })
        }
        Kind::Version => matching("^v?[0-9]"),
        Kind::Releases => {
            let versions = json!({ "type": "array", "items": matching("^v?[0-9]"), "minItems": 1 });
            json!({ "anyOf": [versions, matching(RANGE)] })
        }
        Kind::Seen => matching("^\\s*[0-9]+\\s*/\\s*[0-9]+\\s*$"),
        Kind::Range => matching(RANGE),
        Kind::Image => matching(&format!("^({SUBJECT}|({}):.+)$", IMAGE_SOURCES.join("|"))),
        Kind::VolumePath => matching(pattern::PATH),
        Kind::Profile | Kind::ProfileOrAll => {
            let mut never = vec![".", ".."];
            if matches!(kind, Kind::Profile) {
                never.push(ALL_PROFILES);
            }
            json!({ "type": "string", "pattern": "^[^/]+$", "not": { "enum": never } })
        }
        Kind::ProfileStart => {
            let words = json!({ "enum": ["operator", "reconcile", "none"] });
            let table = json!({
                "type": "object", "properties": { "by": words }, "required": ["by"], "additionalProperties": false
            });
            json!({ "anyOf": [words, table] })
        }
        Kind::Json => json!({ "type": ["string", "object", "array"] }),
        Kind::Owner => {
            json!({ "anyOf": [{ "enum": USERS }, { "type": "integer", "minimum": 0, "maximum": u32::MAX }] })
        }
        Kind::Mode => {
            json!({ "anyOf": [matching("^(0o)?0*[0-7]{1,4}$"), { "type": "integer", "minimum": 0, "maximum": 0o7777 }] })
        }
        Kind::Signal => matching(&signals(Signal::ALL.into_iter().map(Signal::name))),
        Kind::Probe => json!({ "enum": Probe::of_rows().map(Probe::name).collect::<Vec<_>>() }),
        Kind::Figure => json!({ "enum": Probe::figures().map(Probe::name).collect::<Vec<_>>() }),
        Kind::After => matching("^after:0*[1-9][0-9]*$"),
        Kind::Moment => matching("^(start|end|(after|down|boot):0*[1-9][0-9]*)$"),
        Kind::Values => json!({ "$ref": "#/$defs/values" }),
        Kind::Table(shape) => table(shape, &[]),
        Kind::Tables(shape) => list(table(shape, &[])),
        Kind::SomeTables(shape) => json!({ "type": "array", "items": table(shape, &[]), "minItems": 1 }),
        Kind::Steps => list(step()),
    }
}

/// The schema of a step: a table with one operation as its key.
fn step() -> Value {
    let operations: Map<String, Value> = OperationKind::ALL
        .iter()
        .map(|kind| {
            let info = kind.info();
            let mut parameters = table(&info.shape, COMMON);
            parameters["description"] = json!(info.doc);
            (info.name().to_owned(), parameters)
        })
        .collect();
    json!({
        "type": "object",
        "properties": operations,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1
    })
}

fn absent() -> Value {
    json!({
        "type": "object",
        "properties": { "absent": { "const": true } },
        "required": ["absent"],
        "additionalProperties": false
    })
}

fn any_value() -> Value {
    json!({ "anyOf": [{ "type": ["string", "integer", "boolean"] }, absent()] })
}

fn value_of(info: &ProbeInfo) -> Value {
    let mut ways = match info.values {
        Values::Words(words) => vec![json!({ "enum": words })],
        // Any word is allowed, because a scenario can put other words on the volume, which only the parser knows.
        Values::States(_) | Values::PriorStates(_) | Values::Substring => {
            vec![json!({ "type": "string", "minLength": 1 })]
        }
        Values::Presence => vec![json!({ "enum": ["present", "absent", true, false] })],
        Values::Bool => vec![json!({ "type": "boolean" })],
        Values::Entry => vec![json!({
            "type": "string",
            "pattern": format!("^({}) of ({}|[0-9]+)$", ENTRY_KINDS.join("|"), USERS.join("|"))
        })],
        Values::Duration => vec![of_kind(Kind::Duration(0, YEAR_MS))],
        Values::Count => vec![json!({ "type": "integer", "minimum": 0 })],
        Values::ExitCode => vec![json!({ "type": "integer", "minimum": 0, "maximum": 255 })],
        Values::ExitOrSignal => {
            vec![
                json!({ "type": "integer", "minimum": 0, "maximum": 255 }),
                json!({ "type": "string", "pattern": signals(Signal::ALL.into_iter().map(Signal::name).chain(DEADLY.iter().copied())) }),
            ]
        }
    };
    if info.absent.is_some() {
        ways.push(absent());
    }
    json!({ "anyOf": ways })
}

fn one_or_more(value: Value) -> Value {
    json!({ "anyOf": [value, { "type": "array", "items": value, "minItems": 1 }] })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::fixtures::example;
    use crate::{Catalogue, parse_file};

    fn valid(text: &str) -> Result<(), String> {
        let document: Value = toml::from_str(text).unwrap();
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|e| format!("{}: {e}", e.instance_path))
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors.join("\n"))
        }
    }

    #[test]
    fn the_committed_schema_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/schema.json");
        if std::env::var_os("COMEBACK_BLESS").is_some() {
            std::fs::write(&path, text()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text(),
            "scenarios/schema.json is not what the code says; write it anew with \
             `COMEBACK_BLESS=1 cargo test -p comeback committed_schema`"
        );
    }

    #[test]
    fn every_scenario_is_valid_by_the_schema() {
        let all = Catalogue::load(None).unwrap_or_else(|e| panic!("{e}"));
        for scenario in all.iter() {
            if let Err(errors) = valid(&scenario.source.text) {
                panic!("{}:\n{errors}", scenario.source.path);
            }
        }
    }

    #[test]
    fn every_example_of_an_operation_is_valid_and_parses() {
        for kind in OperationKind::ALL {
            let text = example(*kind);
            let scenario = parse_file("example.toml", &text)
                .unwrap_or_else(|e| panic!("{}", e.iter().map(|d| d.to_string()).collect::<String>()));
            assert!(scenario.steps.iter().any(|step| step.op.kind() == *kind));
            valid(&text).unwrap_or_else(|e| panic!("{kind}: {e}"));
        }
    }

    /// Values of keys, written into the smallest file in place of its step or beside its title.
    #[test]
    fn the_schema_and_the_parser_take_the_same_values() {
        let tops = [
            (
                "settle = ",
                &["\"60s\"", "\"1m\"", "\"0s\"", "\"61s\"", "\"5\"", "\"60001ms\""][..],
            ),
            (
                "start.volume_size = ",
                &["\"4M\"", "\"192M\"", "\"8192K\"", "\"1M\"", "\"193M\"", "\"4G\""],
            ),
            ("start.overlay = ", &["\"ignores-sigterm\"", "\"no-such\""]),
            (
                "start.env = ",
                &[
                    "{ A_B = \"1\" }",
                    "{ \"A=B\" = \"1\" }",
                    "{ \"\" = \"1\" }",
                    "{ A = 1 }",
                ],
            ),
            (
                "start.user = ",
                &["\"hermes\"", "\"10000:10000\"", "\"a b\"", "\"\"", "\":1\"", "\"a:\""],
            ),
            (
                "start.tmpfs = ",
                &[
                    "[\"/run:exec,size=16m\"]",
                    "[\"/run\"]",
                    "[\"/run:fast\"]",
                    "[\"/run:size=16x\"]",
                    "[\"/run:size\"]",
                    "[\"run\"]",
                ],
            ),
            (
                "start.cap_drop = ",
                &["[\"kill\"]", "[\"CAP_KILL\"]", "[\"Kill\"]", "[\"SYS_ADMIN\"]"],
            ),
            (
                "start.healthcheck = ",
                &[
                    "{ cmd = [\"true\"], interval = \"100ms\", retries = 100 }",
                    "{ cmd = [\"true\"], interval = \"99ms\" }",
                    "{ cmd = [\"true\"], retries = 101 }",
                    "{ cmd = [] }",
                ],
            ),
            (
                "profile = ",
                &[
                    "[{ name = \"work\" }]",
                    "[{ name = \"all\" }]",
                    "[{ name = \"..\" }]",
                    "[{ name = \"a/b\" }]",
                ],
            ),
            (
                "seed = ",
                &[
                    "[{ path = \"x/y\", text = \"\", owner = 4294967295, mode = \"7777\" }]",
                    "[{ path = \"x\", text = \"\", owner = 4294967296 }]",
                    "[{ path = \"../x\", text = \"\" }]",
                    "[{ path = \"x/\", text = \"\" }]",
                    "[{ path = \"x\", text = \"\", mode = \"10000\" }]",
                    "[{ path = \"x\", size = 67108865 }]",
                ],
            ),
            ("known = ", &["[{ releases = [\"0.16.0\"], note = \"n\", rows = [] }]"]),
            (
                "figure = ",
                &[
                    "[{ at = \"after:1\", probe = \"step.took\", at_most = \"30s\" }]",
                    "[{ at = \"after:1\", probe = \"step.took\", at_most = \"0s\" }]",
                ],
            ),
        ];
        let steps = [
            (
                "engine-restart",
                &["{ grace = \"600s\" }", "{ grace = \"10m\" }", "{ grace = \"2000ms\" }"][..],
            ),
            (
                "engine-restart",
                &["{ grace = \"601s\" }", "{ grace = \"11m\" }", "{ grace = \"500ms\" }"],
            ),
            (
                "engine-restart",
                &["{ profile = \"default\" }", "{ as = \"root\" }", "{ wait = false }"],
            ),
            (
                "signal-gateway",
                &[
                    "{ signal = \"term\" }",
                    "{ signal = \"SIGKILL\" }",
                    "{ signal = \"SIGFOO\" }",
                ],
            ),
            (
                "signal-gateway",
                &[
                    "{ signal = \"TERM\", profile = \"all\" }",
                    "{ signal = \"TERM\", as = \"root\" }",
                ],
            ),
            (
                "operator-stop",
                &["{ profile = \"all\", as = \"root\" }", "{ profile = \"..\" }"],
            ),
            ("operator-run", &["{ profile = \"all\" }"]),
            (
                "hold-at",
                &["{ state = \"draining\", profile = \"all\" }", "{ state = \"drained\" }"],
            ),
            ("settle", &["{ profile = \"default\" }", "{ container = \"x\" }", "{}"]),
        ];
        let smallest = crate::explain::SMALLEST;
        let of_tops = tops
            .iter()
            .flat_map(|(key, values)| values.iter().map(move |value| format!("{key}{value}\n{smallest}")));
        let of_steps = steps.iter().flat_map(|(operation, values)| {
            values
                .iter()
                .map(move |value| smallest.replace("engine-restart = {}", &format!("{operation} = {value}")))
        });
        let mut taken = 0;
        let all: Vec<String> = of_tops.chain(of_steps).collect();
        for text in &all {
            let parsed = parse_file("agree.toml", text).map_err(|errors| errors[0].to_string());
            let by_schema = valid(text);
            assert_eq!(parsed.is_ok(), by_schema.is_ok(), "{text}\n{parsed:?}\n{by_schema:?}");
            taken += usize::from(parsed.is_ok());
        }
        assert!(taken > 15 && all.len() - taken > 25, "{taken} of {}", all.len());
    }

    #[test]
    fn the_schema_refuses_mistakes() {
        let good = "schema = 1\ntitle = \"t\"\n[[expect]]\nat = \"boot:2\"\nprobe = \"boot.lines\"\nfixed = 1\nregressed = [0, 2]\n";
        valid(good).unwrap();
        for (from, to) in [
            ("schema = 1", "schema = 2"),
            ("title", "titel"),
            ("boot:2", "boot:0"),
            ("boot:2", "boot"),
            ("boot.lines", "boot.line"),
            ("fixed = 1", "fixed = \"one\""),
            ("fixed = 1", "fixed = { absent = true }"),
            ("[0, 2]", "[]"),
        ] {
            assert!(valid(&good.replace(from, to)).is_err(), "{from} -> {to}");
        }
        let of_a_path = good
            .replace("fixed = 1", "fixed = \"file of root\"")
            .replace("[0, 2]", "{ absent = true }");
        let with = |keys: &str| valid(&of_a_path.replace("probe = \"boot.lines\"", keys));
        with("probe = \"file\"\npath = \"x\"").unwrap();
        assert!(with("probe = \"file\"").is_err());
        assert!(valid(&good.replace("\"boot.lines\"", "\"boot.lines\"\npath = \"x\"")).is_err());
        assert!(valid("schema = 1\ntitle = \"t\"\n").is_err());
    }
}
