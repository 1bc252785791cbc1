//! Frames that wait to be written: one growing buffer, so that frames which queue while the stream is busy are
//! written together, bounded by places so that memory is bounded too.

use crate::{
    CallError,
    frame::{HEADER_BYTES, Header},
    limits::{FRAME_PLACE_BYTES, KEPT_BUFFER_BYTES_MAX, SEND_QUEUE_FRAMES_MAX},
};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore};

pub(super) struct Outgoing {
    places: Semaphore,
    queue: Mutex<Queue>,
    ready: Notify,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    places: usize,
    is_closed: bool,
    /// The buffer of the batch before, to be filled again.
    spare: Vec<u8>,
}

/// What one write takes.
pub(super) struct Batch {
    bytes: Vec<u8>,
    places: usize,
}

impl Batch {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// How many places a body takes in a queue of `places_max`: one, and one more for each `FRAME_PLACE_BYTES`. The
/// largest bodies take the whole queue.
pub(super) fn places_of(length: usize, places_max: usize) -> u32 {
    let places = (1 + length / FRAME_PLACE_BYTES).min(places_max);
    u32::try_from(places).unwrap_or(u32::MAX)
}

impl Outgoing {
    pub(super) fn new() -> Outgoing {
        Outgoing {
            places: Semaphore::new(SEND_QUEUE_FRAMES_MAX),
            queue: Mutex::default(),
            ready: Notify::new(),
        }
    }

    /// Queues a frame, once there is room. Dropped before, nothing is queued.
    pub(super) async fn push(&self, header: Header, body: &[u8]) -> Result<(), CallError> {
        let places = places_of(body.len(), SEND_QUEUE_FRAMES_MAX);
        let room = self.places.acquire_many(places).await.map_err(|_| CallError::Closed)?;
        if !self.append(header, body, places as usize) {
            return Err(CallError::Closed);
        }
        room.forget();
        Ok(())
    }

    /// Queues a frame without a body and does not wait for room: for the few frames that are themselves bounded by
    /// frames that had to wait.
    pub(super) fn push_bare(&self, header: Header) {
        self.append(header, &[], 0);
    }

    fn append(&self, header: Header, body: &[u8], places: usize) -> bool {
        let mut queue = self.lock();
        if queue.is_closed {
            return false;
        }
        let was_empty = queue.bytes.is_empty();
        queue.bytes.reserve(HEADER_BYTES + body.len());
        queue.bytes.extend_from_slice(&header.encode());
        queue.bytes.extend_from_slice(body);
        queue.places += places;
        drop(queue);
        if was_empty {
            self.ready.notify_one();
        }
        true
    }

    /// All that waits, as soon as something does; `None` when the queue is closed and empty. For one task only.
    pub(super) async fn take(&self) -> Option<Batch> {
        loop {
            {
                let mut queue = self.lock();
                if !queue.bytes.is_empty() {
                    let spare = std::mem::take(&mut queue.spare);
                    let bytes = std::mem::replace(&mut queue.bytes, spare);
                    return Some(Batch { bytes, places: std::mem::take(&mut queue.places) });
                }
                if queue.is_closed {
                    return None;
                }
            }
            self.ready.notified().await;
        }
    }

    /// The batch is out: makes room for as much again.
    pub(super) fn written(&self, batch: Batch) {
        let Batch { mut bytes, places } = batch;
        if bytes.capacity() <= KEPT_BUFFER_BYTES_MAX {
            bytes.clear();
            self.lock().spare = bytes;
        }
        self.places.add_permits(places);
    }

    /// Takes no more frames; what is queued can still be taken.
    pub(super) fn close(&self) {
        self.places.close();
        self.lock().is_closed = true;
        self.ready.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
