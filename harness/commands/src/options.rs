//! Options of the commands. The command line fills them in, and any other caller can.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use comeback_engine::Wanted;
use comeback_plan::Partition;
use comeback_verdict::{Column, ExitStyle};

/// A command and its options.
#[derive(Debug, Clone)]
pub enum Command {
    /// Shows issue #42675 on the release before its fix and on the release with it.
    Reproduce(JobOptions),
    /// Judges images against the behaviour table.
    Check(CheckOptions),
    /// Reports what one image introduces and repairs against another.
    Compare(CompareOptions),
    /// Runs the table on every release, and caches the results.
    Matrix(MatrixOptions),
    /// Generates sequences of operations, and shrinks those that break the rule.
    Explore(ExploreOptions),
    /// Judges the record of a run again.
    Judge(JudgeOptions),
    /// Merges shards into one run.
    Merge(MergeOptions),
    /// Breaks the gateway on purpose, and checks that the scenarios catch each fault.
    Selftest(SelftestOptions),
    /// Lists and explains scenarios.
    Scenarios(ScenariosCommand),
    /// Builds, lists and prunes the images that comeback builds.
    Images(ImagesCommand),
    /// Checks everything a run needs.
    Doctor(DoctorOptions),
    /// Removes the leftovers of killed runs.
    Sweep(SweepOptions),
}

impl Command {
    /// The meaning of its exit codes.
    pub fn exit_style(&self) -> ExitStyle {
        match self {
            Self::Check(options) => options.exit_style,
            Self::Compare(options) => options.exit_style,
            _ => ExitStyle::Plain,
        }
    }

    /// The engine it talks to, if any.
    pub fn engine(&self) -> Option<&EngineOptions> {
        match self {
            Self::Reproduce(job) => Some(&job.engine),
            Self::Check(options) => Some(&options.job.engine),
            Self::Compare(options) => Some(&options.job.engine),
            Self::Matrix(options) => Some(&options.job.engine),
            Self::Explore(options) => Some(&options.engine),
            Self::Selftest(options) => Some(&options.job.engine),
            Self::Doctor(options) => Some(&options.engine),
            Self::Sweep(options) => Some(&options.engine),
            Self::Images(command) => Some(command.engine()),
            Self::Scenarios(_) | Self::Judge(_) | Self::Merge(_) => None,
        }
    }
}

/// Options of `check`.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// Images to judge, as image expressions.
    pub images: Vec<String>,
    /// The column that is expected of every case, whatever the release.
    pub expect: Option<Column>,
    /// The meaning of the exit codes.
    pub exit_style: ExitStyle,
    /// Options of every command that runs cases.
    pub job: JobOptions,
}

/// Options of `compare`.
#[derive(Debug, Clone)]
pub struct CompareOptions {
    /// The reference, an image expression.
    pub old: String,
    /// The image to judge, an image expression.
    pub new: String,
    /// Whether scenarios that hold on neither image count.
    pub count_pre_existing: bool,
    /// Whether the images are compared row by row, in place of their results.
    pub likeness: bool,
    /// Compare on copies of this volume instead of the table.
    pub seed_from: Option<PathBuf>,
    /// The meaning of the exit codes.
    pub exit_style: ExitStyle,
    /// Options of every command that runs cases.
    pub job: JobOptions,
}

/// Options of `matrix`.
#[derive(Debug, Clone)]
pub struct MatrixOptions {
    /// The images; empty for every release on every base.
    pub images: Vec<String>,
    /// Run everything again and ignore the cached results.
    pub fresh: bool,
    /// Options of every command that runs cases.
    pub job: JobOptions,
}

/// Options of `selftest`.
#[derive(Debug, Clone)]
pub struct SelftestOptions {
    /// Image to break.
    pub image: String,
    /// Only these fault overlays; empty for all.
    pub overlay: Vec<String>,
    /// Every selected scenario against every overlay.
    pub all: bool,
    /// Options of every command that runs cases.
    pub job: JobOptions,
}

/// Options of `explore`.
#[derive(Debug, Clone)]
pub struct ExploreOptions {
    /// Image to explore.
    pub image: String,
    /// Other images that the container may be made again from.
    pub also: Vec<String>,
    /// Sequences to try.
    pub runs: NonZeroUsize,
    /// Most moves of a sequence.
    pub steps: NonZeroUsize,
    /// The seed of the sequences.
    pub seed: Seed,
    /// Most profiles.
    pub profiles: u8,
    /// No new sequence begins after this time.
    pub budget: Duration,
    /// Scenario file to write the first finding to.
    pub save: Option<PathBuf>,
    /// Fault overlay to break the gateway with first.
    pub overlay: Option<String>,
    /// Number of sequences to run in parallel; `None` for a number that suits the engine.
    pub jobs: Option<NonZeroUsize>,
    /// Time limit of a sequence.
    pub timeout: Duration,
    /// Print the sequences and run nothing.
    pub dry_run: bool,
    /// The reports and the record.
    pub report: ReportOptions,
    /// The engine.
    pub engine: EngineOptions,
}

/// Options of `judge`.
#[derive(Debug, Clone)]
pub struct JudgeOptions {
    /// Folder of the record.
    pub record: PathBuf,
    /// The reports.
    pub render: RenderOptions,
}

/// Options of `merge`.
#[derive(Debug, Clone)]
pub struct MergeOptions {
    /// Folders of the shards' records.
    pub records: Vec<PathBuf>,
    /// The reports and the record.
    pub report: ReportOptions,
}

/// A subcommand of `scenarios`.
#[derive(Debug, Clone)]
pub enum ScenariosCommand {
    /// The list, one line each.
    List(Select),
    /// What a scenario does, why, and what it expects.
    Explain {
        /// The scenario's id.
        id: String,
        /// Folder of scenario files to add.
        scenarios: Option<PathBuf>,
    },
    /// The keys of a scenario file.
    Keys,
    /// The operations a scenario can use.
    Operations,
    /// The probes a scenario can expect values of.
    Probes,
}

/// A subcommand of `images`.
#[derive(Debug, Clone)]
pub enum ImagesCommand {
    /// Build or find images, and print the reference of each.
    Build {
        /// Image expressions.
        images: Vec<String>,
        /// The engine.
        engine: EngineOptions,
    },
    /// List them.
    List {
        /// The engine.
        engine: EngineOptions,
    },
    /// Remove those that nothing uses.
    Prune {
        /// Remove images that are older than this.
        older_than: Option<Duration>,
        /// Remove the oldest images until the rest takes at most this many megabytes.
        keep_mb: Option<u64>,
        /// Remove all of them.
        all: bool,
        /// The engine.
        engine: EngineOptions,
    },
}

impl ImagesCommand {
    /// The engine it talks to.
    pub fn engine(&self) -> &EngineOptions {
        match self {
            Self::Build { engine, .. } | Self::List { engine } | Self::Prune { engine, .. } => engine,
        }
    }
}

/// Options of `doctor`.
#[derive(Debug, Clone)]
pub struct DoctorOptions {
    /// Whether stdout is for programs: one JSON document.
    pub json: bool,
    /// The engine.
    pub engine: EngineOptions,
}

/// Options of `sweep`.
#[derive(Debug, Clone)]
pub struct SweepOptions {
    /// Only list what would be removed.
    pub dry_run: bool,
    /// Remove only what this run left.
    pub run: Option<String>,
    /// Be the watchdog of this run: sweep until nothing more turns up. [`crate::is_needed`] waits for the end of the run.
    pub watchdog: bool,
    /// The engine.
    pub engine: EngineOptions,
}

/// Options of every command that runs cases.
#[derive(Debug, Clone)]
pub struct JobOptions {
    /// The scenarios.
    pub select: Select,
    /// How they are run.
    pub run: RunOptions,
    /// The reports and the record.
    pub report: ReportOptions,
    /// The engine.
    pub engine: EngineOptions,
}

/// The selection of scenarios.
#[derive(Debug, Clone, Default)]
pub struct Select {
    /// A filter expression.
    pub filter: Option<String>,
    /// Folder of scenario files to add to the built-in ones. A file replaces the built-in scenario of the same id.
    pub scenarios: Option<PathBuf>,
}

/// How cases are run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Number of cases to run in parallel; `None` for a number that suits the engine.
    pub jobs: Option<NonZeroUsize>,
    /// How often every case is run.
    pub repeat: NonZeroU32,
    /// Only this shard of the plan.
    pub partition: Option<Partition>,
    /// The seed.
    pub seed: Seed,
    /// Time limit of a case.
    pub timeout: Duration,
    /// Start no more cases after the first regression or mismatch.
    pub fail_fast: bool,
    /// Print the plan and run nothing.
    pub dry_run: bool,
    /// The image of the observer.
    pub observer: ObserverFrom,
    /// The cases whose containers are kept.
    pub keep: Option<Keep>,
    /// Where a case stops, with its container frozen and kept.
    pub stop_at: Option<StopAt>,
}

/// The seed of a run; `None` for a new one each time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seed(pub Option<u64>);

impl Seed {
    /// The given seed, or one that follows from the time at which the run began.
    pub fn given_or_drawn(self, started: Timestamp) -> u64 {
        self.0
            .unwrap_or_else(|| u64::from(started.subsec_nanosecond().unsigned_abs()) % 100_000)
    }
}

/// The image of the observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ObserverFrom {
    /// The image under test.
    #[default]
    Image,
    /// The base image that comeback made, with its own Python.
    Base,
}

/// Where a case stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopAt {
    /// At the first moment of the run at which something that was read is not as expected.
    FirstDifference,
}

/// The cases whose containers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Cases that are not as expected.
    OnFailure,
}

/// The engine, and whether anything may be fetched.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// The engine.
    pub engine: Wanted,
    /// Its address; `None` for the one that the docker or podman command uses.
    pub host: Option<String>,
    /// Fetch nothing; use only images and packages that are there.
    pub offline: bool,
    /// The command that restarts its daemon, for a shell on this host. It ends everything that runs on the engine.
    pub daemon_restart: Option<String>,
}

/// The reports and the record.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// The reports.
    pub render: RenderOptions,
    /// Folder of the record; `None` for a new folder in the user's cache.
    pub record: Option<PathBuf>,
    /// File with a line for each run, which this run is added to.
    pub history: Option<PathBuf>,
}

/// The reports.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// The format of the report on stdout.
    pub format: ReportFormat,
    /// Reports to files.
    pub output: Vec<Output>,
}

/// A report to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its format.
    pub format: ReportFormat,
    /// The file.
    pub path: PathBuf,
}

/// A report's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// For people at a terminal.
    Human,
    /// The run document.
    Json,
    /// Events while the run goes on, one a line; the document is the last.
    Jsonl,
    /// For CI servers.
    Junit,
    /// For tools that read the Common Test Report Format.
    Ctrf,
    /// For job summaries and comments.
    Markdown,
    /// Workflow commands of GitHub.
    Annotations,
    /// For browsers.
    Html,
}

impl ReportFormat {
    /// Every format with its name.
    pub const ALL: [(&'static str, Self); 8] = [
        ("human", Self::Human),
        ("json", Self::Json),
        ("jsonl", Self::Jsonl),
        ("junit", Self::Junit),
        ("ctrf", Self::Ctrf),
        ("markdown", Self::Markdown),
        ("annotations", Self::Annotations),
        ("html", Self::Html),
    ];

    /// The format of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(n, _)| *n == name).map(|(_, format)| *format)
    }
}

/// How progress and messages are shown on the terminal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terminal {
    /// When to use colours.
    pub color: ColorWhen,
    /// 1 prints every observation, 2 also what the harness does.
    pub verbose: u8,
    /// Print no progress.
    pub quiet: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorWhen {
    /// On a terminal.
    #[default]
    Auto,
    /// Also in files and pipes.
    Always,
    /// Not at all.
    Never,
}
