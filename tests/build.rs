//! Tests are made of the scenario folder when this crate is compiled, so a new file has to trigger a build: rstest reads all
//! files, and for the newest package this script writes a test for each core scenario.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=../scenarios");
    println!("cargo:rerun-if-changed=build.rs");
    let folder = std::fs::read_dir("../scenarios").expect("the scenario folder");
    let mut files: Vec<PathBuf> = folder.map(|file| file.expect("a file").path()).collect();
    files.sort();
    let tests: String = files
        .iter()
        .filter(|file| is_core(file))
        .map(|file| test(file))
        .collect();
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join("core.rs"), tests).expect("OUT_DIR can be written");
}

/// Whether a scenario is tagged `core`. A test compares the result with the table.
fn is_core(file: &Path) -> bool {
    let is_file = file.extension().is_some_and(|extension| extension == "toml");
    let text = if is_file {
        std::fs::read_to_string(file).unwrap_or_default()
    } else {
        String::new()
    };
    text.lines()
        .any(|line| line.starts_with("tags") && line.contains("\"core\""))
}

fn test(file: &Path) -> String {
    let id = file.file_stem().unwrap_or_default().to_string_lossy();
    format!("#[test]\nfn {}() {{\n    newest(\"{id}\");\n}}\n", id.replace('-', "_"))
}
