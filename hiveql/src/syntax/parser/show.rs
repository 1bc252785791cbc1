//! SHOW, DESCRIBE, EXPLAIN.

use super::{Parser, Result};
use crate::syntax::{
    ast::{Describe, Detail, Explain, ExplainKind, Name, Show, Statement},
    lexer::Token,
};

impl Parser<'_> {
    pub(super) fn show(&mut self) -> Result<Statement> {
        let start = self.at;
        self.expect("SHOW")?;
        let show = self.show_kind()?;
        Ok(match show {
            Some(show) => Statement::Show(show),
            None => {
                self.at = start;
                self.unsupported()
            }
        })
    }

    fn show_kind(&mut self) -> Result<Option<Show>> {
        if self.word("DATABASES") || self.word("SCHEMAS") {
            return Ok(Some(Show::Databases { like: self.like_pattern()? }));
        }
        if self.words(&["CREATE", "TABLE"]) || self.words(&["CREATE", "VIEW"]) {
            return Ok(Some(Show::CreateTable(self.object_name()?)));
        }
        if self.words(&["CREATE", "DATABASE"]) || self.words(&["CREATE", "SCHEMA"]) {
            return Ok(Some(Show::CreateDatabase(self.any_name()?)));
        }
        if self.words(&["TABLE", "EXTENDED"]) {
            let database = self.in_database()?;
            self.expect("LIKE")?;
            let like = self.pattern()?;
            return Ok(Some(Show::TableExtended { database, like, partition: self.optional_partition()? }));
        }
        let extended = self.is("EXTENDED") && self.is_at(1, "TABLES");
        self.at += usize::from(extended);
        if self.word("TABLES") {
            let database = self.in_database()?;
            return Ok(Some(Show::Tables { database, like: self.like_pattern()?, extended }));
        }
        let materialized = self.is("MATERIALIZED") && self.is_at(1, "VIEWS");
        self.at += usize::from(materialized);
        if self.word("VIEWS") {
            let database = self.in_database()?;
            return Ok(Some(Show::Views { database, like: self.like_pattern()?, materialized }));
        }
        let sorted = self.word("SORTED");
        if self.word("COLUMNS") {
            return self.show_columns(sorted).map(Some);
        }
        if self.word("PARTITIONS") {
            return self.show_partitions().map(Some);
        }
        self.show_rest()
    }

    fn show_rest(&mut self) -> Result<Option<Show>> {
        Ok(Some(match () {
            () if self.word("FUNCTIONS") => {
                let like = match self.like_pattern()? {
                    None if self.is_string() => Some(self.string()?),
                    like => like,
                };
                Show::Functions { like }
            }
            () if self.word("TBLPROPERTIES") => {
                let table = self.object_name()?;
                let key = match self.symbol("(") {
                    true => {
                        let key = self.string()?;
                        self.expect_symbol(")")?;
                        Some(key)
                    }
                    false => None,
                };
                Show::TableProperties { table, key }
            }
            () if self.word("LOCKS") => {
                self.unsupported();
                Show::Locks
            }
            () if self.word("TRANSACTIONS") => Show::Transactions,
            () if self.word("COMPACTIONS") => {
                self.unsupported();
                Show::Compactions
            }
            () if self.word("CONF") => Show::Conf(self.string()?),
            () if self.words(&["CURRENT", "ROLES"]) => Show::CurrentRoles,
            () if self.words(&["FORMATTED"]) || self.is_one_of(&["INDEX", "INDEXES"]) => {
                self.unsupported();
                Show::Indexes
            }
            () => return Ok(None),
        }))
    }

    fn in_database(&mut self) -> Result<Option<Name>> {
        if self.word("IN") || self.word("FROM") { self.any_name().map(Some) } else { Ok(None) }
    }

    /// `LIKE 'pattern'`, or just the pattern.
    fn like_pattern(&mut self) -> Result<Option<String>> {
        if self.word("LIKE") {
            return self.pattern().map(Some);
        }
        if self.is_string() { self.string().map(Some) } else { Ok(None) }
    }

    fn pattern(&mut self) -> Result<String> {
        match self.is_string() {
            true => self.string(),
            false => {
                let name = self.object_name()?;
                Ok(name.parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("."))
            }
        }
    }

    fn show_columns(&mut self, sorted: bool) -> Result<Show> {
        if !self.word("FROM") {
            self.expect("IN")?;
        }
        let mut table = self.object_name()?;
        if let Some(database) = self.in_database()? {
            table.parts.insert(0, database);
        }
        Ok(Show::Columns { table, like: self.like_pattern()?, sorted })
    }

    fn show_partitions(&mut self) -> Result<Show> {
        let table = self.object_name()?;
        let partition = self.optional_partition()?;
        let filter = if self.word("WHERE") { Some(self.expr()?) } else { None };
        let order_by = if self.words(&["ORDER", "BY"]) { self.list(Self::order_by)? } else { vec![] };
        Ok(Show::Partitions { table, partition, filter, order_by, limit: self.limit()? })
    }

    pub(super) fn describe(&mut self) -> Result<Statement> {
        self.advance();
        if self.word("DATABASE") || self.word("SCHEMA") {
            let extended = self.word("EXTENDED");
            return Ok(Statement::Describe(Describe::Database { name: self.any_name()?, extended }));
        }
        if self.word("FUNCTION") {
            let extended = self.word("EXTENDED");
            return Ok(Statement::Describe(Describe::Function {
                name: self.described_function()?,
                extended,
            }));
        }
        let detail = match () {
            () if self.word("EXTENDED") => Detail::Extended,
            () if self.word("FORMATTED") || self.word("PRETTY") => Detail::Formatted,
            () => Detail::Plain,
        };
        self.word("TABLE");
        let name = self.object_name()?;
        let mut column = vec![];
        let partition = self.optional_partition()?;
        if matches!(self.peek(), Token::Word(_) | Token::Quoted(_)) {
            column.push(self.any_name()?);
            while self.symbol(".") {
                column.push(self.any_name()?);
            }
        }
        let partition = if partition.is_empty() { self.optional_partition()? } else { partition };
        Ok(Statement::Describe(Describe::Table { name, partition, column, detail }))
    }

    /// A name, an operator, or either as a string.
    fn described_function(&mut self) -> Result<String> {
        if self.is_string() {
            return self.string();
        }
        let start = self.here();
        match self.peek() {
            Token::End => return Err(self.unexpected(&["a function"])),
            Token::Quoted(name) => {
                let name = name.clone();
                self.advance();
                return Ok(name);
            }
            _ => self.advance(),
        }
        while self.is_symbol(".") {
            self.advance();
            self.any_name()?;
        }
        Ok(self.slice(self.since(start)))
    }

    pub(super) fn explain(&mut self) -> Result<Statement> {
        self.expect("EXPLAIN")?;
        let mut kind = ExplainKind::Plain;
        let mut formatted = false;
        loop {
            match () {
                () if self.word("EXTENDED") => kind = ExplainKind::Extended,
                () if self.word("FORMATTED") => formatted = true,
                () if self.is("ANALYZE") && !self.is_at(1, "TABLE") => {
                    self.advance();
                    kind = ExplainKind::Analyze;
                }
                () if self.word("CBO") => {
                    kind = ExplainKind::Cbo;
                    if !self.word("COST") {
                        self.word("JOINCOST");
                    }
                }
                () if self.word("DEPENDENCY") => kind = ExplainKind::Dependency,
                () if self.word("AUTHORIZATION") => kind = ExplainKind::Authorization,
                () if self.word("AST") => kind = ExplainKind::Ast,
                () if self.word("LOCKS") => kind = ExplainKind::Locks,
                () if self.word("REOPTIMIZATION") => kind = ExplainKind::Reoptimization,
                () if self.word("LOGICAL") || self.word("DDL") || self.word("DEBUG") => {}
                () if self.word("VECTORIZATION") => {
                    kind = ExplainKind::Vectorization;
                    self.word("ONLY");
                    let _ =
                        ["SUMMARY", "OPERATOR", "EXPRESSION", "DETAIL"].iter().find(|word| self.word(word));
                }
                () => break,
            }
        }
        let statement = Box::new(self.statement()?);
        Ok(Statement::Explain(Explain { kind, formatted, statement }))
    }
}
