//! Frames over TCP and Unix sockets, and nothing above them: this crate knows no blocks, no jobs, no SQL.
//!
//! One paragraph per layer, from the bottom:
//!
//! * [`codec`] is the only place that names bincode: values to bytes and back, with a size limit.
//! * [`frame`] is the fixed header before every body, and its CRC32C.
//! * [`secret`] holds the cluster secret and the job tokens derived from it; [`handshake`] proves them, both ways,
//!   without sending them, and settles the protocol version.
//! * [`connection`] is a socket after its handshake: TCP, Unix or in memory ([`endpoint`] names the first two).
//! * [`peer`] turns a connection into calls and messages in both directions, with deadlines, cancellation and
//!   bounded queues. [`channel`] turns it into one exchange at a time of typed messages and raw payload: bulk bytes.
//! * [`listen`] accepts, [`dial`] connects and reconnects with jittered back-off.
//!
//! A process that serves gives `listen::serve` an [`listen::Acceptor`], which picks by service name what to do with
//! an authenticated connection.

pub mod channel;
pub mod codec;
pub mod connection;
pub mod dial;
pub mod endpoint;
pub mod error;
pub mod frame;
mod frame_reader;
pub mod handshake;
pub mod limits;
pub mod listen;
pub mod peer;
pub mod secret;

pub use channel::{Channel, Received, Receiver, Sender};
pub use connection::{Connection, Identity, Mode};
pub use dial::{Dialer, Redial};
pub use endpoint::Endpoint;
pub use error::{CallError, ChannelError, DialError};
pub use listen::{Acceptor, Listener};
pub use peer::{NoService, Peer, Service};
pub use secret::{Credential, JobToken, Secret};
