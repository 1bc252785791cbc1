//! ALTER TABLE and ALTER VIEW.

use super::{Parser, Result};
use crate::syntax::ast::{
    AlterAction, AlterTable, BinaryOp, ColumnDefinition, ColumnPosition, ExprKind, PartitionPredicate,
    PartitionSpec, Statement, StorageFormat,
};

impl Parser<'_> {
    pub(super) fn alter(&mut self) -> Result<Statement> {
        let start = self.at;
        self.expect("ALTER")?;
        if self.word("DATABASE") || self.word("SCHEMA") {
            return self.alter_database();
        }
        let view = self.word("VIEW");
        if !view && !self.word("TABLE") {
            self.at = start;
            return Ok(self.unsupported());
        }
        let table = self.object_name()?;
        let is_column = self.are(&["PARTITION", "COLUMN"]);
        let partition = if self.is("PARTITION") && !is_column { Some(self.partition()?) } else { None };
        let action = match view {
            true => self.view_action()?,
            false => self.action()?,
        };
        Ok(Statement::AlterTable(Box::new(AlterTable { table, partition, view, action })))
    }

    fn view_action(&mut self) -> Result<AlterAction> {
        if self.word("AS") || self.begins_query() {
            let start = self.here();
            let query = Box::new(self.query()?);
            return Ok(AlterAction::AsQuery { query, text: self.slice(self.since(start)) });
        }
        self.action()
    }

    fn action(&mut self) -> Result<AlterAction> {
        if self.word("RENAME") {
            self.expect("TO")?;
            return match self.is("PARTITION") {
                true => Ok(AlterAction::RenamePartition(self.partition()?)),
                false => Ok(AlterAction::Rename(self.object_name()?)),
            };
        }
        if self.word("ADD") {
            return self.add();
        }
        if self.words(&["REPLACE", "COLUMNS"]) {
            let columns = self.in_parentheses(Self::column)?;
            return Ok(AlterAction::ReplaceColumns { columns, cascade: self.cascade() });
        }
        if self.word("CHANGE") {
            return self.change_column();
        }
        if self.word("DROP") {
            return self.drop_action();
        }
        if self.word("SET") {
            return self.set_action();
        }
        if self.word("UNSET") {
            return self.unset_action();
        }
        if self.words(&["PARTITION", "COLUMN"]) {
            self.expect_symbol("(")?;
            let column = self.column()?;
            self.expect_symbol(")")?;
            return Ok(AlterAction::PartitionColumn(column));
        }
        self.other_action()
    }

    fn other_action(&mut self) -> Result<AlterAction> {
        if self.word("EXCHANGE") {
            let partition = self.partition()?;
            self.expect_words(&["WITH", "TABLE"])?;
            return Ok(AlterAction::ExchangePartition { partition, with: self.object_name()? });
        }
        if self.words(&["RECOVER", "PARTITIONS"]) {
            return Ok(AlterAction::RecoverPartitions);
        }
        if self.word("TOUCH") {
            let mut partitions = Vec::new();
            while self.is("PARTITION") {
                partitions.push(self.partition()?);
                self.symbol(",");
            }
            return Ok(AlterAction::Touch(partitions));
        }
        if self.word("ARCHIVE") {
            return Ok(AlterAction::Archive(self.optional_partition()?));
        }
        if self.word("UNARCHIVE") {
            return Ok(AlterAction::Unarchive(self.optional_partition()?));
        }
        if self.word("CONCATENATE") {
            return Ok(AlterAction::Concatenate);
        }
        if self.word("COMPACT") {
            return Ok(AlterAction::Compact(self.string()?));
        }
        if self.are(&["CLUSTERED", "BY"]) {
            return Ok(AlterAction::ClusteredBy(self.clustering()?));
        }
        if self.are(&["SKEWED", "BY"]) {
            return Ok(AlterAction::SkewedBy(self.skew()?));
        }
        if self.word("INTO") {
            let buckets = self.integer()?;
            self.expect("BUCKETS")?;
            return Ok(AlterAction::IntoBuckets(buckets));
        }
        if self.word("NOT") {
            return match () {
                () if self.word("CLUSTERED") => Ok(AlterAction::NotClustered),
                () if self.word("SORTED") => Ok(AlterAction::NotSorted),
                () if self.word("SKEWED") => Ok(AlterAction::NotSkewed),
                () if self.words(&["STORED", "AS", "DIRECTORIES"]) => Ok(AlterAction::NotStoredAsDirectories),
                () => Err(self.unexpected(&["CLUSTERED", "SORTED", "SKEWED", "STORED AS DIRECTORIES"])),
            };
        }
        if self.is_one_of(&["ENABLE", "DISABLE"]) {
            let start = self.here();
            self.advance();
            self.any_name()?;
            self.word("CASCADE");
            return Ok(AlterAction::Protect(self.slice(self.since(start))));
        }
        if self.words(&["UPDATE", "COLUMNS"]) {
            self.cascade();
            return Ok(AlterAction::UpdateColumns);
        }
        if self.words(&["UPDATE", "STATISTICS"]) {
            let column = match self.word("FOR") {
                true => {
                    self.word("COLUMN");
                    Some(self.name()?)
                }
                false => None,
            };
            self.expect("SET")?;
            return Ok(AlterAction::UpdateStatistics { column, properties: self.properties()? });
        }
        Err(self.unexpected(&["an action of ALTER TABLE"]))
    }

    fn cascade(&mut self) -> bool {
        let cascade = self.word("CASCADE");
        if !cascade {
            self.word("RESTRICT");
        }
        cascade
    }

    fn add(&mut self) -> Result<AlterAction> {
        if self.word("COLUMNS") {
            let columns = self.in_parentheses(Self::column)?;
            return Ok(AlterAction::AddColumns { columns, cascade: self.cascade() });
        }
        if let Some(constraint) = self.table_constraint()? {
            return Ok(AlterAction::AddConstraint(constraint));
        }
        let if_not_exists = self.if_not_exists();
        let mut partitions: Vec<(PartitionSpec, Option<String>)> = Vec::new();
        loop {
            let partition = self.partition()?;
            let location = if self.word("LOCATION") { Some(self.string()?) } else { None };
            partitions.push((partition, location));
            self.symbol(",");
            if !self.is("PARTITION") {
                return Ok(AlterAction::AddPartitions { partitions, if_not_exists });
            }
        }
    }

    /// `CHANGE [COLUMN] old new type [COMMENT 'c'] [FIRST | AFTER x] [CASCADE]`
    fn change_column(&mut self) -> Result<AlterAction> {
        self.word("COLUMN");
        let old = self.name()?;
        let column: ColumnDefinition = self.column()?;
        let position = match () {
            () if self.word("FIRST") => Some(ColumnPosition::First),
            () if self.word("AFTER") => Some(ColumnPosition::After(self.name()?)),
            () => None,
        };
        Ok(AlterAction::ChangeColumn { old, column, position, cascade: self.cascade() })
    }

    fn drop_action(&mut self) -> Result<AlterAction> {
        if self.word("CONSTRAINT") {
            return Ok(AlterAction::DropConstraint(self.name()?));
        }
        let if_exists = self.if_exists();
        let mut partitions = Vec::new();
        loop {
            self.expect("PARTITION")?;
            partitions.push(self.in_parentheses(Self::predicate_of_partition)?);
            if !self.symbol(",") && !self.is("PARTITION") {
                break;
            }
        }
        self.words(&["IGNORE", "PROTECTION"]);
        let purge = self.word("PURGE");
        Ok(AlterAction::DropPartitions { partitions, if_exists, purge })
    }

    fn predicate_of_partition(&mut self) -> Result<PartitionPredicate> {
        let start = self.here();
        let column = self.any_name()?;
        const OPS: &[(&str, BinaryOp)] = &[
            ("=", BinaryOp::Equal),
            ("==", BinaryOp::Equal),
            ("<>", BinaryOp::NotEqual),
            ("!=", BinaryOp::NotEqual),
            ("<=", BinaryOp::LessEqual),
            (">=", BinaryOp::GreaterEqual),
            ("<", BinaryOp::Less),
            (">", BinaryOp::Greater),
        ];
        let Some((_, op)) = OPS.iter().find(|(symbol, _)| self.is_symbol(symbol)) else {
            return Err(self.unexpected(&["a comparison"]));
        };
        self.advance();
        let value = self.expr()?;
        Ok(PartitionPredicate { column, op: *op, value, span: self.since(start) })
    }

    fn set_action(&mut self) -> Result<AlterAction> {
        match () {
            () if self.word("TBLPROPERTIES") => Ok(AlterAction::SetProperties(self.properties()?)),
            () if self.word("SERDEPROPERTIES") => Ok(AlterAction::SetSerdeProperties(self.properties()?)),
            () if self.word("SERDE") => {
                let class = self.string()?;
                let properties = match self.words(&["WITH", "SERDEPROPERTIES"]) {
                    true => self.properties()?,
                    false => vec![],
                };
                Ok(AlterAction::SetSerde { class, properties })
            }
            () if self.word("FILEFORMAT") => match self.format_words()? {
                StorageFormat::Classes { serde: None, .. } => Err(self.unexpected(&["SERDE"])),
                format => Ok(AlterAction::SetFormat(format)),
            },
            () if self.word("LOCATION") => Ok(AlterAction::SetLocation(self.string()?)),
            () if self.words(&["SKEWED", "LOCATION"]) => {
                let locations = self.in_parentheses(|parser| {
                    let key = parser.operand()?;
                    parser.expect_symbol("=")?;
                    let values = match key.kind {
                        ExprKind::Tuple(values) => values,
                        _ => vec![key],
                    };
                    Ok((values, parser.string()?))
                })?;
                Ok(AlterAction::SetSkewedLocation(locations))
            }
            () if self.word("OWNER") => {
                let kind = self.any_name()?.text;
                Ok(AlterAction::SetOwner { kind, name: self.any_name()?.text })
            }
            () => {
                Err(self.unexpected(&["TBLPROPERTIES", "SERDEPROPERTIES", "SERDE", "FILEFORMAT", "LOCATION"]))
            }
        }
    }

    fn unset_action(&mut self) -> Result<AlterAction> {
        let is_serde = self.word("SERDEPROPERTIES");
        if !is_serde {
            self.expect("TBLPROPERTIES")?;
        }
        let if_exists = self.if_exists();
        let keys = self.in_parentheses(Self::property)?.into_iter().map(|(key, _)| key).collect();
        Ok(match is_serde {
            true => AlterAction::UnsetSerdeProperties(keys),
            false => AlterAction::UnsetProperties { keys, if_exists },
        })
    }
}
