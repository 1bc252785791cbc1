//! Every bound of this crate in one place.

use std::time::Duration;

/// Version of the handshake and of the frames. Message enums have versions of their own inside their crates.
pub const WIRE_VERSION: u16 = 1;
/// The largest body of one message frame. Larger data travels as payload.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// The most memory that the values of one message may claim while it is decoded. The codec writes small integers in
/// one byte and counts eight for each, so an honest message claims up to eight times its length.
pub const DECODED_BYTES_MAX: usize = 8 * MESSAGE_BYTES_MAX;
/// The largest body of one payload frame.
pub const PAYLOAD_BYTES_MAX: usize = 4 << 20;
/// Outgoing frames that may wait on one peer before senders wait. A frame takes one place for each
/// `FRAME_PLACE_BYTES` begun, so the queue is bounded in bytes as well.
pub const SEND_QUEUE_FRAMES_MAX: usize = 256;
/// How much of a frame's body one place in a queue stands for.
pub const FRAME_PLACE_BYTES: usize = 64 << 10;
/// Places of one-way messages that were sent and not yet handled before their sender waits.
pub const TELLS_UNHANDLED_MAX: usize = 256;
/// Calls that one connection may have running at the serving side. The calling side waits before it sends more, so
/// that the serving side's reader never has to.
pub const CALLS_RUNNING_MAX: usize = 1024;
/// How long a closing peer tries to write what was queued before.
pub const CLOSE_FLUSH_DEADLINE: Duration = Duration::from_secs(1);
/// How long a handshake may take before the socket is closed.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);
/// Handshakes that one listener runs at once; further connections wait in the system's queue.
pub const HANDSHAKES_RUNNING_MAX: usize = 256;
/// How long one TCP connect may take.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// The longest name of a service, and of a job, in a handshake.
pub const NAME_BYTES_MAX: usize = 64;
/// Back-off of reconnecting: the first pause and the longest one. Each pause is a random part of its bound.
pub const REDIAL_PAUSE_MIN: Duration = Duration::from_millis(10);
pub const REDIAL_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Pauses of an accept loop that the system gives no descriptors.
pub const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(10);
pub const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// A TCP connection on which nothing arrives is probed after this pause, this often, and then given up: a machine
/// that vanished without a word must not hold connections for ever.
pub const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(10);
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
pub const KEEP_ALIVE_PROBES: u32 = 4;
/// How long sent bytes may stay unacknowledged by the other machine before a TCP connection is given up.
pub const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);
/// How much a reader asks for at once when it does not know what comes.
pub const READ_AHEAD_BYTES: usize = 64 << 10;
/// Bytes that a channel gathers before it writes; larger payload is written from the caller's memory.
pub const SEND_BUFFER_BYTES: usize = 64 << 10;
/// Buffers that grew beyond this for one large frame are given back.
pub const KEPT_BUFFER_BYTES_MAX: usize = 1 << 20;
/// Descriptors that one `send_files` may pass.
pub const FILES_MAX: usize = 16;
/// Bytes that one direction of a connection in memory holds before its writer waits.
pub const MEMORY_PIPE_BYTES: usize = 256 << 10;
