//! Scenarios of the scheduler, driven event by event through the public face of the core; [`model`] drives it at random.

mod model;
pub(crate) mod rig;
mod scenarios;
