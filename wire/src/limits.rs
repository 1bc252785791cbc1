//! Every bound of this crate in one place.

use std::time::Duration;

/// Version of the handshake and of the frames. Message enums have versions of their own inside their crates.
pub const WIRE_VERSION: u16 = 1;
/// The largest body of one message frame. Larger data travels as payload.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// The largest body of one payload frame.
pub const PAYLOAD_BYTES_MAX: usize = 4 << 20;
/// Outgoing frames that may wait on one peer before senders wait.
pub const SEND_QUEUE_FRAMES_MAX: usize = 256;
/// Calls that one connection may have running at the serving side before its reader waits.
pub const CALLS_RUNNING_MAX: usize = 1024;
/// How long a handshake may take before the socket is closed.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);
/// How long one TCP connect may take.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
