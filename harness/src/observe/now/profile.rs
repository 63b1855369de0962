//! One profile at one point of the history: its files, its slot, and its gateway's lives.

use jiff::Timestamp;

use crate::observe::history::{Exit, FileContent, Observation, ServiceStatus, TakenFor};

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
    pub(super) born_at: Option<Timestamp>,
    /// Where in the history its end was seen.
    pub ended: Option<u64>,
    /// What the supervisor counted as its end.
    pub exit: Option<Exit>,
    /// What it said of its own end.
    pub said_exit: Option<i64>,
    /// How it took its shutdown, each line in order.
    pub taken_for: Vec<TakenFor>,
    /// The state file when the next life first wrote; `None` while nobody has.
    pub left_state: Option<(FileContent, u64)>,
    /// The marker at that point.
    pub left_marker: Option<(FileContent, u64)>,
    /// Where in the history it first wrote the state file.
    pub first_write: Option<u64>,
    /// It wrote that it runs.
    pub ran: bool,
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
    /// The last process that came to rest after its own `running`.
    pub live: Option<Process>,
    /// Its gateway lives, oldest first.
    pub lives: Vec<Life>,
    /// Deaths of this incarnation that have been given to a life.
    pub(super) tallied: usize,
}

/// The process a state file names.
pub fn process_of(content: &FileContent) -> Option<Process> {
    let FileContent::Json { value } = content else {
        return None;
    };
    Some(Process {
        pid: u32::try_from(value.get("pid")?.as_u64()?).ok()?,
        start_time: value.get("start_time")?.as_u64()?,
    })
}

/// A word of a state file.
pub fn word<'a>(content: &'a FileContent, key: &str) -> Option<&'a str> {
    match content {
        FileContent::Json { value } => value.get(key)?.as_str(),
        _ => None,
    }
}

impl ProfileNow {
    /// The life that runs, if one does.
    pub fn alive(&self) -> Option<&Life> {
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

    /// True if a supervised process runs and the state file is that process's own.
    pub fn up(&self) -> bool {
        let own = self.state.as_ref().and_then(|(content, _)| process_of(content));
        self.supervised().is_some() && self.supervised() == own
    }

    /// The state file's word, if it is the supervised process's own.
    pub fn own_word(&self) -> Option<&str> {
        let (content, _) = self.state.as_ref()?;
        self.up().then(|| word(content, "gateway_state")).flatten()
    }

    pub(super) fn end_life(&mut self, seq: u64) {
        if let Some(life) = self.lives.last_mut()
            && life.ended.is_none()
        {
            life.ended = Some(seq);
        }
    }

    /// A process has written the state file, or somebody in its name. `incarnation` is the one it can belong to.
    pub(super) fn writes(&mut self, process: Process, incarnation: Option<usize>, o: &Observation) {
        let seq = o.seq;
        if let Some(incarnation) = incarnation
            && !self.lives.iter().any(|l| l.process == process)
        {
            self.begin(process, incarnation, o);
        }
        let Some(index) = self.lives.iter().position(|l| l.process == process) else {
            return;
        };
        if self.lives[index].first_write.is_none() {
            self.lives[index].first_write = Some(seq);
            // What the ones before left behind is what stands here until this write.
            for earlier in &mut self.lives[..index] {
                if earlier.left_state.is_none() {
                    earlier.left_state.clone_from(&self.state);
                    earlier.left_marker.clone_from(&self.marker);
                }
            }
        }
    }

    fn begin(&mut self, process: Process, incarnation: usize, o: &Observation) {
        self.end_life(o.seq);
        self.lives.push(Life {
            process,
            incarnation,
            born: o.seq,
            born_at: o.at,
            ended: None,
            exit: None,
            said_exit: None,
            taken_for: Vec::new(),
            left_state: None,
            left_marker: None,
            first_write: None,
            ran: false,
        });
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
                if !self.lives.iter().any(|l| l.process == process) {
                    self.begin(process, incarnation, o);
                }
            }
            None => self.end_life(seq),
        }
    }
}
