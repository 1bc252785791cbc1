//! Keeping the leases of open files: one task per client, which runs only while files are open.

use super::{Client, Shared};
use crate::{limits::LEASE_RENEWAL, protocol::namespace::Operation};
use std::sync::{Mutex, PoisonError, Weak};

#[derive(Default)]
pub(super) struct Leases {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open_files: usize,
    renewing: bool,
}

/// Held by a writer for as long as its file is open.
pub(super) struct LeaseHold {
    client: Client,
}

impl Client {
    /// Counts a file as open. Must be called on a tokio runtime.
    pub(super) fn hold_lease(&self) -> LeaseHold {
        let start = {
            let mut state = self.shared.leases.lock();
            state.open_files += 1;
            !std::mem::replace(&mut state.renewing, true)
        };
        if start {
            tokio::spawn(renew(std::sync::Arc::downgrade(&self.shared)));
        }
        LeaseHold { client: self.clone() }
    }
}

impl Leases {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LeaseHold {
    fn drop(&mut self) {
        self.client.shared.leases.lock().open_files -= 1;
    }
}

async fn renew(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(LEASE_RENEWAL).await;
        let Some(shared) = shared.upgrade() else { return };
        {
            let mut state = shared.leases.lock();
            if state.open_files == 0 {
                state.renewing = false;
                return;
            }
        }
        let client = Client { shared };
        // The next round is soon enough for another try.
        if let Err(error) = client.call_for(Operation::RenewLeases, LEASE_RENEWAL).await {
            tracing::warn!(%error, "cannot renew the leases of the files that are being written");
        }
    }
}
