//! Which processes the supervisor keeps running: a pure book of names, lives and deaths. It starts nothing itself.
//!
//! ```text
//!             due                    spawned                 ended by itself
//! Waiting ─────────► (Action::Spawn) ───────► Running ──────────────────────► Waiting (back-off)
//!                                               │  ended as it was told to      │ too many quick deaths
//!                                               └──────────► (forgotten)        └────────► GivenUp
//! ```

use skep_jobs::protocol::client::Role;
use std::{collections::BTreeMap, fmt, time::Duration};

/// A life shorter than this is a quick death.
const SETTLED_AFTER: Duration = Duration::from_secs(5);
/// Quick deaths in a row before the supervisor stops trying.
const QUICK_DEATHS_MAX: u32 = 6;
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// Time since the supervisor started.
pub type Moment = Duration;

/// A process of the cluster; also the name of its directory and of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    Master,
    Hive,
    Core(u32),
    Task(u32),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Master => f.write_str("master"),
            Name::Hive => f.write_str("hive"),
            Name::Core(number) => write!(f, "core-{number}"),
            Name::Task(number) => write!(f, "task-{number}"),
        }
    }
}

impl Name {
    pub fn worker(role: Role, number: u32) -> Name {
        match role {
            Role::Core => Name::Core(number),
            Role::Task => Name::Task(number),
        }
    }

    pub fn role(self) -> Option<Role> {
        match self {
            Name::Master | Name::Hive => None,
            Name::Core(_) => Some(Role::Core),
            Name::Task(_) => Some(Role::Task),
        }
    }
}

/// What the supervisor has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Spawn(Name),
    /// It left for good: nobody needs its directory.
    RemoveData(Name),
    /// It died too often right after its start.
    GiveUp(Name),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting { until: Moment },
    Starting,
    Running { process: u32, since: Moment },
    GivenUp,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    state: State,
    quick_deaths: u32,
    /// The master told it to leave.
    released: bool,
}

/// The book.
#[derive(Debug)]
pub struct Fleet {
    members: BTreeMap<Name, Member>,
    /// Left by themselves; the master may still say that they were released.
    departed: BTreeMap<u32, Name>,
    target_core: u32,
    target_task: u32,
}

impl Fleet {
    /// A master and numbered workers, all due at once. Numbers begin at 1.
    pub fn new(core: u32, task: u32) -> Fleet {
        let mut fleet = Fleet {
            members: BTreeMap::new(),
            departed: BTreeMap::new(),
            target_core: core,
            target_task: task,
        };
        fleet.add(Name::Master);
        fleet.add(Name::Hive);
        (1..=core).for_each(|number| fleet.add(Name::Core(number)));
        (1..=task).for_each(|number| fleet.add(Name::Task(number)));
        fleet
    }

    fn add(&mut self, name: Name) {
        let state = State::Waiting { until: Moment::ZERO };
        self.members.insert(name, Member { state, quick_deaths: 0, released: false });
    }

    /// The master wants more workers. Their numbers are the lowest that are free.
    pub fn start(&mut self, role: Role, count: u32) {
        for _ in 0..count {
            let free = (1..).map(|number| Name::worker(role, number)).find(|name| self.is_free(*name));
            if let Some(name) = free {
                self.add(name);
            }
        }
    }

    fn is_free(&self, name: Name) -> bool {
        !self.members.contains_key(&name) && !self.departed.values().any(|departed| *departed == name)
    }

    pub fn target(&mut self, core: u32, task: u32) {
        self.target_core = core;
        self.target_task = task;
    }

    /// The master has drained a worker and told it to leave.
    pub fn release(&mut self, process: u32) -> Option<Action> {
        if let Some(name) = self.departed.remove(&process) {
            return Some(Action::RemoveData(name));
        }
        let member = self.members.values_mut().find(
            |member| matches!(member.state, State::Running { process: running, .. } if running == process),
        );
        if let Some(member) = member {
            member.released = true;
        }
        None
    }

    pub fn spawned(&mut self, now: Moment, name: Name, process: u32) {
        if let Some(member) = self.members.get_mut(&name) {
            member.state = State::Running { process, since: now };
        }
    }

    /// A process could not be started, or is gone. `success`: it ended as one that was told to.
    pub fn ended(&mut self, now: Moment, name: Name, success: bool) -> Option<Action> {
        let surplus = name.role().is_some_and(|role| self.kept(role) > self.target_of(role));
        let member = self.members.get_mut(&name)?;
        let (process, lived) = match member.state {
            State::Running { process, since } => (Some(process), now.saturating_sub(since)),
            _ => (None, Duration::ZERO),
        };
        if member.released {
            self.members.remove(&name);
            return Some(Action::RemoveData(name));
        }
        if success && surplus {
            self.members.remove(&name);
            self.departed.extend(process.map(|process| (process, name)));
            return None;
        }
        member.quick_deaths = if lived < SETTLED_AFTER { member.quick_deaths + 1 } else { 0 };
        if member.quick_deaths >= QUICK_DEATHS_MAX {
            member.state = State::GivenUp;
            return Some(Action::GiveUp(name));
        }
        member.state = State::Waiting { until: now + pause_after(member.quick_deaths) };
        None
    }

    /// Workers of the role that are kept running.
    pub fn kept(&self, role: Role) -> u32 {
        let kept = self.members.iter().filter(|(name, member)| {
            name.role() == Some(role) && !member.released && member.state != State::GivenUp
        });
        u32::try_from(kept.count()).unwrap_or(u32::MAX)
    }

    fn target_of(&self, role: Role) -> u32 {
        match role {
            Role::Core => self.target_core,
            Role::Task => self.target_task,
        }
    }

    /// The next process whose time has come. Call until it is `None`.
    pub fn poll(&mut self, now: Moment) -> Option<Action> {
        let due = self.members.iter_mut().find(|(_, member)| match member.state {
            State::Waiting { until } => until <= now,
            _ => false,
        });
        let (name, member) = due?;
        member.state = State::Starting;
        Some(Action::Spawn(*name))
    }

    /// When to poll again.
    pub fn deadline(&self) -> Option<Moment> {
        let waits = self.members.values().filter_map(|member| match member.state {
            State::Waiting { until } => Some(until),
            _ => None,
        });
        waits.min()
    }

    #[cfg(test)]
    fn running(&self) -> impl Iterator<Item = (Name, u32)> + '_ {
        self.members.iter().filter_map(|(name, member)| match member.state {
            State::Running { process, .. } => Some((*name, process)),
            _ => None,
        })
    }
}

fn pause_after(quick_deaths: u32) -> Duration {
    match quick_deaths {
        0 => Duration::ZERO,
        deaths => (PAUSE_FIRST * 2u32.saturating_pow(deaths - 1)).min(PAUSE_LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Moment = Duration::from_secs(1000);

    fn running(core: u32, task: u32) -> Fleet {
        let mut fleet = Fleet::new(core, task);
        let mut process = 100;
        while let Some(action) = fleet.poll(Moment::ZERO) {
            let Action::Spawn(name) = action else { panic!("{action:?}") };
            fleet.spawned(Moment::ZERO, name, process);
            process += 1;
        }
        fleet
    }

    fn process_of(fleet: &Fleet, name: Name) -> u32 {
        fleet.running().find(|(running, _)| *running == name).unwrap().1
    }

    #[test]
    fn everything_is_due_at_the_start() {
        let fleet = running(2, 1);
        let names: Vec<Name> = fleet.running().map(|(name, _)| name).collect();
        assert_eq!(names, [Name::Master, Name::Hive, Name::Core(1), Name::Core(2), Name::Task(1)]);
        assert_eq!(fleet.deadline(), None);
    }

    #[test]
    fn what_dies_after_a_long_life_is_started_again_at_once() {
        for name in [Name::Master, Name::Hive, Name::Core(1), Name::Task(1)] {
            let mut fleet = running(2, 1);
            assert_eq!(fleet.ended(LONG, name, false), None);
            assert_eq!(fleet.poll(LONG), Some(Action::Spawn(name)));
        }
    }

    #[test]
    fn quick_deaths_are_followed_by_growing_pauses_and_then_by_giving_up() {
        let mut fleet = running(1, 0);
        let mut now = Moment::ZERO;
        let mut pauses = Vec::new();
        let last = loop {
            if let Some(action) = fleet.ended(now, Name::Core(1), false) {
                break action;
            }
            let due = fleet.deadline().unwrap();
            assert!(due == now || fleet.poll(now).is_none());
            pauses.push(due - now);
            now = due;
            assert_eq!(fleet.poll(now), Some(Action::Spawn(Name::Core(1))));
            fleet.spawned(now, Name::Core(1), 7);
        };
        assert_eq!(last, Action::GiveUp(Name::Core(1)));
        assert_eq!(pauses.len() as u32, QUICK_DEATHS_MAX - 1);
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert_eq!(fleet.poll(LONG), None);
    }

    #[test]
    fn a_released_worker_is_not_started_again_and_its_data_goes() {
        let mut fleet = running(2, 2);
        fleet.target(2, 1);
        assert_eq!(fleet.release(process_of(&fleet, Name::Task(2))), None);
        assert_eq!(fleet.ended(LONG, Name::Task(2), true), Some(Action::RemoveData(Name::Task(2))));
        assert_eq!(fleet.poll(LONG), None);
    }

    #[test]
    fn a_worker_that_left_before_its_release_was_told_keeps_its_data_until_then() {
        let mut fleet = running(2, 2);
        fleet.target(2, 1);
        let process = process_of(&fleet, Name::Task(1));
        assert_eq!(fleet.ended(LONG, Name::Task(1), true), None);
        assert_eq!(fleet.poll(LONG), None);
        fleet.start(Role::Task, 1);
        assert_eq!(fleet.poll(LONG), Some(Action::Spawn(Name::Task(3))), "its directory is not shared");
        assert_eq!(fleet.release(process), Some(Action::RemoveData(Name::Task(1))));
        assert_eq!(fleet.release(process), None);
    }

    #[test]
    fn a_core_worker_that_is_killed_while_another_drains_is_started_again() {
        let mut fleet = running(3, 0);
        fleet.target(2, 0);
        fleet.ended(LONG, Name::Core(1), false);
        assert_eq!(fleet.poll(LONG), Some(Action::Spawn(Name::Core(1))));
    }

    #[test]
    fn new_workers_take_the_lowest_free_numbers() {
        let mut fleet = running(2, 1);
        fleet.start(Role::Task, 2);
        assert_eq!(fleet.poll(LONG), Some(Action::Spawn(Name::Task(2))));
        assert_eq!(fleet.poll(LONG), Some(Action::Spawn(Name::Task(3))));
        assert_eq!(fleet.poll(LONG), None);
    }
}
