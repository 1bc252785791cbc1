//! INSERT in all its forms, LOAD, UPDATE, DELETE, MERGE, EXPORT, IMPORT.

use super::{Parser, Result};
use crate::syntax::ast::{
    Cte, Delete, Expr, Insert, InsertBranch, InsertDirectory, InsertTable, InsertTarget, Load, Merge,
    MergeAction, MergeBranch, Name, PartitionSpec, QueryBody, Span, Statement, TableExpr, Update,
};

impl Parser<'_> {
    /// What begins with WITH or FROM is known only when it goes on.
    pub(super) fn query_or_insert(&mut self) -> Result<Statement> {
        let start = self.here();
        let with = self.with()?;
        if self.is("INSERT") {
            return self.insert(with, start);
        }
        if self.is("FROM") {
            let from_start = self.at;
            self.advance();
            let from = self.tables_of_from()?;
            if self.is("INSERT") {
                return self.multi_insert(with, from, start);
            }
            self.at = from_start;
        }
        // The tail of the query is read with its CTEs in hand.
        let mut query = self.query()?;
        query.with = with.into_iter().chain(query.with).collect();
        query.span = self.since(start);
        Ok(Statement::Query(Box::new(query)))
    }

    fn insert(&mut self, with: Vec<Cte>, start: Span) -> Result<Statement> {
        let target = self.insert_target()?;
        let mut query = self.query()?;
        query.with = with.into_iter().chain(query.with).collect();
        query.span = self.since(start);
        Ok(Statement::Insert(Insert::One { target, query: Box::new(query) }))
    }

    fn multi_insert(&mut self, with: Vec<Cte>, from: Vec<TableExpr>, start: Span) -> Result<Statement> {
        let mut branches = Vec::new();
        while self.is("INSERT") {
            let target = self.insert_target()?;
            let select = self.select_after(Some(vec![]))?;
            let tail = self.query_tail(vec![], QueryBody::Values(vec![]), start)?;
            branches.push(InsertBranch {
                target,
                select,
                order_by: tail.order_by,
                sort_by: tail.sort_by,
                distribute_by: tail.distribute_by,
                cluster_by: tail.cluster_by,
                limit: tail.limit,
            });
        }
        Ok(Statement::Insert(Insert::Multi { with, from, branches, span: self.since(start) }))
    }

    fn insert_target(&mut self) -> Result<InsertTarget> {
        self.expect("INSERT")?;
        let overwrite = self.word("OVERWRITE");
        if !overwrite {
            self.expect("INTO")?;
        }
        if overwrite && (self.is("DIRECTORY") || self.are(&["LOCAL", "DIRECTORY"])) {
            let local = self.word("LOCAL");
            self.expect("DIRECTORY")?;
            let path = self.string()?;
            let row_format = self.row_format()?;
            let format = self.storage_format()?;
            return Ok(InsertTarget::Directory(InsertDirectory { local, path, row_format, format }));
        }
        self.word("TABLE");
        let table = self.object_name()?;
        let partition = self.optional_partition()?;
        let if_not_exists = self.if_not_exists();
        let is_columns = self.is_symbol("(") && !self.begins_query();
        let columns = if is_columns { self.names()? } else { vec![] };
        Ok(InsertTarget::Table(InsertTable { table, overwrite, partition, if_not_exists, columns }))
    }

    /// `PARTITION (a = 1, b)`, or nothing.
    pub(super) fn optional_partition(&mut self) -> Result<PartitionSpec> {
        if self.is("PARTITION") && self.is_symbol_at(1, "(") { self.partition() } else { Ok(vec![]) }
    }

    pub(super) fn partition(&mut self) -> Result<PartitionSpec> {
        self.expect("PARTITION")?;
        self.in_parentheses(|parser| {
            let name = parser.any_name()?;
            let value = if parser.symbol("=") { Some(parser.expr()?) } else { None };
            Ok((name, value))
        })
    }

    pub(super) fn load(&mut self) -> Result<Statement> {
        self.expect_words(&["LOAD", "DATA"])?;
        let local = self.word("LOCAL");
        self.expect("INPATH")?;
        let path = self.string()?;
        let overwrite = self.word("OVERWRITE");
        self.expect_words(&["INTO", "TABLE"])?;
        let table = self.object_name()?;
        let partition = self.optional_partition()?;
        if self.word("INPUTFORMAT") {
            self.string()?;
            self.expect("SERDE")?;
            self.string()?;
        }
        Ok(Statement::Load(Load { local, path, overwrite, table, partition }))
    }

    pub(super) fn update(&mut self) -> Result<Statement> {
        self.expect("UPDATE")?;
        let table = self.object_name()?;
        self.expect("SET")?;
        let assignments = self.list(Self::assignment)?;
        let filter = if self.word("WHERE") { Some(self.expr()?) } else { None };
        Ok(Statement::Update(Update { table, assignments, filter }))
    }

    fn assignment(&mut self) -> Result<(Name, Expr)> {
        let mut name = self.name()?;
        if self.symbol(".") {
            name = self.any_name()?;
        }
        self.expect_symbol("=")?;
        Ok((name, self.expr()?))
    }

    pub(super) fn delete(&mut self) -> Result<Statement> {
        self.expect_words(&["DELETE", "FROM"])?;
        let table = self.object_name()?;
        let filter = if self.word("WHERE") { Some(self.expr()?) } else { None };
        Ok(Statement::Delete(Delete { table, filter }))
    }

    pub(super) fn merge(&mut self) -> Result<Statement> {
        self.expect("MERGE")?;
        self.hints();
        self.expect("INTO")?;
        let target = self.object_name()?;
        self.word("AS");
        let alias = if self.is_alias() { Some(self.name()?) } else { None };
        self.expect("USING")?;
        let mut sources = self.tables_of_from()?;
        let source = match (sources.pop(), sources.is_empty()) {
            (Some(source), true) => source,
            _ => return Err(self.unexpected(&["one source"])),
        };
        self.expect("ON")?;
        let on = self.expr()?;
        let mut branches = Vec::new();
        while self.word("WHEN") {
            branches.push(self.merge_branch()?);
        }
        Ok(Statement::Merge(Box::new(Merge { target, alias, source, on, branches })))
    }

    fn merge_branch(&mut self) -> Result<MergeBranch> {
        let matched = !self.word("NOT");
        self.expect("MATCHED")?;
        let condition = if self.word("AND") { Some(self.expr()?) } else { None };
        self.expect("THEN")?;
        let action = if self.word("UPDATE") {
            self.expect("SET")?;
            MergeAction::Update(self.list(Self::assignment)?)
        } else if self.word("DELETE") {
            MergeAction::Delete
        } else {
            self.expect("INSERT")?;
            let columns = if self.is_symbol("(") { self.names()? } else { vec![] };
            self.expect("VALUES")?;
            let values = match self.is_symbol("(") {
                true => self.in_parentheses(Self::expr)?,
                false => self.list(Self::expr)?,
            };
            MergeAction::Insert { columns, values }
        };
        Ok(MergeBranch { matched, condition, action })
    }

    pub(super) fn export(&mut self) -> Result<Statement> {
        self.expect_words(&["EXPORT", "TABLE"])?;
        let table = self.object_name()?;
        let partition = self.optional_partition()?;
        self.expect("TO")?;
        Ok(Statement::Export { table, partition, path: self.string()? })
    }

    pub(super) fn import(&mut self) -> Result<Statement> {
        self.expect("IMPORT")?;
        let external = self.word("EXTERNAL");
        let table = if self.word("TABLE") { Some(self.object_name()?) } else { None };
        let partition = self.optional_partition()?;
        self.expect("FROM")?;
        let path = self.string()?;
        let location = if self.word("LOCATION") { Some(self.string()?) } else { None };
        Ok(Statement::Import { table, external, partition, path, location })
    }
}
