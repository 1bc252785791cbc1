//! Types.

use super::{Parser, Result};
use crate::{
    syntax::error::SyntaxError,
    types::{
        CHAR_LENGTH_MAX, DECIMAL_DEFAULT, DECIMAL_PRECISION_MAX, HiveType, StructField, VARCHAR_LENGTH_MAX,
    },
};

impl Parser<'_> {
    #[recursive::recursive]
    pub(super) fn data_type(&mut self) -> Result<HiveType> {
        let start = self.here();
        let word = self.any_name()?.text.to_lowercase();
        Ok(match word.as_str() {
            "void" => HiveType::Void,
            "boolean" => HiveType::Boolean,
            "tinyint" => HiveType::TinyInt,
            "smallint" => HiveType::SmallInt,
            "int" | "integer" => HiveType::Int,
            "bigint" => HiveType::BigInt,
            "float" | "real" => HiveType::Float,
            "double" => {
                self.word("PRECISION");
                HiveType::Double
            }
            "decimal" | "dec" | "numeric" => self.decimal()?,
            "string" => HiveType::String,
            "varchar" => HiveType::Varchar(self.length(VARCHAR_LENGTH_MAX)?),
            "char" => HiveType::Char(self.length(CHAR_LENGTH_MAX)?),
            "binary" => HiveType::Binary,
            "date" => HiveType::Date,
            "timestamp" => self.timestamp()?,
            "timestamplocaltz" => HiveType::TimestampLocalTz,
            "interval_year_month" => HiveType::IntervalYearMonth,
            "interval_day_time" => HiveType::IntervalDayTime,
            "array" => {
                self.expect_symbol("<")?;
                let element = self.data_type()?;
                self.close_angle()?;
                HiveType::array(element)
            }
            "map" => {
                self.expect_symbol("<")?;
                let key = self.data_type()?;
                self.expect_symbol(",")?;
                let value = self.data_type()?;
                self.close_angle()?;
                HiveType::map(key, value)
            }
            "struct" => {
                self.expect_symbol("<")?;
                let fields = self.list(Self::struct_field)?;
                self.close_angle()?;
                HiveType::Struct(fields)
            }
            "uniontype" => {
                self.expect_symbol("<")?;
                let alternatives = self.list(Self::data_type)?;
                self.close_angle()?;
                HiveType::Union(alternatives)
            }
            _ => {
                let found = self.slice(start);
                return Err(SyntaxError::unexpected(&found, &["a type"], start));
            }
        })
    }

    fn close_angle(&mut self) -> Result<()> {
        self.expect_symbol(">")
    }

    fn struct_field(&mut self) -> Result<StructField> {
        let name = self.any_name()?.folded();
        self.expect_symbol(":")?;
        let ty = self.data_type()?;
        if self.word("COMMENT") {
            self.string()?;
        }
        Ok(StructField { name, ty })
    }

    fn decimal(&mut self) -> Result<HiveType> {
        let start = self.here();
        let (mut precision, mut scale) = DECIMAL_DEFAULT;
        if self.symbol("(") {
            precision = self.integer()?;
            scale = if self.symbol(",") { self.integer()? } else { 0 };
            self.expect_symbol(")")?;
        }
        if precision == 0 || precision > DECIMAL_PRECISION_MAX {
            let reason = format!("Decimal precision out of allowed range [1,{DECIMAL_PRECISION_MAX}]");
            return Err(SyntaxError::because(reason, self.since(start)));
        }
        if scale > precision {
            let reason = "Decimal scale must be less than or equal to precision";
            return Err(SyntaxError::because(reason, self.since(start)));
        }
        Ok(HiveType::decimal(precision, scale))
    }

    fn length(&mut self, max: u32) -> Result<u32> {
        let start = self.here();
        self.expect_symbol("(")?;
        let length: u32 = self.integer()?;
        self.expect_symbol(")")?;
        if length == 0 || length > max {
            let reason = format!("length {length} out of allowed range [1, {max}]");
            return Err(SyntaxError::because(reason, self.since(start)));
        }
        Ok(length)
    }

    fn timestamp(&mut self) -> Result<HiveType> {
        if self.words(&["WITH", "LOCAL", "TIME", "ZONE"]) {
            return Ok(HiveType::TimestampLocalTz);
        }
        self.words(&["WITHOUT", "TIME", "ZONE"]);
        Ok(HiveType::Timestamp)
    }
}
