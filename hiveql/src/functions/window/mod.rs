//! The functions that exist only over a window. `Window::returns` is also the Arrow type that the UDWF yields.

mod arguments;
mod edges;
mod kernel;
mod narrow;
mod ranking;
mod shift;
#[cfg(test)]
mod tests;

pub use kernel::WindowKernel;

use super::WindowFunction;

/// All of them.
pub const FUNCTIONS: &[WindowFunction] = &[
    ranking::ROW_NUMBER,
    ranking::RANK,
    ranking::DENSE_RANK,
    ranking::PERCENT_RANK,
    ranking::CUME_DIST,
    ranking::NTILE,
    shift::LEAD,
    shift::LAG,
    edges::FIRST_VALUE,
    edges::LAST_VALUE,
];
