//! The gateway's exit diagnostics.

use serde_json::Value;

/// A diagnostic: what process, which tag, and the exit code where the tag tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitDiag {
    /// The process that wrote it.
    pub pid: u32,
    /// `gateway.start`, `gateway.exit_clean`, …
    pub tag: String,
    /// The exit code.
    pub exit: Option<i64>,
}

impl ExitDiag {
    /// Reads a line; `None` if it is no diagnostic.
    pub fn parse(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let tag = value.get("tag")?.as_str()?.to_owned();
        let exit = match tag.as_str() {
            "gateway.exit_clean" => Some(0),
            "gateway.exit_nonzero" => Some(1),
            "asyncio.run.SystemExit" => value.get("code").and_then(Value::as_i64),
            _ => None,
        };
        let pid = u32::try_from(value.get("pid")?.as_u64()?).ok()?;
        Some(Self { pid, tag, exit })
    }
}
