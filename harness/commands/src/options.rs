//! What a command is asked to do. The command line fills these in; any other caller can.

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
    /// Shows issue #42675 on the releases before and after its fix.
    Reproduce(JobOptions),
    /// Judges images against the behaviour table.
    Check(CheckOptions),
    /// Says what one image introduces and repairs against another.
    Compare(CompareOptions),
    /// Shows what each release does with the whole table.
    Matrix(MatrixOptions),
    /// Tries sequences that nobody wrote down.
    Explore(ExploreOptions),
    /// Judges the record of a run again.
    Judge(JudgeOptions),
    /// Makes one run of its shards.
    Merge(MergeOptions),
    /// Breaks the gateway on purpose, and sees each fault caught.
    Selftest(SelftestOptions),
    /// Lists and explains scenarios.
    Scenarios(ScenariosCommand),
    /// Builds, lists and removes images of ours.
    Images(ImagesCommand),
    /// Looks at everything a run needs.
    Doctor(DoctorOptions),
    /// Removes what killed runs left behind.
    Sweep(SweepOptions),
}

impl Command {
    /// What its exit codes mean.
    pub fn exit_style(&self) -> ExitStyle {
        match self {
            Self::Check(options) => options.exit_style,
            Self::Compare(options) => options.exit_style,
            _ => ExitStyle::Plain,
        }
    }

    /// Which engine it talks to, if it talks to one.
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
    /// The column every case is expected in, whatever the release.
    pub expect: Option<Column>,
    /// What exit codes mean.
    pub exit_style: ExitStyle,
    /// What is run, and how.
    pub job: JobOptions,
}

/// Options of `compare`.
#[derive(Debug, Clone)]
pub struct CompareOptions {
    /// The reference, an image expression.
    pub old: String,
    /// What is judged against it.
    pub new: String,
    /// Whether what holds on neither image counts.
    pub count_pre_existing: bool,
    /// Compare on copies of this volume instead of the table.
    pub seed_from: Option<PathBuf>,
    /// What exit codes mean.
    pub exit_style: ExitStyle,
    /// What is run, and how.
    pub job: JobOptions,
}

/// Options of `matrix`.
#[derive(Debug, Clone)]
pub struct MatrixOptions {
    /// The columns; empty for every release on every base.
    pub images: Vec<String>,
    /// Run everything again, whatever is kept.
    pub fresh: bool,
    /// What is run, and how.
    pub job: JobOptions,
}

/// Options of `selftest`.
#[derive(Debug, Clone)]
pub struct SelftestOptions {
    /// Image whose gateway is broken.
    pub image: String,
    /// Only these fault overlays; empty for all.
    pub overlay: Vec<String>,
    /// Every selected scenario against every overlay.
    pub all: bool,
    /// What is run, and how.
    pub job: JobOptions,
}

/// Options of `explore`.
#[derive(Debug, Clone)]
pub struct ExploreOptions {
    /// Image to explore.
    pub image: String,
    /// Sequences to try.
    pub runs: NonZeroUsize,
    /// Most moves of a sequence.
    pub steps: NonZeroUsize,
    /// What the sequences follow from.
    pub seed: Seed,
    /// Most profiles.
    pub profiles: u8,
    /// Nothing new is begun after that long.
    pub budget: Duration,
    /// File to write what was found to.
    pub save: Option<PathBuf>,
    /// Fault overlay by which the gateway is broken first.
    pub overlay: Option<String>,
    /// Sequences at the same time; `None` for as many as the engine's processors bear.
    pub jobs: Option<NonZeroUsize>,
    /// Longest a sequence may take.
    pub timeout: Duration,
    /// Print the sequences and run nothing.
    pub dry_run: bool,
    /// What is written where.
    pub report: ReportOptions,
    /// Which engine.
    pub engine: EngineOptions,
}

/// Options of `judge`.
#[derive(Debug, Clone)]
pub struct JudgeOptions {
    /// Folder of the record.
    pub record: PathBuf,
    /// Which reports are made.
    pub render: RenderOptions,
}

/// Options of `merge`.
#[derive(Debug, Clone)]
pub struct MergeOptions {
    /// Folders of the shards' records.
    pub records: Vec<PathBuf>,
    /// What is written where.
    pub report: ReportOptions,
}

/// What to show of the scenarios.
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
    /// The operations a scenario can use.
    Operations,
    /// The probes a scenario can expect values of.
    Probes,
}

/// What to do with images of ours.
#[derive(Debug, Clone)]
pub enum ImagesCommand {
    /// Build or find images, and print the reference of each.
    Build {
        /// Image expressions.
        images: Vec<String>,
        /// Which engine.
        engine: EngineOptions,
    },
    /// List them.
    List {
        /// Which engine.
        engine: EngineOptions,
    },
    /// Remove those that nothing uses.
    Prune {
        /// Those made longer ago.
        older_than: Option<Duration>,
        /// The oldest, until what is left takes no more than that many megabytes.
        keep_mb: Option<u64>,
        /// All of them.
        all: bool,
        /// Which engine.
        engine: EngineOptions,
    },
}

impl ImagesCommand {
    /// Which engine it talks to.
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
    /// Which engine.
    pub engine: EngineOptions,
}

/// Options of `sweep`.
#[derive(Debug, Clone)]
pub struct SweepOptions {
    /// Only say what would be removed.
    pub dry_run: bool,
    /// Only what that run left behind.
    pub run: Option<String>,
    /// Be the watchdog of that run: wait until whoever started this is gone, then look until nothing more turns up.
    pub watchdog: bool,
    /// Which engine.
    pub engine: EngineOptions,
}

/// What every command that runs cases has in common.
#[derive(Debug, Clone)]
pub struct JobOptions {
    /// Which scenarios.
    pub select: Select,
    /// How they are run.
    pub run: RunOptions,
    /// What is written where.
    pub report: ReportOptions,
    /// Which engine.
    pub engine: EngineOptions,
}

/// Which scenarios.
#[derive(Debug, Clone, Default)]
pub struct Select {
    /// A filter expression.
    pub filter: Option<String>,
    /// Folder of scenario files to add to the ones built in, or to replace them by id.
    pub scenarios: Option<PathBuf>,
}

/// How cases are run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Cases at the same time; `None` for as many as the engine's processors bear.
    pub jobs: Option<NonZeroUsize>,
    /// How often every case is run.
    pub repeat: NonZeroU32,
    /// Only this shard of the plan.
    pub partition: Option<Partition>,
    /// What is drawn in the run follows from it.
    pub seed: Seed,
    /// Longest a case may take.
    pub timeout: Duration,
    /// Start no further case after the first regression or mismatch.
    pub fail_fast: bool,
    /// Print the plan and run nothing.
    pub dry_run: bool,
    /// From which image the observer runs.
    pub observer: ObserverFrom,
    /// Which cases' containers are kept.
    pub keep: Option<Keep>,
}

/// The seed of what is drawn in a run; `None` for another one each time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seed(pub Option<u64>);

impl Seed {
    /// The seed that was given, or one that follows from when the run began.
    pub fn given_or_drawn(self, started: Timestamp) -> u64 {
        self.0
            .unwrap_or_else(|| u64::from(started.subsec_nanosecond().unsigned_abs()) % 100_000)
    }
}

/// From which image the observer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ObserverFrom {
    /// The image under test.
    #[default]
    Image,
    /// Our own base image, whose Python nobody else has touched.
    Base,
}

/// Which cases' containers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Those of every case that is not as expected.
    OnFailure,
}

/// Which engine, and what it may fetch.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Which engine.
    pub engine: Wanted,
    /// Its address; `None` as the docker or podman command finds it.
    pub host: Option<String>,
    /// Fetch nothing: use only images and packages that are there.
    pub offline: bool,
}

/// What is written where.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// Which reports are made.
    pub render: RenderOptions,
    /// Folder of the record; `None` for one of its own in the user's cache.
    pub record: Option<PathBuf>,
}

/// Which reports are made.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// What is written to stdout.
    pub format: ReportFormat,
    /// Reports to files.
    pub output: Vec<Output>,
}

/// A report to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// What is written.
    pub format: ReportFormat,
    /// Where.
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
    /// For job summaries and comments.
    Markdown,
    /// Workflow commands of GitHub.
    Annotations,
    /// For browsers.
    Html,
}

impl ReportFormat {
    /// Every format with its name.
    pub const ALL: [(&'static str, Self); 7] = [
        ("human", Self::Human),
        ("json", Self::Json),
        ("jsonl", Self::Jsonl),
        ("junit", Self::Junit),
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
    /// 1 tells every observation, 2 also what the harness does.
    pub verbose: u8,
    /// Tell nothing while it runs.
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
