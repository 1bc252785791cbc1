//! Targets: how many workers of each role there should be, and what is done about the difference.
//!
//! A provider starts workers and replaces those that die. The master asks it for more when a target rises, or when a
//! worker that should have come did not; it drains the surplus and releases what has left.

use super::{
    Core,
    event::{Output, Session, Tick, Ticket},
    record::Record,
    timers::Alarm,
    worker::Leaving,
};
use crate::limits::{START_FAILED_PAUSE, START_PATIENCE, WORKERS_MAX};
use skep_hdfs::WorkerId;
use skep_jobs::protocol::{
    client::{DrainPlan, JobError, ResizePlan, Role, Wait},
    provider::ProviderOrder,
};

#[derive(Debug, Default)]
pub struct Resize {
    provider: Option<Provider>,
    pub safe_core_min: u32,
    core: Starting,
    task: Starting,
    failure: Option<(Role, String)>,
}

#[derive(Debug)]
struct Provider {
    session: Session,
    name: String,
}

/// Workers that are on their way as far as the master knows.
#[derive(Debug, Default)]
struct Starting {
    count: u32,
    since: Tick,
    until: Tick,
}

impl Resize {
    pub fn session(&self) -> Option<Session> {
        self.provider.as_ref().map(|provider| provider.session)
    }

    fn starting(&mut self, role: Role) -> &mut Starting {
        match role {
            Role::Core => &mut self.core,
            Role::Task => &mut self.task,
        }
    }
}

impl Starting {
    /// More workers are on their way, from now on.
    fn expect(&mut self, more: u32, now: Tick) {
        if self.count == 0 {
            self.since = now;
        }
        self.count = self.count.saturating_add(more);
        self.until = now.after(START_PATIENCE);
    }
}

impl Core {
    pub(super) fn on_provider_joined(&mut self, session: Session, name: String, core: u32, task: u32) {
        self.resize.provider = Some(Provider { session, name });
        self.resize.failure = None;
        let targets = self.ledger.targets;
        if targets.core.is_none() || targets.task.is_none() {
            let (core, task) = (targets.core.or(Some(core)), targets.task.or(Some(task)));
            self.record(Record::Targets { core, task });
        }
        // It starts what it was started with by itself.
        for role in [Role::Core, Role::Task] {
            let missing = self.missing_workers(role);
            let now = self.now;
            let starting = self.resize.starting(role);
            *starting = Starting::default();
            starting.expect(missing, now);
        }
        self.timers.set(self.now.after(START_PATIENCE), Alarm::Resize);
        self.send_targets();
        self.reconcile();
    }

    pub(super) fn on_provider_gone(&mut self, session: Session) {
        if self.resize.session() == Some(session) {
            self.resize.provider = None;
        }
    }

    pub(super) fn on_start_failed(&mut self, role: Role, reason: String) {
        self.resize.failure = Some((role, reason));
        let now = self.now;
        let starting = self.resize.starting(role);
        starting.until = now.after(START_FAILED_PAUSE);
        self.timers.set(now.after(START_FAILED_PAUSE), Alarm::Resize);
    }

    pub(super) fn on_resize(
        &mut self,
        ticket: Ticket,
        core: Option<u32>,
        task: Option<u32>,
        plan_only: bool,
    ) {
        let plan = self.plan(core, task);
        let answer = if plan_only { Ok(plan) } else { self.resize(core, task, plan) };
        self.out.push_back(Output::Resized { ticket, answer });
    }

    fn resize(
        &mut self,
        core: Option<u32>,
        task: Option<u32>,
        plan: ResizePlan,
    ) -> Result<ResizePlan, JobError> {
        if !plan.blocked_by.is_empty() {
            return Err(JobError::Resize(plan.blocked_by.join("; ")));
        }
        let starts = plan.start_core + plan.start_task;
        if starts > 0 && self.resize.provider.is_none() {
            return Err(JobError::NoProvider(format!(
                "nobody here can start {starts} workers; start them by hand with `skep worker --role core|task --master \
                 ...`, or run the cluster with `skep up`"
            )));
        }
        let old = self.ledger.targets;
        self.record(Record::Targets { core: core.or(old.core), task: task.or(old.task) });
        self.reconcile();
        self.send_targets();
        Ok(plan)
    }

    fn send_targets(&mut self) {
        if let Some(session) = self.resize.session() {
            let targets = self.ledger.targets;
            let (core, task) = (targets.core.unwrap_or(0), targets.task.unwrap_or(0));
            let order = ProviderOrder::Target { core, task };
            self.out.push_back(Output::Provider { session, order });
        }
    }

    /// What new targets would lead to, from what there is now.
    fn plan(&self, core: Option<u32>, task: Option<u32>) -> ResizePlan {
        let mut plan = ResizePlan {
            start_core: 0,
            start_task: 0,
            drain: Vec::new(),
            safe_core_min: self.resize.safe_core_min.max(1),
            blocked_by: Vec::new(),
        };
        for (role, target) in [(Role::Core, core), (Role::Task, task)] {
            let Some(target) = target else { continue };
            let there = self.staying(role);
            let start = target.saturating_sub(there);
            match role {
                Role::Core => plan.start_core = start,
                Role::Task => plan.start_task = start,
            }
            let surplus = self.choose_drained(role, there.saturating_sub(target) as usize);
            plan.drain.extend(surplus.iter().filter_map(|worker| self.drain_plan(*worker)));
            if target > WORKERS_MAX {
                plan.blocked_by
                    .push(format!("{target} {} workers are over the limit of {WORKERS_MAX}", name(role)));
            }
        }
        if let Some(core) = core.filter(|core| *core < plan.safe_core_min && *core < self.staying(Role::Core))
        {
            plan.blocked_by.push(format!(
                "{core} core workers cannot hold what is stored with its replication; at least {} are needed: remove files \
                 or lower their replication first (`skep fs -setrep`)",
                plan.safe_core_min
            ));
        }
        plan
    }

    fn drain_plan(&self, worker: WorkerId) -> Option<DrainPlan> {
        let there = self.workers.get(&worker)?;
        Some(DrainPlan {
            worker,
            role: there.role,
            running_tasks: there.running.len() as u32,
            block_bytes_to_move: there.stored.map_or(0, |stored| stored.bytes_to_move),
            shuffle_bytes_held: self.needed_shuffle_bytes(worker),
        })
    }

    fn staying(&self, role: Role) -> u32 {
        self.workers.values().filter(|there| there.role == role && there.stays()).count() as u32
    }

    fn target(&self, role: Role) -> Option<u32> {
        match role {
            Role::Core => self.ledger.targets.core,
            Role::Task => self.ledger.targets.task,
        }
    }

    fn missing_workers(&self, role: Role) -> u32 {
        self.target(role).unwrap_or(0).saturating_sub(self.staying(role))
    }

    /// Brings the cluster nearer to its targets. Waits while workers of before a restart are on their way back.
    pub(super) fn reconcile(&mut self) {
        if self.hold.is_some() {
            return;
        }
        for role in [Role::Core, Role::Task] {
            let Some(target) = self.target(role) else { continue };
            let surplus = self.staying(role).saturating_sub(target);
            for worker in self.choose_drained(role, surplus as usize) {
                self.drain(worker);
            }
            self.take_back(role);
            self.order_starts(role);
        }
    }

    /// Draining workers are worth more than new ones.
    fn take_back(&mut self, role: Role) {
        let draining = self
            .workers
            .iter()
            .filter(|(_, there)| there.role == role && matches!(there.leaving, Leaving::Draining { .. }));
        let missing = self.missing_workers(role) as usize;
        let back: Vec<WorkerId> = draining.map(|(worker, _)| *worker).take(missing).collect();
        back.into_iter().for_each(|worker| self.undrain(worker));
    }

    fn order_starts(&mut self, role: Role) {
        let missing = self.missing_workers(role);
        let (now, session) = (self.now, self.resize.session());
        let starting = self.resize.starting(role);
        if now >= starting.until {
            starting.count = 0;
        }
        starting.count = starting.count.min(missing);
        let count = missing - starting.count;
        if let Some(session) = session.filter(|_| count > 0) {
            starting.expect(count, now);
            self.timers.set(now.after(START_PATIENCE), Alarm::Resize);
            self.out.push_back(Output::Provider { session, order: ProviderOrder::Start { role, count } });
        }
    }

    /// A worker registered; a new one may be one that was on its way.
    pub(super) fn worker_started(&mut self, role: Role, new: bool) {
        if new {
            let starting = self.resize.starting(role);
            starting.count = starting.count.saturating_sub(1);
        }
        self.reconcile();
    }

    /// A worker that should have stayed is gone: the provider replaces it by itself, and is asked only if it does not.
    pub(super) fn expect_replacement(&mut self, role: Role) {
        let now = self.now;
        if self.resize.provider.is_some() {
            self.resize.starting(role).expect(1, now);
            self.timers.set(now.after(START_PATIENCE), Alarm::Resize);
        }
    }

    pub fn provider_name(&self) -> Option<&str> {
        self.resize.provider.as_ref().map(|provider| provider.name.as_str())
    }

    /// What the last resize waits for.
    pub fn resize_waits(&self) -> Vec<Wait> {
        let mut waits = self.drain_waits();
        for (role, starting) in [(Role::Core, &self.resize.core), (Role::Task, &self.resize.task)] {
            let missing = self.missing_workers(role);
            if missing == 0 {
                continue;
            }
            let failure = self.resize.failure.as_ref().filter(|(failed, _)| *failed == role);
            let what_for = match (failure, &self.resize.provider) {
                (Some((_, reason)), _) => {
                    format!("{missing} {} workers; the last start failed: {reason}", name(role))
                }
                (None, Some(_)) => format!("{missing} {} workers to register", name(role)),
                (None, None) => format!("{missing} {} workers, and nobody who can start them", name(role)),
            };
            waits.push(Wait { who: "resize".to_owned(), what_for, since_ms: starting.since.0 });
        }
        waits
    }
}

pub fn name(role: Role) -> &'static str {
    match role {
        Role::Core => "core",
        Role::Task => "task",
    }
}
