//! The fixed header before every body.
