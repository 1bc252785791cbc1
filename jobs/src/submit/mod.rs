//! What a job binary does when a user starts it against a cluster (way 2): it puts itself into the cluster's storage,
//! submits the plan that it built, watches the job, and hands its results back to be printed.
//!
//! * [`environment`]: how `skep submit` tells a job binary where to submit, and who the user is.
//! * [`marker`]: how `skep submit` tells a job binary from any other program.
//! * [`client`]: the calls of service `jobs`.
//! * [`store`]: files in the cluster's storage under their SHA-256, uploaded once.
//! * [`watch`] and [`progress`]: waiting for the job, and what a person sees meanwhile.
//! * [`amounts`]: sizes, counts and times as people read them.
//! * [`session`]: the steps in order. [`report`]: errors with their causes on stderr.
//!
//! It knows nothing of plans: whoever calls it brings the stages.

pub mod amounts;
pub mod client;
pub mod environment;
pub mod error;
pub mod limits;
pub mod marker;
pub mod progress;
pub mod report;
pub mod session;
pub mod store;
pub mod watch;

pub use client::{JobsClient, JobsError};
pub use environment::{SubmitEnvironment, from_environment};
pub use error::SubmitError;
pub use session::{Draft, Ending, Interruption, Planning, Session, run};
