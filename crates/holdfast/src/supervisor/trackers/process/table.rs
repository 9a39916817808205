//! Which processes count for which trackers. No IO: what a process is, is handed in.

use std::collections::HashMap;

use crate::plan::processes::Program;

/// What there is to know of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `/proc/PID/comm`
    pub name: Vec<u8>,
    /// The beginning of `/proc/PID/cmdline`
    pub command_line: Vec<u8>,
}

/// What must be read of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Its name
    pub name: bool,
    /// So many bytes of its command line
    pub command_line: usize,
}

/// The processes that count for at least one tracker.
#[derive(Debug)]
pub struct ProcessTable {
    programs: Vec<Program>,
    /// The trackers, by their place, that each process counts for
    processes: HashMap<u32, Vec<usize>>,
    counts: Vec<u32>,
}

impl ProcessTable {
    /// No process yet.
    pub fn new(programs: Vec<Program>) -> Self {
        Self {
            counts: vec![0; programs.len()],
            programs,
            processes: HashMap::new(),
        }
    }

    /// What decides.
    pub fn needs(&self) -> Needs {
        let by_name = |program: &Program| matches!(program, Program::Name(_));
        Needs {
            name: self.programs.iter().any(by_name),
            command_line: self.programs.iter().map(Program::deciding_bytes).max().unwrap_or(0),
        }
    }

    /// Processes that count for the tracker at this place.
    pub fn count(&self, place: usize) -> u32 {
        self.counts.get(place).copied().unwrap_or(0)
    }

    /// A child is what its parent is.
    pub fn fork(&mut self, parent: u32, child: u32) {
        let places = self.processes.get(&parent).cloned().unwrap_or_default();
        self.put(child, places);
    }

    /// A process is this.
    pub fn identify(&mut self, pid: u32, identity: &Identity) {
        let is = |program: &Program| {
            let by_name = program.has_name(&identity.name);
            by_name.or_else(|| program.has_command_line(&identity.command_line))
        };
        let places = self.places(|_, program| is(program) == Some(true));
        self.put(pid, places);
    }

    /// A process took another name; its command line stays.
    pub fn rename(&mut self, pid: u32, name: &[u8]) {
        let before = self.processes.get(&pid).cloned().unwrap_or_default();
        let places = self.places(|place, program| {
            let by_name = program.has_name(name);
            by_name.unwrap_or_else(|| before.contains(&place))
        });
        self.put(pid, places);
    }

    /// A process ended.
    pub fn remove(&mut self, pid: u32) {
        self.put(pid, Vec::new());
    }

    /// Nothing is known any more.
    pub fn clear(&mut self) {
        self.processes.clear();
        self.counts.fill(0);
    }

    fn places(&self, counts: impl Fn(usize, &Program) -> bool) -> Vec<usize> {
        let programs = self.programs.iter().enumerate();
        programs
            .filter(|(place, program)| counts(*place, program))
            .map(|(place, _)| place)
            .collect()
    }

    fn put(&mut self, pid: u32, places: Vec<usize>) {
        for place in self.processes.remove(&pid).unwrap_or_default() {
            if let Some(count) = self.counts.get_mut(place) {
                *count = count.saturating_sub(1);
            }
        }
        for place in &places {
            if let Some(count) = self.counts.get_mut(*place) {
                *count = count.saturating_add(1);
            }
        }
        if !places.is_empty() {
            self.processes.insert(pid, places);
        }
    }
}
