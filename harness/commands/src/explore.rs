//! `explore`: runs generated sequences on a real gateway.

mod trials;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::images;
use super::interrupt::Interrupts;
use super::run_guard::RunGuard;
use super::run_output::RunOutput;
use super::session::{self, Connected};
use super::{Caller, print, select};
use crate::Failure;
use crate::options::ExploreOptions;
use comeback_explore::generate::Source;
use comeback_explore::hunt::{Hunt, HuntEvent, Hunted, hunt};
use comeback_explore::sequence::Sequence;
use comeback_image::{Cache, ImageExpr, ObtainOptions};
use comeback_record::document::explore::{Circumstances, Explored, explored, judge};
use comeback_record::document::{document, entry};
use comeback_record::event::RunEvent;
use comeback_record::excerpt::step_detail;
use comeback_record::ledger::Entry;
use comeback_runner::Slots;
use comeback_scenario::overlay::overlays;
use comeback_verdict::Exit;
use trials::EngineTrials;

/// Deadline of each wait within a case. A gateway that takes longer is taken for one that does not come up.
const WAIT: Duration = Duration::from_secs(30);

/// Several profiles mean nothing where only the root's gateway can be started.
const ONE_GATEWAY: &str = "one gateway serves all profiles of this image, so named profiles have none that could be started or \
    stopped: every sequence has the default profile only, as with --profiles 1";

/// Explores an image.
pub async fn explore(args: ExploreOptions, caller: Caller) -> Result<Exit, Failure> {
    let mut output = RunOutput::open("explore", &args.report, &caller);
    let outcome = run(args, &caller, &mut output).await;
    output.close(outcome)
}

async fn run(args: ExploreOptions, caller: &Caller, output: &mut RunOutput) -> Result<Exit, Failure> {
    let images = select::single_images(std::slice::from_ref(&args.image), "explore takes one image")?;
    let others = others(&args.also)?;
    known_overlay(args.overlay.as_deref())?;
    if let Some(file) = &args.save {
        savable(file)?;
    }
    let mut hunt_for = Hunt {
        source: Source {
            seed: args.seed.given_or_drawn(output.clock.started),
            steps: args.steps.get(),
            profiles: usize::from(args.profiles),
            others: args.also.clone(),
        },
        runs: args.runs.get(),
        budget: args.budget,
    };
    if args.dry_run {
        print(&sequences(&hunt_for))?;
        return Ok(Exit::Held);
    }
    let mut interrupts = Interrupts::listen();
    let connected = session::connect(&args.engine).await?;
    let Connected { engine, info, .. } = &connected;
    let slots = Slots::new(args.jobs, info);
    let jobs = slots.most_busy;
    output.engine = Some(connected.entry());
    let mut guard = RunGuard::begin(&connected, &output.clock.run, &caller.progress).await;
    output.seed = Some(hunt_for.source.seed);
    output.begin_record()?;
    output.enter([Entry::Engine {
        engine: connected.entry(),
    }]);
    let tell = output.event_sink();
    connected.tell_clock(&tell);
    let options = ObtainOptions {
        offline: args.engine.offline,
        cache: Cache::default(),
    };
    let progress = &caller.progress;
    let obtained = images::obtain_unless(&mut interrupts, progress, engine, &images, &others, &options, &tell).await;
    let obtained = obtained.inspect_err(|_| progress.finish())?;
    let image = obtained.subjects.first();
    let image = image.unwrap_or_else(|| unreachable!("one image was asked for"));
    output.images = obtained.entries.clone();
    output.enter(obtained.entries.iter().cloned().map(|image| Entry::Image { image }));
    tell(RunEvent::RunStarted {
        run: output.clock.run.clone(),
        cases: hunt_for.runs,
        images: vec![image.name.clone()],
    });
    tell(RunEvent::Note {
        text: format!("seed {}", hunt_for.source.seed),
    });
    let ctx = connected
        .context(&output.clock.run, None, slots, WAIT, args.timeout, hunt_for.source.seed)
        .await?;
    let ctx = Arc::new(ctx);
    let trials = Arc::new(EngineTrials::new(
        ctx,
        image.clone(),
        obtained.others.clone(),
        args.overlay.clone(),
        jobs,
        output,
        hunt_for.source.seed,
    ));
    let hunted = Arc::new(Mutex::new(Hunted::default()));
    let clock = Instant::now();
    let notes = tell.clone();
    let on_event = move |event: HuntEvent| notes(RunEvent::Note { text: in_words(&event) });
    let mut cut = None;
    if hunt_for.source.profiles > 1 {
        tokio::select! {
            one = trials.has_one_gateway() => if one {
                tell(RunEvent::Warning { text: ONE_GATEWAY.to_owned() });
                hunt_for.source.profiles = 1;
            },
            exit = interrupts.next() => cut = Some(exit),
        }
    }
    if cut.is_none() {
        tokio::select! {
            () = hunt(&trials, &hunt_for, &hunted, &on_event) => {}
            exit = interrupts.next() => cut = Some(exit),
        }
    }
    let seconds = clock.elapsed().as_secs_f64();
    let run = output.clock.run.clone();
    let leak = guard.end(engine, &run, &[], &mut cut, &mut interrupts, progress).await;
    progress.finish();
    let with = Circumstances {
        image: &image.name,
        overlay: args.overlay.as_deref(),
        jobs,
        seconds,
    };
    let found = {
        let hunted = hunted.lock().unwrap_or_else(PoisonError::into_inner);
        explored(&hunt_for, &hunted, &with, |finding| trials.text(finding))
    };
    let saved = args.save.as_deref().map_or(Ok(()), |file| save(file, &found));
    output.enter([Entry::Explore {
        explored: Box::new(found.clone()),
    }]);
    let fault = saved.err().map(|failure| (failure.what(), failure.exit()));
    let header = output.header(fault.or(leak.map(|why| (why, Exit::Environment))), cut);
    let repeats = trials.repeats();
    let cases = repeats.iter().map(|repeat| entry(&repeat.judged_case())).collect();
    let mut document = document(&header, output.images.clone(), cases);
    judge(&mut document, found, header.faults());
    output.hand_in(&header, document)
}

/// The other images, by the text that sequences name them with.
fn others(also: &[String]) -> Result<BTreeMap<String, ImageExpr>, Failure> {
    let images = select::single_images(also, "--also takes one image")?;
    Ok(also.iter().cloned().zip(images).collect())
}

fn known_overlay(name: Option<&str>) -> Result<(), Failure> {
    let all = overlays();
    match name {
        Some(name) if all.iter().all(|o| o.name != name) => {
            let known: Vec<&str> = all.iter().map(|o| o.name.as_str()).collect();
            Err(Failure::usage(
                format!("there is no fault overlay `{name}`"),
                format!("the fault overlays are {}", known.join(", ")),
            ))
        }
        _ => Ok(()),
    }
}

/// Checks the name of the scenario file before anything is run.
fn savable(file: &Path) -> Result<(), Failure> {
    let stem = file.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    let slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = file.extension().is_some_and(|e| e == "toml") && !stem.is_empty() && stem.chars().all(slug);
    if good {
        return Ok(());
    }
    Err(Failure::usage(
        format!("`{}` is not the name of a scenario file", file.display()),
        "use lower-case letters, digits and dashes, then .toml: found-7.toml",
    ))
}

/// Writes each finding to a file of its own.
fn save(file: &Path, explored: &Explored) -> Result<(), Failure> {
    for found in &explored.findings {
        session::write(&numbered(file, found.number), &found.scenario_toml)?;
    }
    Ok(())
}

fn numbered(file: &Path, number: usize) -> PathBuf {
    let stem = file.file_stem().and_then(|s| s.to_str()).unwrap_or("found");
    match number {
        1 => file.to_owned(),
        n => file.with_file_name(format!("{stem}-{n}.toml")),
    }
}

/// Every sequence of a hunt, a line each.
fn sequences(hunt: &Hunt) -> String {
    let lines = (0..hunt.runs).map(|i| format!("{:>4}  {}\n", i + 1, one_line(&hunt.source.sequence(i))));
    format!("seed {}\n{}", hunt.source.seed, lines.collect::<String>())
}

fn one_line(sequence: &Sequence) -> String {
    let mut words = Vec::new();
    if sequence.setting.profiles > 1 || sequence.setting.restarts || !sequence.seeded().is_empty() {
        let mut setting = vec![match sequence.setting.profiles {
            1 => "1 profile".to_owned(),
            many => format!("{many} profiles"),
        }];
        if sequence.setting.restarts {
            setting.push("restart policy".to_owned());
        }
        if !sequence.seeded().is_empty() {
            setting.push(format!("{} seeded", sequence.seeded().len()));
        }
        words.push(format!("[{}]", setting.join(", ")));
    }
    for (_, step) in sequence.steps() {
        let detail = step_detail(&step);
        let detail = if detail.is_empty() {
            detail
        } else {
            format!(" ({detail})")
        };
        let flight = if step.wait { "" } else { " in flight" };
        words.push(format!("{}{detail}{flight}", step.op.name()));
    }
    words.join("; ")
}

fn in_words(event: &HuntEvent) -> String {
    match event {
        HuntEvent::Found(index, kind, steps) => {
            format!("sequence {}: {kind}, after {steps} steps; shrinking it", index + 1)
        }
        HuntEvent::Smaller(index, operations) => {
            format!("sequence {} shrunk to {}", index + 1, operations.join(", "))
        }
        HuntEvent::Done(finding) => {
            let rate = match finding.repeats {
                0 => "no time to repeat it".to_owned(),
                repeats => format!("{} of {repeats} repeats", finding.reproduced),
            };
            let operations = finding.sequence.operations().join(", ");
            format!("found: {}; {operations}; {rate}", finding.violation.kind)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_scenario_files_can_be_saved_to() {
        for good in ["found.toml", "a/b/found-7.toml"] {
            assert!(savable(Path::new(good)).is_ok(), "{good}");
        }
        for bad in ["found", "Found.toml", "my case.toml", ".toml", "found.txt"] {
            assert_eq!(savable(Path::new(bad)).unwrap_err().exit(), Exit::Usage, "{bad}");
        }
        assert_eq!(numbered(Path::new("a/found.toml"), 1), Path::new("a/found.toml"));
        assert_eq!(numbered(Path::new("a/found.toml"), 2), Path::new("a/found-2.toml"));
    }

    #[test]
    fn other_images_are_one_image_each() {
        let others = |text: &str| others(&[text.to_owned()]);
        assert_eq!(others("release:0.16.0").unwrap().len(), 1);
        let failure = others("release:>=0.16").unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.what().contains("is a range"), "{}", failure.what());
    }

    #[test]
    fn an_unknown_overlay_is_a_usage_error() {
        assert_eq!(known_overlay(Some("no-such")).unwrap_err().exit(), Exit::Usage);
        assert!(known_overlay(None).is_ok());
    }
}
