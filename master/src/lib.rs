//! The master: it owns all scheduling decisions and hosts the namespace.
//!
//! * [`core`]: the scheduler as a pure state machine.

pub mod core;
pub mod limits;
