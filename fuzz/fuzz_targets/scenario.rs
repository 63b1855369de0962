//! Any text is accepted as a scenario file or refused with the place of each mistake. An accepted scenario can be explained.
#![no_main]

use comeback_scenario::{explain::explain, parse_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match parse_file("scenarios/fuzzed.toml", text) {
        Ok(scenario) => assert!(!explain(&scenario).is_empty()),
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(error.line >= 1 && error.line <= text.lines().count().max(1) + 1);
                let shown = error.to_string();
                assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
            }
        }
    }
});
