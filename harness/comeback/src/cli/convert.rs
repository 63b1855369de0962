//! Converts parsed arguments to the options of a command.

use comeback_commands::options;
use comeback_engine::Wanted;
use comeback_verdict::{Column, ExitStyle};

use super::args;

impl args::Command {
    /// The options for `comeback_commands::run`; `None` for `completions` and `man`, which need nothing but the command line.
    pub fn options(&self) -> Option<options::Command> {
        use options::Command;
        Some(match self.clone() {
            Self::Reproduce(args) => Command::Reproduce(args.job.into()),
            Self::Check(args) => Command::Check(options::CheckOptions {
                images: args.images,
                expect: args.expect.map(Column::from),
                exit_style: args.exit_style.into(),
                job: args.job.into(),
            }),
            Self::Compare(args) => Command::Compare(options::CompareOptions {
                old: args.old,
                new: args.new,
                count_pre_existing: args.count_pre_existing,
                likeness: args.likeness,
                seed_from: args.seed_from,
                exit_style: args.exit_style.into(),
                job: args.job.into(),
            }),
            Self::Matrix(args) => Command::Matrix(options::MatrixOptions {
                images: args.images,
                fresh: args.fresh,
                job: args.job.into(),
            }),
            Self::Explore(args) => Command::Explore(options::ExploreOptions {
                image: args.image,
                also: args.also,
                runs: args.runs,
                steps: args.steps,
                seed: args.seed.into(),
                profiles: args.profiles,
                budget: args.budget,
                save: args.save,
                overlay: args.overlay,
                jobs: args.jobs,
                timeout: args.timeout,
                dry_run: args.dry_run,
                report: args.report.into(),
                engine: args.engine.into(),
            }),
            Self::Judge(args) => Command::Judge(options::JudgeOptions {
                record: args.record,
                render: args.render.into(),
            }),
            Self::Merge(args) => Command::Merge(options::MergeOptions {
                records: args.records,
                report: args.report.into(),
            }),
            Self::Selftest(args) => Command::Selftest(options::SelftestOptions {
                image: args.image,
                overlay: args.overlay,
                all: args.all,
                job: args.job.into(),
            }),
            Self::Scenarios(args) => Command::Scenarios(match args.command {
                None => options::ScenariosCommand::List(args.select.into()),
                Some(command) => command.into(),
            }),
            Self::Images(args) => Command::Images(args.command.into()),
            Self::Doctor(args) => Command::Doctor(options::DoctorOptions {
                json: args.format == args::DoctorFormat::Json,
                engine: args.engine.into(),
            }),
            Self::Sweep(args) => Command::Sweep(options::SweepOptions {
                dry_run: args.dry_run,
                run: args.run,
                watchdog: args.watchdog,
                engine: args.engine.into(),
            }),
            Self::Completions(_) | Self::Man(_) => return None,
        })
    }
}

impl From<args::ScenariosCommand> for options::ScenariosCommand {
    fn from(command: args::ScenariosCommand) -> Self {
        match command {
            args::ScenariosCommand::List(select) => Self::List(select.into()),
            args::ScenariosCommand::Explain { id, scenarios } => Self::Explain { id, scenarios },
            args::ScenariosCommand::Keys => Self::Keys,
            args::ScenariosCommand::Operations => Self::Operations,
            args::ScenariosCommand::Probes => Self::Probes,
        }
    }
}

impl From<args::ImagesCommand> for options::ImagesCommand {
    fn from(command: args::ImagesCommand) -> Self {
        match command {
            args::ImagesCommand::Build { images, engine } => Self::Build {
                images,
                engine: engine.into(),
            },
            args::ImagesCommand::List { engine } => Self::List { engine: engine.into() },
            args::ImagesCommand::Prune {
                older_than,
                keep_mb,
                all,
                engine,
            } => Self::Prune {
                older_than,
                keep_mb,
                all,
                engine: engine.into(),
            },
        }
    }
}

impl From<args::JobArgs> for options::JobOptions {
    fn from(args: args::JobArgs) -> Self {
        Self {
            select: args.select.into(),
            run: args.run.into(),
            report: args.report.into(),
            engine: args.engine.into(),
        }
    }
}

impl From<args::Select> for options::Select {
    fn from(args: args::Select) -> Self {
        Self {
            filter: args.filter,
            scenarios: args.scenarios,
        }
    }
}

impl From<args::RunArgs> for options::RunOptions {
    fn from(args: args::RunArgs) -> Self {
        Self {
            jobs: args.jobs,
            repeat: args.repeat,
            partition: args.partition,
            seed: args.seed.into(),
            timeout: args.timeout,
            fail_fast: args.fail_fast,
            dry_run: args.dry_run,
            observer: match args.observer {
                args::ObserverFrom::Image => options::ObserverFrom::Image,
                args::ObserverFrom::Base => options::ObserverFrom::Base,
            },
            keep: args.keep.map(|args::Keep::OnFailure| options::Keep::OnFailure),
            stop_at: args
                .stop_at
                .map(|args::StopAt::FirstDifference| options::StopAt::FirstDifference),
        }
    }
}

impl From<args::SeedArg> for options::Seed {
    fn from(args: args::SeedArg) -> Self {
        Self(args.seed)
    }
}

impl From<args::EngineArgs> for options::EngineOptions {
    fn from(args: args::EngineArgs) -> Self {
        Self {
            engine: match args.engine {
                args::EngineKind::Auto => Wanted::Any,
                args::EngineKind::Docker => Wanted::Docker,
                args::EngineKind::Podman => Wanted::Podman,
            },
            host: args.host,
            offline: args.offline,
            daemon_restart: args.daemon_restart,
        }
    }
}

impl From<args::ReportArgs> for options::ReportOptions {
    fn from(args: args::ReportArgs) -> Self {
        Self {
            render: args.render.into(),
            record: args.record,
            history: args.history,
        }
    }
}

impl From<args::RenderArgs> for options::RenderOptions {
    fn from(args: args::RenderArgs) -> Self {
        Self {
            format: args.format,
            output: args.output,
        }
    }
}

impl From<&args::TerminalArgs> for options::Terminal {
    fn from(args: &args::TerminalArgs) -> Self {
        Self {
            color: args.color.into(),
            verbose: args.verbose,
            quiet: args.quiet,
        }
    }
}

impl From<args::ColorWhen> for options::ColorWhen {
    fn from(when: args::ColorWhen) -> Self {
        match when {
            args::ColorWhen::Auto => Self::Auto,
            args::ColorWhen::Always => Self::Always,
            args::ColorWhen::Never => Self::Never,
        }
    }
}

impl From<args::ExitStyleArg> for ExitStyle {
    fn from(style: args::ExitStyleArg) -> Self {
        match style {
            args::ExitStyleArg::Plain => Self::Plain,
            args::ExitStyleArg::Bisect => Self::Bisect,
        }
    }
}

impl From<args::ColumnArg> for Column {
    fn from(column: args::ColumnArg) -> Self {
        match column {
            args::ColumnArg::Fixed => Self::Fixed,
            args::ColumnArg::Regressed => Self::Regressed,
        }
    }
}
