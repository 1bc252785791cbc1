//! Scenarios of the scheduler, driven event by event through the public face of the core; [`model`] drives it at random.

mod model;
mod rig;
mod scenarios;
