//! The cluster as `skep status` shows it; the service adds what is stored.

use crate::{core::event::Tick, owner::Owner};
use skep_jobs::protocol::client::{ClusterView, WorkerView};

impl Owner {
    pub(crate) fn status(&self) -> ClusterView {
        let targets = self.core.ledger().targets;
        let Tick(started_ms) = self.clock.started();
        ClusterView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            endpoint: self.effects.endpoint.clone(),
            started_ms,
            workers: self.workers(),
            storage: None,
            running: self.core.living(),
            target_core: targets.core,
            target_task: targets.task,
            resize_waits: self.core.resize_waits(),
            provider: self.core.provider_name().map(str::to_owned),
        }
    }

    fn workers(&self) -> Vec<WorkerView> {
        let heard = self.effects.liveness.heard();
        let mut views = self.core.worker_views();
        for view in &mut views {
            if let Some(heard) = heard.get(&view.worker) {
                view.capacity = heard.capacity;
                view.last_beat_ms_ago = u64::try_from(heard.at.elapsed().as_millis()).unwrap_or(u64::MAX);
            }
        }
        views
    }
}
