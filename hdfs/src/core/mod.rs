//! The namespace as a pure state machine (helpers build it from here).
