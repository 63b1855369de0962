//! `merge`: makes one run of the shards that several machines ran, and judges it as if one machine had run it.

use std::path::Path;

use super::reports::Reports;
use super::session::{self, Clock};
use super::trend_file::TrendFile;
use super::{Caller, judge, print_failure};
use crate::options::MergeOptions;
use crate::{Failure, FailureKind};
use comeback_image::Cache;
use comeback_record::document::RunDocument;
use comeback_record::ledger::Entry;
use comeback_record::merge::{Whole, merge as put_together};
use comeback_record::read::{Kept, KeptAttempt, read};
use comeback_record::replay::{of_attempt, replay};
use comeback_record::write::Record;
use comeback_text::terminal::sanitize;

/// Merges the shards, writes the record of the whole run, and renders it. Returns the exit code.
pub fn merge(args: &MergeOptions, caller: &Caller) -> Result<u8, Failure> {
    let clock = Clock::start();
    let shards: Vec<Kept> = args
        .records
        .iter()
        .map(|record| read(record).map_err(|error| judge::bad(&error)))
        .collect::<Result<_, _>>()?;
    let whole = put_together(&shards, &clock.run).map_err(|why| not_whole(&why))?;
    let folder = match &args.report.record {
        Some(folder) => folder.clone(),
        None => Cache::default()
            .path(format!("runs/{}", clock.run))
            .map_err(|why| session::io(Path::new("the user's cache folder"), &why))?,
    };
    let trend = args.report.history.as_deref().map(TrendFile::open).transpose()?;
    let (mut document, kept) = keep(&folder, whole)?;
    let noted = trend.map_or(Ok(()), |trend| trend.add(&mut document));
    let reports = Reports::new(&args.report.render, &caller.terminal);
    kept.events.iter().for_each(|event| reports.stream(event));
    let written = reports.write(&document).and(noted);
    if let Err(failure) = &written {
        print_failure(failure, &caller.terminal);
    }
    reports.print(&document)?;
    Ok(judge::code(&document, &written))
}

/// Writes the record of the whole run, and judges it as [`judge`](super::judge) does.
fn keep(folder: &Path, whole: Whole<'_>) -> Result<(RunDocument, Kept), Failure> {
    let io = |why| session::io(folder, &why);
    let mut record = Record::create(folder, &whole.began).map_err(io)?;
    let mut entries = vec![whole.began];
    for entry in whole.entries {
        record.enter(&entry);
        entries.push(entry);
    }
    whole.events.iter().for_each(|event| record.tell(event));
    let mut attempts = Vec::new();
    for attempt in whole.attempts {
        let place = record.begin(&attempt.key, attempt.started);
        record.end(&attempt.key, &of_attempt(attempt));
        entries.push(Entry::Attempt {
            case: attempt.key.clone(),
            folder: place
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default(),
            started: attempt.started,
        });
        attempts.push(KeptAttempt {
            folder: place,
            ..attempt.clone()
        });
    }
    entries.push(whole.ended.clone());
    let kept = Kept {
        root: folder.to_owned(),
        entries,
        attempts,
        events: whole.events,
    };
    let document = replay(&kept).map_err(|error| judge::bad(&error))?;
    record.finish(&whole.ended, &document).map_err(io)?;
    Ok((document, kept))
}

fn not_whole(why: &[String]) -> Failure {
    let mut lines = vec!["error: these records are not the shards of one run".to_owned()];
    lines.extend(why.iter().map(|line| format!("  {}", sanitize(line))));
    lines.push(
        "  → give the record of every shard once; all have to be complete runs of the same command on the same images"
            .to_owned(),
    );
    Failure::new(FailureKind::BadFile {
        diagnostic: lines.join("\n"),
    })
}
