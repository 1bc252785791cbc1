//! STAND-IN
use crate::types::HiveType;
pub fn common_type(a: &HiveType, b: &HiveType) -> Option<HiveType> {
    if a == b || b == &HiveType::Void {
        Some(a.clone())
    } else if a == &HiveType::Void {
        Some(b.clone())
    } else {
        Some(HiveType::Double)
    }
}
pub fn common_type_for_comparison(a: &HiveType, b: &HiveType) -> Option<HiveType> {
    common_type(a, b)
}
pub fn common_type_for_union(a: &HiveType, b: &HiveType) -> Option<HiveType> {
    common_type(a, b)
}
