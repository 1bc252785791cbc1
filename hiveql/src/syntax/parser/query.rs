//! Queries: CTEs, set operations, SELECT and its clauses.

use super::{Parser, Result};
use crate::syntax::{
    ast::{
        Cte, Expr, ExprKind, GroupBy, GroupingSets, Hint, Limit, Name, Query, QueryBody, Select, SelectItem,
        SelectItems, SetOp, Span, TableExpr, Transform, WindowSpec,
    },
    error::SyntaxError,
    lexer::Token,
};

impl Parser<'_> {
    /// Whether a query begins here, however many parentheses it hides in.
    pub(super) fn begins_query(&self) -> bool {
        let mut ahead = 0;
        while self.is_symbol_at(ahead, "(") {
            ahead += 1;
        }
        ["SELECT", "FROM", "WITH", "VALUES", "MAP", "REDUCE"].iter().any(|word| self.is_at(ahead, word))
            && !(matches!(self.peek_at(ahead), Token::Word(word) if word.eq_ignore_ascii_case("map"))
                && self.is_symbol_at(ahead + 1, "("))
    }

    #[recursive::recursive]
    pub(super) fn query(&mut self) -> Result<Query> {
        let start = self.here();
        let with = self.with()?;
        let body = self.body()?;
        self.query_tail(with, body, start)
    }

    /// ORDER BY and its like, after a body.
    pub(super) fn query_tail(&mut self, with: Vec<Cte>, body: QueryBody, start: Span) -> Result<Query> {
        let mut query = Query { with, ..query_of(body, start) };
        loop {
            if self.words(&["ORDER", "BY"]) {
                query.order_by = self.list(Self::order_by)?;
            } else if self.words(&["SORT", "BY"]) {
                query.sort_by = self.keys(Self::order_by)?;
            } else if self.words(&["DISTRIBUTE", "BY"]) {
                query.distribute_by = self.keys(Self::expr)?;
            } else if self.words(&["CLUSTER", "BY"]) {
                query.cluster_by = self.keys(Self::expr)?;
            } else {
                break;
            }
        }
        query.limit = self.limit()?;
        query.span = self.since(start);
        Ok(query)
    }

    /// `a, b`, also in parentheses around all of it.
    fn keys<T>(&mut self, rule: fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        if self.is_symbol("(") {
            let keys = self.attempt(|parser| match parser.in_parentheses(rule)? {
                keys if keys.len() > 1 => Ok(keys),
                _ => Err(parser.unexpected(&[","])),
            });
            if let Some(keys) = keys {
                return Ok(keys);
            }
        }
        self.list(rule)
    }

    pub(super) fn with(&mut self) -> Result<Vec<Cte>> {
        if !self.word("WITH") {
            return Ok(vec![]);
        }
        self.list(|parser| {
            let name = parser.name()?;
            let columns = if parser.is_symbol("(") { parser.names()? } else { vec![] };
            parser.expect("AS")?;
            parser.expect_symbol("(")?;
            let query = parser.query()?;
            parser.expect_symbol(")")?;
            Ok(Cte { name, columns, query })
        })
    }

    pub(super) fn limit(&mut self) -> Result<Option<Limit>> {
        if !self.word("LIMIT") {
            return Ok(None);
        }
        if self.word("ALL") {
            return Ok(None);
        }
        let first = self.integer()?;
        if self.symbol(",") {
            return Ok(Some(Limit { offset: first, rows: self.integer()? }));
        }
        let offset = if self.word("OFFSET") { self.integer()? } else { 0 };
        Ok(Some(Limit { rows: first, offset }))
    }

    /// Set operations from the left: in Hive none binds more than another.
    fn body(&mut self) -> Result<QueryBody> {
        let start = self.here();
        let mut left = self.body_operand()?;
        loop {
            let op = match () {
                () if self.is("UNION") => SetOp::Union,
                () if self.is("EXCEPT") || self.is("MINUS") => SetOp::Except,
                () if self.is("INTERSECT") => SetOp::Intersect,
                () => return Ok(left),
            };
            self.advance();
            let all = self.word("ALL");
            if !all {
                self.word("DISTINCT");
            }
            let right = Box::new(self.body_operand()?);
            left = QueryBody::SetOperation { op, all, left: Box::new(left), right, span: self.since(start) };
        }
    }

    fn body_operand(&mut self) -> Result<QueryBody> {
        if self.symbol("(") {
            let query = self.query()?;
            self.expect_symbol(")")?;
            return Ok(QueryBody::Query(Box::new(query)));
        }
        if self.word("VALUES") {
            return self.values();
        }
        Ok(QueryBody::Select(Box::new(self.select()?)))
    }

    /// Rows in parentheses; a single value may stand without. The first row may name the columns.
    fn values(&mut self) -> Result<QueryBody> {
        let start = self.here();
        let rows = self.list(|parser| match parser.is_symbol("(") {
            true => parser.in_parentheses(Self::select_item),
            false => Ok(vec![SelectItem { expr: parser.expr()?, aliases: vec![] }]),
        })?;
        let names: Vec<Option<Name>> =
            rows.iter().take(1).flatten().map(|item| item.aliases.first().cloned()).collect();
        let rows = rows.into_iter().map(|row| row.into_iter().map(|item| item.expr).collect()).collect();
        let body = QueryBody::Values(rows);
        if names.iter().all(Option::is_none) {
            return Ok(body);
        }
        let span = self.since(start);
        let implied = |index: usize| Name { text: format!("col{}", index + 1), quoted: false, span };
        let columns = names.into_iter().enumerate();
        let columns = columns.map(|(index, name)| name.unwrap_or_else(|| implied(index))).collect();
        let query = Box::new(query_of(body, span));
        let from = TableExpr::Derived { query, alias: None, columns, lateral: false, span };
        let star = SelectItem { expr: Expr { kind: ExprKind::Star(None), span }, aliases: vec![] };
        Ok(QueryBody::Select(Box::new(Select {
            from: vec![from],
            ..select_of(SelectItems::List(vec![star]), span)
        })))
    }

    /// `SELECT ... FROM ...`, `FROM ... SELECT ...`, `MAP ... USING ...`, `FROM ... REDUCE ...`
    fn select(&mut self) -> Result<Select> {
        let from = if self.word("FROM") { Some(self.tables_of_from()?) } else { None };
        self.select_after(from)
    }

    /// `from`: what stood in front of SELECT.
    pub(super) fn select_after(&mut self, from: Option<Vec<TableExpr>>) -> Result<Select> {
        let start = self.here();
        let is_script = self.is("MAP") || self.is("REDUCE");
        if !is_script && !self.word("SELECT") {
            return Err(self.unexpected(&["SELECT"]));
        }
        let hints = self.hints();
        let mut distinct = false;
        if !is_script {
            distinct = self.word("DISTINCT");
            if !distinct {
                self.word("ALL");
            }
        }
        let items = match is_script || (self.is("TRANSFORM") && self.is_symbol_at(1, "(")) {
            true => SelectItems::Transform(Box::new(self.transform()?)),
            false => SelectItems::List(self.list(Self::select_item)?),
        };
        let from = match from {
            Some(from) => from,
            None if self.word("FROM") => self.tables_of_from()?,
            None => vec![],
        };
        let mut select = Select { hints, distinct, from, ..select_of(items, start) };
        self.select_clauses(&mut select)?;
        select.span = self.since(start);
        Ok(select)
    }

    fn select_clauses(&mut self, select: &mut Select) -> Result<()> {
        // After a FROM in front, a lateral view may follow the select list.
        while self.are(&["LATERAL", "VIEW"]) {
            select.views.push(self.lateral_view()?);
        }
        if self.word("WHERE") {
            select.filter = Some(self.expr()?);
        }
        if self.words(&["GROUP", "BY"]) {
            select.group_by = Some(self.group_by()?);
        }
        if self.word("HAVING") {
            select.having = Some(self.expr()?);
        }
        if self.word("WINDOW") {
            select.windows = self.list(Self::named_window)?;
        }
        if self.word("QUALIFY") {
            select.qualify = Some(self.expr()?);
        }
        if select.windows.is_empty() && self.word("WINDOW") {
            select.windows = self.list(Self::named_window)?;
        }
        Ok(())
    }

    fn named_window(&mut self) -> Result<(Name, WindowSpec)> {
        let name = self.name()?;
        self.expect("AS")?;
        match self.is_symbol("(") {
            true => Ok((name, self.window_spec()?)),
            false => Ok((name, WindowSpec { base: Some(self.name()?), ..WindowSpec::default() })),
        }
    }

    /// `/*+ NAME(a, b), OTHER */`; what cannot be read is ignored, as hints are.
    pub(super) fn hints(&mut self) -> Vec<Hint> {
        let mut hints = Vec::new();
        while let Token::Hint(text) = self.peek() {
            let text = text.clone();
            self.advance();
            for part in text.split(')').map(|part| part.trim_matches([' ', ',', '\n', '\t'])) {
                let (name, args) = part.split_once('(').unwrap_or((part, ""));
                if name.is_empty() {
                    continue;
                }
                let args = args.split(',').map(|arg| arg.trim().to_owned()).filter(|arg| !arg.is_empty());
                hints.push(Hint { name: name.trim().to_uppercase(), args: args.collect() });
            }
        }
        hints
    }

    fn select_item(&mut self) -> Result<SelectItem> {
        let expr = self.expr()?;
        let aliases = if self.word("AS") {
            if self.is_symbol("(") { self.names()? } else { vec![self.alias_name()?] }
        } else if self.is_alias() && !matches!(expr.kind, ExprKind::Star(_)) {
            vec![self.name()?]
        } else {
            vec![]
        };
        Ok(SelectItem { expr, aliases })
    }

    /// After AS a string may name a column.
    fn alias_name(&mut self) -> Result<Name> {
        let span = self.here();
        if self.is_string() {
            return Ok(Name { text: self.string()?, quoted: true, span });
        }
        self.name()
    }

    fn group_by(&mut self) -> Result<GroupBy> {
        let start = self.here();
        for (word, sets) in [("CUBE", GroupingSets::Cube), ("ROLLUP", GroupingSets::Rollup)] {
            if self.is(word) && self.is_symbol_at(1, "(") {
                self.advance();
                let exprs = self.in_parentheses(Self::expr)?;
                return Ok(GroupBy { exprs, sets, span: self.since(start) });
            }
        }
        if self.are(&["GROUPING", "SETS"]) {
            let sets = self.grouping_sets()?;
            let mut exprs: Vec<Expr> = Vec::new();
            for expr in sets.iter().flatten() {
                if !exprs.contains(expr) {
                    exprs.push(expr.clone());
                }
            }
            return Ok(GroupBy { exprs, sets: GroupingSets::Sets(sets), span: self.since(start) });
        }
        if self.is_symbol("(") && self.is_symbol_at(1, ")") {
            self.at += 2;
            return Ok(GroupBy { exprs: vec![], sets: GroupingSets::None, span: self.since(start) });
        }
        let exprs = match self.list(Self::expr)? {
            // `GROUP BY (a, b)` is `GROUP BY a, b`.
            exprs if exprs.len() == 1 => match exprs.into_iter().next() {
                Some(Expr { kind: ExprKind::Tuple(exprs), .. }) => exprs,
                only => only.into_iter().collect(),
            },
            exprs => exprs,
        };
        let sets = if self.are(&["GROUPING", "SETS"]) {
            GroupingSets::Sets(self.grouping_sets()?)
        } else if self.words(&["WITH", "CUBE"]) {
            GroupingSets::Cube
        } else if self.words(&["WITH", "ROLLUP"]) {
            GroupingSets::Rollup
        } else {
            GroupingSets::None
        };
        Ok(GroupBy { exprs, sets, span: self.since(start) })
    }

    /// `GROUPING SETS ((a, b), a, ())`
    fn grouping_sets(&mut self) -> Result<Vec<Vec<Expr>>> {
        self.expect_words(&["GROUPING", "SETS"])?;
        self.in_parentheses(|parser| {
            if parser.is_symbol("(") && parser.is_symbol_at(1, ")") {
                parser.at += 2;
                return Ok(vec![]);
            }
            let expr = parser.expr()?;
            Ok(match expr.kind {
                ExprKind::Tuple(exprs) => exprs,
                _ => vec![expr],
            })
        })
    }

    /// `TRANSFORM (a, b)`, `MAP a, b`, `REDUCE a, b`, and what follows them.
    fn transform(&mut self) -> Result<Transform> {
        let start = self.here();
        self.advance();
        let args = match self.is_symbol("(") {
            true => self.attempt(|parser| {
                let args = parser.in_parentheses(Self::expr)?;
                if parser.is_one_of(&["ROW", "USING", "RECORDWRITER"]) {
                    Ok(args)
                } else {
                    Err(parser.unexpected(&["USING"]))
                }
            }),
            false => None,
        };
        let args = match args {
            Some(args) => args,
            None => self.list(Self::expr)?,
        };
        let input_format = self.row_format()?;
        let record_writer = if self.word("RECORDWRITER") { Some(self.string()?) } else { None };
        self.expect("USING")?;
        let command = self.string()?;
        let mut columns = vec![];
        if self.word("AS") {
            columns = match self.is_symbol("(") {
                true => self.in_parentheses(Self::transform_column)?,
                false => self.list(Self::transform_column)?,
            };
        }
        let output_format = self.row_format()?;
        let record_reader = if self.word("RECORDREADER") { Some(self.string()?) } else { None };
        if command.trim().is_empty() {
            return Err(SyntaxError::because("the command after USING is empty", self.since(start)));
        }
        let span = self.since(start);
        Ok(Transform {
            args,
            input_format,
            record_writer,
            command,
            columns,
            output_format,
            record_reader,
            span,
        })
    }

    fn transform_column(&mut self) -> Result<(Name, Option<crate::types::HiveType>)> {
        let name = self.name()?;
        let ends = matches!(self.peek(), Token::Symbol(_) | Token::End)
            || self.is_one_of(&[
                "ROW",
                "FROM",
                "RECORDREADER",
                "WHERE",
                "SORT",
                "CLUSTER",
                "DISTRIBUTE",
                "ORDER",
                "LIMIT",
                "LATERAL",
                "UNION",
            ]);
        let ty = if ends { None } else { Some(self.data_type()?) };
        Ok((name, ty))
    }
}

/// A query that is nothing but its body.
fn query_of(body: QueryBody, span: Span) -> Query {
    Query {
        with: vec![],
        body,
        order_by: vec![],
        sort_by: vec![],
        distribute_by: vec![],
        cluster_by: vec![],
        limit: None,
        span,
    }
}

/// A SELECT that is nothing but its list.
fn select_of(items: SelectItems, span: Span) -> Select {
    Select {
        hints: vec![],
        distinct: false,
        items,
        from: vec![],
        views: vec![],
        filter: None,
        group_by: None,
        having: None,
        qualify: None,
        windows: vec![],
        span,
    }
}
