//! `--history FILE`: a line for each run, which its reports show the trend of.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::session;
use crate::Failure;
use comeback_record::document::RunDocument;
use comeback_record::trend::{Line, trend};

/// The file, and the lines it had when the command began.
#[derive(Debug)]
pub struct TrendFile {
    file: PathBuf,
    before: Vec<Line>,
}

impl TrendFile {
    /// Reads the file. One that is not there yet is empty.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is another file.
    pub fn open(file: &Path) -> Result<Self, Failure> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(why) => return Err(session::io(file, &why)),
        };
        let before = Line::parse(&text).map_err(|(line, why)| {
            Failure::usage(
                format!("{}:{line}: this is no line that --history wrote: {why}", file.display()),
                "name another file, or remove this one to begin anew",
            )
        })?;
        Ok(Self {
            file: file.to_owned(),
            before,
        })
    }

    /// Adds the run to the file, and the trend to its document.
    ///
    /// # Errors
    ///
    /// If the line cannot be written. The document has its trend all the same.
    pub fn add(&self, document: &mut RunDocument) -> Result<(), Failure> {
        let line = Line::of(document);
        document.trend = Some(trend(&self.before, &line));
        let text = line.text().map_err(|why| session::io(&self.file, &why))?;
        session::parent(&self.file)?;
        // One write in append mode, so that runs at the same time keep each other's lines.
        let file = OpenOptions::new().create(true).append(true).open(&self.file);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|why| session::io(&self.file, &why))
    }
}
