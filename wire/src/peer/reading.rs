//! The reading task: what each arriving frame sets in motion.

use super::{
    ClosesAtEnd, Hold, Peer, Service,
    outgoing::places_of,
    pending::Answer,
    serving::{handle_tells, start_call},
};
use crate::{
    ChannelError,
    connection::ReadHalf,
    frame::{Header, Kind, Outcome},
    frame_reader::FrameReader,
    limits::{CALLS_RUNNING_MAX, TELLS_UNHANDLED_MAX},
};
use bytes::Bytes;
use std::sync::{Arc, Weak};
use tokio::sync::{Semaphore, mpsc};

/// The body of a one-way message that waits to be handled.
pub(super) struct Told(Bytes);

impl Told {
    pub(super) fn body(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn length(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

/// How many places a one-way message takes at the side that handles it. Both sides must agree. The largest takes
/// three quarters, because the rest may be handled without the sender knowing it yet.
pub(super) fn tell_places(length: u32) -> u32 {
    places_of(length as usize, TELLS_UNHANDLED_MAX - TELLS_UNHANDLED_MAX / 4)
}

impl Peer {
    /// A clone that does not keep the connection open.
    pub(super) fn for_own_tasks(&self) -> Peer {
        let hold = match &self.hold {
            Hold::Outside(hold) => Arc::downgrade(hold),
            Hold::Inside(hold) => Weak::clone(hold),
        };
        Peer { shared: self.shared.clone(), hold: Hold::Inside(hold) }
    }
}

/// Reads until the connection ends or this side closes.
pub(super) async fn read_frames<S: Service>(own: Peer, stream: ReadHalf, service: Arc<S>) {
    let _ends = ClosesAtEnd(own.shared.clone());
    let (tells, messages) = mpsc::channel(TELLS_UNHANDLED_MAX);
    tokio::spawn(handle_tells(own.for_own_tasks(), service.clone(), messages));
    let mut reading =
        Reading { own: &own, service, tells, calls: Arc::new(Semaphore::new(CALLS_RUNNING_MAX)) };
    let ended = tokio::select! {
        () = own.shared.closed.cancelled() => Ok(()),
        ended = reading.until_end(FrameReader::new(stream)) => ended,
    };
    match ended {
        Ok(()) => {}
        Err(ChannelError::Closed) => tracing::debug!(remote = %own.remote(), "the other side is gone"),
        Err(error) => tracing::warn!(remote = %own.remote(), %error, "closing a connection"),
    }
}

struct Reading<'a, S> {
    own: &'a Peer,
    service: Arc<S>,
    tells: mpsc::Sender<Told>,
    calls: Arc<Semaphore>,
}

impl<S: Service> Reading<'_, S> {
    async fn until_end(&mut self, mut frames: FrameReader) -> Result<(), ChannelError> {
        while let Some((header, body)) = frames.next().await? {
            self.frame(header, body).await?;
        }
        Ok(())
    }

    /// Waits only for a side that sends more than it was given room for.
    async fn frame(&mut self, header: Header, body: Bytes) -> Result<(), ChannelError> {
        let shared = &self.own.shared;
        match header.kind {
            Kind::Call => {
                let Ok(room) = self.calls.clone().acquire_owned().await else { return Ok(()) };
                start_call(self.own, &self.service, header, body, room);
            }
            Kind::Answer => {
                let outcome = Outcome::from_flags(header.flags).ok_or(ChannelError::Unexpected {
                    expected: "an answer of this wire version",
                    found: "an answer of unknown outcome",
                })?;
                shared.pending.answered(header.id, Answer { outcome, body });
            }
            Kind::Tell => {
                // Fails only when the handling task is gone with this side's end.
                let _ = self.tells.send(Told(body)).await;
            }
            Kind::Cancel => shared.running.cancel(header.id),
            Kind::Handled => {
                let places = header.extra as usize;
                if shared.tells.available_permits() + places > TELLS_UNHANDLED_MAX {
                    return Err(ChannelError::Unexpected {
                        expected: "a receipt for messages that were sent",
                        found: "a receipt for more",
                    });
                }
                shared.tells.add_permits(places);
            }
            other @ (Kind::Message | Kind::Payload) => {
                return Err(ChannelError::Unexpected {
                    expected: "a frame of calls and messages",
                    found: other.name(),
                });
            }
        }
        Ok(())
    }
}
