//! TPC-H.

use super::files::{Lines, Rows};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow,
    SupplierArrow,
};

pub(super) const TABLES: [&str; 8] =
    ["region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem"];

pub(super) fn rows(table: &str, scale: f64) -> Rows {
    match table {
        "region" => Box::new(RegionArrow::new(RegionGenerator::new(scale, 1, 1))),
        "nation" => Box::new(NationArrow::new(NationGenerator::new(scale, 1, 1))),
        "part" => Box::new(PartArrow::new(PartGenerator::new(scale, 1, 1))),
        "supplier" => Box::new(SupplierArrow::new(SupplierGenerator::new(scale, 1, 1))),
        "partsupp" => Box::new(PartSuppArrow::new(PartSuppGenerator::new(scale, 1, 1))),
        "customer" => Box::new(CustomerArrow::new(CustomerGenerator::new(scale, 1, 1))),
        "orders" => Box::new(OrderArrow::new(OrderGenerator::new(scale, 1, 1))),
        "lineitem" => Box::new(LineItemArrow::new(LineItemGenerator::new(scale, 1, 1))),
        other => panic!("TPC-H has no table {other}"),
    }
}

/// As `dbgen` prints them.
pub(super) fn lines(table: &str, scale: f64) -> Lines {
    match table {
        "region" => texts(RegionGenerator::new(scale, 1, 1).iter()),
        "nation" => texts(NationGenerator::new(scale, 1, 1).iter()),
        "part" => texts(PartGenerator::new(scale, 1, 1).iter()),
        "supplier" => texts(SupplierGenerator::new(scale, 1, 1).iter()),
        "partsupp" => texts(PartSuppGenerator::new(scale, 1, 1).iter()),
        "customer" => texts(CustomerGenerator::new(scale, 1, 1).iter()),
        "orders" => texts(OrderGenerator::new(scale, 1, 1).iter()),
        "lineitem" => texts(LineItemGenerator::new(scale, 1, 1).iter()),
        other => panic!("TPC-H has no table {other}"),
    }
}

fn texts<Row: ToString>(rows: impl Iterator<Item = Row> + 'static) -> Lines {
    Box::new(rows.map(|row| row.to_string()))
}
