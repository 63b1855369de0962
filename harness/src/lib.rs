//! `comeback`: when a container restarts, does the service in it come back?
//!
//! Data flows one way: scenario files and flags → [`scenario`] → [`plan`] → runner ([`engine`] and [`observe`]) →
//! [`evidence`] → [`verdict`] → [`report`]. See `ARCHITECTURE.md`.

pub mod app;
pub mod cli;
pub mod engine;
pub mod evidence;
pub mod explore;
pub mod image;
pub mod observe;
pub mod plan;
pub mod redact;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod verdict;
