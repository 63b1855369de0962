//! Progress, on stderr: what a run is doing while it does it.
