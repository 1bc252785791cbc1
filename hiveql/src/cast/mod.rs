//! STAND-IN
pub mod promotion;
use crate::{functions::SessionFacts, types::HiveType};
use datafusion::logical_expr::{Expr, expr::Cast};
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("cannot cast {from} to {to}")]
pub struct CastError {
    pub from: HiveType,
    pub to: HiveType,
}
pub fn cast(expr: Expr, _from: &HiveType, to: &HiveType, _: &SessionFacts) -> Result<Expr, CastError> {
    Ok(Expr::Cast(Cast::new(Box::new(expr), to.arrow())))
}
pub fn cast_with_format(
    expr: Expr,
    from: &HiveType,
    to: &HiveType,
    _format: &str,
    f: &SessionFacts,
) -> Result<Expr, CastError> {
    cast(expr, from, to, f)
}
