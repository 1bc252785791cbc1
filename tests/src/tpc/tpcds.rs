//! TPC-DS.

use super::files::Rows;
use tpcdsgen::config::SessionBuilder;
use tpcdsgen_arrow::{
    CallCenterArrow, CatalogPageArrow, CatalogReturnsArrow, CatalogSalesArrow, CustomerAddressArrow,
    CustomerArrow, CustomerDemographicsArrow, DateDimArrow, HouseholdDemographicsArrow, IncomeBandArrow,
    InventoryArrow, ItemArrow, PromotionArrow, ReasonArrow, ShipModeArrow, StoreArrow, StoreReturnsArrow,
    StoreSalesArrow, TimeDimArrow, WarehouseArrow, WebPageArrow, WebReturnsArrow, WebSalesArrow,
    WebSiteArrow,
};

pub(super) const TABLES: [&str; 24] = [
    "call_center",
    "catalog_page",
    "catalog_returns",
    "catalog_sales",
    "customer",
    "customer_address",
    "customer_demographics",
    "date_dim",
    "household_demographics",
    "income_band",
    "inventory",
    "item",
    "promotion",
    "reason",
    "ship_mode",
    "store",
    "store_returns",
    "store_sales",
    "time_dim",
    "warehouse",
    "web_page",
    "web_returns",
    "web_sales",
    "web_site",
];

pub(super) fn rows(table: &str, scale: f64) -> Rows {
    let session = SessionBuilder::new().with_scale_factor(scale).build().expect("a generator");
    match table {
        "call_center" => Box::new(CallCenterArrow::new(session)),
        "catalog_page" => Box::new(CatalogPageArrow::new(session)),
        "catalog_returns" => Box::new(CatalogReturnsArrow::new(session)),
        "catalog_sales" => Box::new(CatalogSalesArrow::new(session)),
        "customer" => Box::new(CustomerArrow::new(session)),
        "customer_address" => Box::new(CustomerAddressArrow::new(session)),
        "customer_demographics" => Box::new(CustomerDemographicsArrow::new(session)),
        "date_dim" => Box::new(DateDimArrow::new(session)),
        "household_demographics" => Box::new(HouseholdDemographicsArrow::new(session)),
        "income_band" => Box::new(IncomeBandArrow::new(session)),
        "inventory" => Box::new(InventoryArrow::new(session)),
        "item" => Box::new(ItemArrow::new(session)),
        "promotion" => Box::new(PromotionArrow::new(session)),
        "reason" => Box::new(ReasonArrow::new(session)),
        "ship_mode" => Box::new(ShipModeArrow::new(session)),
        "store" => Box::new(StoreArrow::new(session)),
        "store_returns" => Box::new(StoreReturnsArrow::new(session)),
        "store_sales" => Box::new(StoreSalesArrow::new(session)),
        "time_dim" => Box::new(TimeDimArrow::new(session)),
        "warehouse" => Box::new(WarehouseArrow::new(session)),
        "web_page" => Box::new(WebPageArrow::new(session)),
        "web_returns" => Box::new(WebReturnsArrow::new(session)),
        "web_sales" => Box::new(WebSalesArrow::new(session)),
        "web_site" => Box::new(WebSiteArrow::new(session)),
        other => panic!("TPC-DS has no table {other}"),
    }
}
