//! FROM: tables, queries, joins, lateral views, samples.

use super::{Parser, Result};
use crate::syntax::{
    ast::{
        Join, JoinCondition, JoinKind, LateralView, Name, ObjectName, Sample, Span, TableExpr, TableRef,
        UniqueJoinInput,
    },
    error::SyntaxError,
    lexer::Token,
};

impl Parser<'_> {
    /// Tables with commas between them.
    pub(super) fn tables_of_from(&mut self) -> Result<Vec<TableExpr>> {
        if self.word("UNIQUEJOIN") {
            return Ok(vec![self.unique_join()?]);
        }
        let start = self.here();
        let mut all = self.joined()?;
        // A comma is a join, and binds as JOIN does: what follows it sees all that stands before.
        while self.symbol(",") {
            let right = self.table_with_views()?;
            let span = self.since(start);
            let (kind, condition) = (JoinKind::Inner, JoinCondition::None);
            let both = TableExpr::Join(Box::new(Join { left: all, right, kind, condition, span }));
            all = self.joined_to(both, start)?;
        }
        while self.are(&["LATERAL", "VIEW"]) {
            all = self.with_view(all)?;
        }
        Ok(vec![all])
    }

    /// Tables with JOIN between them, and lateral views anywhere.
    #[recursive::recursive]
    fn joined(&mut self) -> Result<TableExpr> {
        let start = self.here();
        let first = self.table_with_views()?;
        self.joined_to(first, start)
    }

    fn joined_to(&mut self, first: TableExpr, start: Span) -> Result<TableExpr> {
        let mut left = first;
        while let Some((kind, natural)) = self.join_kind()? {
            let right = self.table_with_views()?;
            let condition = match () {
                () if natural => JoinCondition::Natural,
                () if self.word("ON") => JoinCondition::On(self.expr()?),
                () if self.word("USING") => JoinCondition::Using(self.names()?),
                () => JoinCondition::None,
            };
            let span = self.since(start);
            left = TableExpr::Join(Box::new(Join { left, right, kind, condition, span }));
            while self.are(&["LATERAL", "VIEW"]) {
                left = self.with_view(left)?;
            }
        }
        Ok(left)
    }

    fn join_kind(&mut self) -> Result<Option<(JoinKind, bool)>> {
        let natural = self.word("NATURAL");
        let kind = match () {
            () if self.words(&["LEFT", "SEMI"]) || self.words(&["SEMI"]) => JoinKind::LeftSemi,
            () if self.words(&["LEFT", "ANTI"]) || self.words(&["ANTI"]) => JoinKind::LeftAnti,
            () if self.word("LEFT") => self.outer(JoinKind::Left),
            () if self.word("RIGHT") => self.outer(JoinKind::Right),
            () if self.word("FULL") => self.outer(JoinKind::Full),
            () if self.word("INNER") => JoinKind::Inner,
            () if self.word("CROSS") => JoinKind::Cross,
            () if self.is("JOIN") => JoinKind::Inner,
            () if natural => return Err(self.unexpected(&["JOIN"])),
            () => return Ok(None),
        };
        self.expect("JOIN")?;
        Ok(Some((kind, natural)))
    }

    fn outer(&mut self, kind: JoinKind) -> JoinKind {
        self.word("OUTER");
        kind
    }

    fn table_with_views(&mut self) -> Result<TableExpr> {
        let mut table = self.table()?;
        while self.are(&["LATERAL", "VIEW"]) {
            table = self.with_view(table)?;
        }
        Ok(table)
    }

    fn table(&mut self) -> Result<TableExpr> {
        let start = self.here();
        if self.is_symbol("(") {
            return self.table_in_parentheses(start);
        }
        let lateral = self.word("LATERAL");
        if self.is("TABLE") && self.is_symbol_at(1, "(") {
            self.at += 2;
            if self.is("VALUES") {
                let query = Box::new(self.query()?);
                self.expect_symbol(")")?;
                let (alias, columns) = self.table_alias()?;
                return Ok(TableExpr::Derived { query, alias, columns, lateral, span: self.since(start) });
            }
            let name = self.object_name()?;
            let call = Box::new(self.function_call(name)?);
            self.expect_symbol(")")?;
            let (alias, columns) = self.table_alias()?;
            return Ok(TableExpr::Function { call, alias, columns, span: self.since(start) });
        }
        if lateral {
            return self.table_in_parentheses(start);
        }
        let name = self.object_name()?;
        if self.is_symbol("(") && !matches!(self.peek_at(1), Token::String(_)) {
            let call = Box::new(self.function_call(name)?);
            let (alias, columns) = self.table_alias()?;
            return Ok(TableExpr::Function { call, alias, columns, span: self.since(start) });
        }
        let properties = if self.is_symbol("(") { self.in_parentheses(Self::property)? } else { vec![] };
        let mut sample = self.sample()?;
        let alias = self.optional_alias()?;
        if sample.is_none() {
            sample = self.sample()?;
        }
        Ok(TableExpr::Table(TableRef { name, alias, sample, properties, span: self.since(start) }))
    }

    /// `(query) alias`, or joins in parentheses.
    fn table_in_parentheses(&mut self, start: Span) -> Result<TableExpr> {
        if self.begins_query() {
            // `((SELECT ...) UNION (SELECT ...)) t`, but also `((SELECT ...) a JOIN b)`.
            let query = self.attempt(|parser| {
                parser.expect_symbol("(")?;
                let query = Box::new(parser.query()?);
                parser.expect_symbol(")")?;
                Ok(query)
            });
            if let Some(query) = query {
                let (alias, columns) = self.table_alias()?;
                return Ok(TableExpr::Derived {
                    query,
                    alias,
                    columns,
                    lateral: false,
                    span: self.since(start),
                });
            }
        }
        self.expect_symbol("(")?;
        // What fails inside of a query is told from there, not as a table that is missing.
        let begins = self.begins_query() && !self.is_symbol("(");
        if begins {
            let query = Box::new(self.query()?);
            self.expect_symbol(")")?;
            let (alias, columns) = self.table_alias()?;
            return Ok(TableExpr::Derived { query, alias, columns, lateral: false, span: self.since(start) });
        }
        let table = self.joined()?;
        self.expect_symbol(")")?;
        Ok(table)
    }

    fn optional_alias(&mut self) -> Result<Option<Name>> {
        if self.word("AS") {
            return self.name().map(Some);
        }
        if self.is_alias() { self.name().map(Some) } else { Ok(None) }
    }

    fn table_alias(&mut self) -> Result<(Option<Name>, Vec<Name>)> {
        let alias = self.optional_alias()?;
        let columns = if alias.is_some() && self.is_symbol("(") { self.names()? } else { vec![] };
        Ok((alias, columns))
    }

    fn with_view(&mut self, input: TableExpr) -> Result<TableExpr> {
        Ok(TableExpr::LateralView { input: Box::new(input), view: self.lateral_view()? })
    }

    /// `LATERAL VIEW [OUTER] f(x) alias [AS a, b]`
    pub(super) fn lateral_view(&mut self) -> Result<LateralView> {
        let start = self.here();
        self.expect_words(&["LATERAL", "VIEW"])?;
        let outer = self.word("OUTER");
        let name = self.any_name()?;
        let call = self.function_call(ObjectName { span: name.span, parts: vec![name] })?;
        let alias = self.name()?;
        let columns = match self.word("AS") {
            true if self.is_symbol("(") => self.names()?,
            true => self.view_columns()?,
            false => vec![],
        };
        Ok(LateralView { outer, call, alias, columns, span: self.since(start) })
    }

    /// Names with commas; a comma before another table of FROM ends them.
    fn view_columns(&mut self) -> Result<Vec<Name>> {
        let mut columns = vec![self.name()?];
        while self.is_symbol(",") && self.is_name_at(1) {
            self.advance();
            columns.push(self.name()?);
        }
        Ok(columns)
    }

    fn sample(&mut self) -> Result<Option<Sample>> {
        if !self.word("TABLESAMPLE") {
            return Ok(None);
        }
        self.expect_symbol("(")?;
        let sample = if self.word("BUCKET") {
            let bucket = self.integer()?;
            self.expect_words(&["OUT", "OF"])?;
            let of = self.integer()?;
            let on = if self.word("ON") { self.list(Self::expr)? } else { vec![] };
            Sample::Bucket { bucket, of, on }
        } else {
            self.sample_size()?
        };
        self.expect_symbol(")")?;
        Ok(Some(sample))
    }

    /// `10 PERCENT`, `10 ROWS`, `10M`
    fn sample_size(&mut self) -> Result<Sample> {
        let start = self.here();
        let expected = self.unexpected(&["BUCKET", "a number"]);
        let Token::Number { digits, suffix } = self.peek().clone() else { return Err(expected) };
        self.advance();
        if self.word("PERCENT") {
            return digits.parse().map(Sample::Percent).map_err(|_| expected);
        }
        if self.word("ROWS") {
            return digits.parse().map(Sample::Rows).map_err(|_| expected);
        }
        let unit: u64 = match suffix.to_ascii_uppercase().as_str() {
            "B" => 1,
            "K" => 1 << 10,
            "M" => 1 << 20,
            "G" => 1 << 30,
            _ => {
                return Err(SyntaxError::because(
                    "a sample is a number of ROWS, PERCENT or bytes (B, K, M, G)",
                    self.since(start),
                ));
            }
        };
        let count: u64 = digits.parse().map_err(|_| expected)?;
        Ok(Sample::Bytes(count.saturating_mul(unit)))
    }

    /// `PRESERVE a (a.k), b (b.k)`
    fn unique_join(&mut self) -> Result<TableExpr> {
        let start = self.here();
        let inputs = self.list(|parser| {
            let preserve = parser.word("PRESERVE");
            let table_start = parser.here();
            let name = parser.object_name()?;
            let alias = parser.optional_alias()?;
            let span = parser.since(table_start);
            let table = TableExpr::Table(TableRef { name, alias, sample: None, properties: vec![], span });
            let keys = parser.in_parentheses(Self::expr)?;
            Ok(UniqueJoinInput { preserve, table, keys })
        })?;
        Ok(TableExpr::UniqueJoin { inputs, span: self.since(start) })
    }
}
