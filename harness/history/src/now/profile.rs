//! One profile at one point of the history: its files, its slot, and its gateway's lives.

use jiff::Timestamp;

use crate::facts::{FileContent, Observation, ProcessExit, ServiceStatus, TakenFor};
use comeback_gateway::state::{self, GATEWAY_STATE, PID, START_TIME};

/// A process, told apart from any other that had its pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its pid in the container.
    pub pid: u32,
    /// Field 22 of its stat.
    pub start_time: u64,
}

/// One gateway life: a process of one profile, from its spawning to its end.
#[derive(Debug, Clone)]
pub struct Life {
    /// The process.
    pub process: Process,
    /// The container's incarnation it belongs to, from 1.
    pub incarnation: usize,
    /// Where in the history it was first seen.
    pub born: u64,
    /// When that was, by the clock of the engine's host.
    pub born_at: Option<Timestamp>,
    /// Where in the history its end was seen.
    pub ended: Option<u64>,
    /// What the supervisor counted as its end.
    pub exit: Option<ProcessExit>,
    /// What it said of its own end.
    pub said_exit: Option<i64>,
    /// How it took its shutdown, each line in order.
    pub taken_for: Vec<TakenFor>,
    /// It wrote that it runs.
    pub ran: bool,
    /// The supervisor named it, so the incarnation is certain.
    supervised: bool,
}

/// A process that the state file named, of which it is not known yet whether it ran in this container.
#[derive(Debug, Clone)]
pub struct Unplaced {
    /// The process.
    pub process: Process,
    /// When it was first named.
    named_at: Option<Timestamp>,
    /// It wrote that it runs.
    ran: bool,
}

/// What is known of one profile.
#[derive(Debug, Clone, Default)]
pub struct ProfileNow {
    /// The state file, and where in the history it was told.
    pub state: Option<(FileContent, u64)>,
    /// The marker.
    pub marker: Option<(FileContent, u64)>,
    /// The slot, in this incarnation.
    pub service: Option<(ServiceStatus, u64)>,
    /// When its scheduler last renewed its heartbeat, and where in the history that was told.
    pub tick: Option<(Option<Timestamp>, u64)>,
    /// The last process that came to rest after its own `running`.
    pub live: Option<Process>,
    /// Its gateway lives, by start time: in the order in which they were, whatever order they were told in.
    pub lives: Vec<Life>,
    /// Processes that the state file named, and of which it is not known whether they ran in this container: nobody has told
    /// yet when its PID 1 was started.
    pub unplaced: Vec<Unplaced>,
    /// Deaths of this incarnation that have been given to a life.
    pub(super) tallied: usize,
}

/// The process a state file names.
pub fn process_of(content: &FileContent) -> Option<Process> {
    let FileContent::Json { value } = content else {
        return None;
    };
    Some(Process {
        pid: u32::try_from(value.get(PID)?.as_u64()?).ok()?,
        start_time: value.get(START_TIME)?.as_u64()?,
    })
}

/// Where a process that the state file names ran.
enum Origin {
    /// In that incarnation of the container, from 1.
    Incarnation(usize),
    /// Before the container was there.
    Before,
    /// It cannot be told yet.
    Unknown,
}

/// Start times count from the start of the engine's host, so a process is of the last incarnation whose PID 1 is not younger.
fn origin(process: Process, inits: &[Option<u64>]) -> Origin {
    let not_younger = |init: &Option<u64>| init.is_some_and(|init| init <= process.start_time);
    match (inits.iter().rposition(not_younger), inits.first()) {
        (Some(index), _) => Origin::Incarnation(index + 1),
        (None, Some(Some(_))) => Origin::Before,
        (None, _) => Origin::Unknown,
    }
}

/// A word of a state file.
pub fn word<'a>(content: &'a FileContent, key: &str) -> Option<&'a str> {
    match content {
        FileContent::Json { value } => state::word(value, key),
        _ => None,
    }
}

impl ProfileNow {
    /// The life that runs, if one does.
    pub fn current_life(&self) -> Option<&Life> {
        self.lives.last().filter(|l| l.ended.is_none())
    }

    /// The process supervised now.
    pub fn supervised(&self) -> Option<Process> {
        let (status, _) = self.service.as_ref()?;
        Some(Process {
            pid: status.pid?,
            start_time: status.start_time?,
        })
        .filter(|_| status.up)
    }

    /// True if the supervisor has named that process.
    pub(super) fn has_supervised(&self, process: Process) -> bool {
        self.lives.iter().any(|life| life.supervised && life.process == process)
    }

    /// True if a supervised process runs and the state file is that process's own.
    pub fn up(&self) -> bool {
        let own = self.state.as_ref().and_then(|(content, _)| process_of(content));
        self.supervised().is_some() && self.supervised() == own
    }

    /// The state file's word, if it is the supervised process's own.
    pub fn own_word(&self) -> Option<&str> {
        let (content, _) = self.state.as_ref()?;
        self.up().then(|| word(content, GATEWAY_STATE)).flatten()
    }

    pub(super) fn end_life(&mut self, seq: u64) {
        if let Some(life) = self.lives.last_mut()
            && life.ended.is_none()
        {
            life.ended = Some(seq);
        }
    }

    /// The state file names a process: it has written it, or somebody has in its name. `runs`: that it runs. `inits` are the
    /// start times of PID 1 of each incarnation so far, where they are known.
    pub(super) fn names(&mut self, process: Process, runs: bool, inits: &[Option<u64>], o: &Observation) {
        let known = self.lives.iter().any(|l| l.process == process);
        match self.unplaced.iter_mut().find(|u| u.process == process) {
            Some(unplaced) => unplaced.ran |= runs,
            None if known => {}
            None => self.unplaced.push(Unplaced {
                process,
                named_at: o.at,
                ran: runs,
            }),
        }
        self.place(inits, o.seq);
        for life in self.lives.iter_mut().filter(|l| l.process == process) {
            life.ran |= runs;
        }
    }

    /// It has become known when the PID 1 of an incarnation was started.
    pub(super) fn knows(&mut self, inits: &[Option<u64>], seq: u64) {
        self.place(inits, seq);
        for life in self.lives.iter_mut().filter(|l| !l.supervised) {
            if let Origin::Incarnation(incarnation) = origin(life.process, inits) {
                life.incarnation = incarnation;
            }
        }
    }

    /// Makes lives of the processes that can be told to have run in this container.
    fn place(&mut self, inits: &[Option<u64>], seq: u64) {
        for unplaced in std::mem::take(&mut self.unplaced) {
            match origin(unplaced.process, inits) {
                Origin::Incarnation(incarnation) => {
                    self.begin(unplaced.process, incarnation, seq, unplaced.named_at);
                    for life in self.lives.iter_mut().filter(|l| l.process == unplaced.process) {
                        life.ran |= unplaced.ran;
                    }
                }
                // A seeded file, or one from before, names it. It never ran here.
                Origin::Before => {}
                Origin::Unknown => self.unplaced.push(unplaced),
            }
        }
    }

    fn begin(&mut self, process: Process, incarnation: usize, seq: u64, at: Option<Timestamp>) {
        let older = |l: &Life| l.process.start_time <= process.start_time;
        let index = self.lives.partition_point(older);
        let life = Life {
            process,
            incarnation,
            born: seq,
            born_at: at,
            ended: None,
            exit: None,
            said_exit: None,
            taken_for: Vec::new(),
            ran: false,
            supervised: false,
        };
        self.lives.insert(index, life);
        // One that began later is there already, or ends those before it.
        if let Some((_, earlier)) = self.lives.split_last_mut() {
            earlier.iter_mut().for_each(|l| {
                l.ended.get_or_insert(seq);
            });
        }
    }

    pub(super) fn serves(&mut self, status: &ServiceStatus, incarnation: usize, o: &Observation) {
        let seq = o.seq;
        self.service = Some((status.clone(), seq));
        // Deaths first: they belong to lives that were there before this status.
        let ended = status.deaths.len();
        while self.tallied < ended {
            let exit = status.deaths[self.tallied].clone();
            let mut here = self.lives.iter_mut().filter(|l| l.incarnation == incarnation);
            if let Some(life) = here.nth(self.tallied) {
                life.exit = Some(exit);
                life.ended.get_or_insert(seq);
            }
            self.tallied += 1;
        }
        match self.supervised() {
            Some(process) => {
                let unplaced = self.unplaced.iter().position(|u| u.process == process);
                let ran = unplaced.is_some_and(|index| self.unplaced.remove(index).ran);
                if !self.lives.iter().any(|l| l.process == process) {
                    self.begin(process, incarnation, seq, o.at);
                }
                for life in self.lives.iter_mut().filter(|l| l.process == process && !l.supervised) {
                    (life.incarnation, life.supervised) = (incarnation, true);
                    life.ran |= ran;
                }
            }
            None => self.end_life(seq),
        }
    }
}
