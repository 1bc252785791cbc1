//! Operands: literals, names, calls, and what is written like a call.

use super::{NOT_AN_ALIAS, Parser, Result, is_reserved};
use crate::syntax::{
    ast::{
        DateField, Expr, ExprKind, FrameBound, FrameUnit, FunctionCall, IntervalUnit, Literal, Name,
        NumberSuffix, ObjectName, Window, WindowFrame, WindowSpec,
    },
    error::SyntaxError,
    lexer::Token,
};

/// Reserved words that are called like functions.
const CALLED: &[&str] = &[
    "ARRAY",
    "BIGINT",
    "BINARY",
    "BOOLEAN",
    "CHAR",
    "CURRENT_DATE",
    "CURRENT_TIMESTAMP",
    "DATE",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "FLOOR",
    "GROUPING",
    "IF",
    "INT",
    "LEFT",
    "MAP",
    "RIGHT",
    "SMALLINT",
    "TIMESTAMP",
    "VARCHAR",
    "TRUNCATE",
    "REGEXP",
    "RLIKE",
    "LIKE",
    "IN",
    "BETWEEN",
    "NOT",
    "AND",
    "OR",
];
/// Reserved words that are values.
const VALUES: &[&str] = &["CURRENT_DATE", "CURRENT_TIMESTAMP"];

impl Parser<'_> {
    pub(super) fn operand(&mut self) -> Result<Expr> {
        let start = self.here();
        let kind = self.operand_kind()?;
        Ok(Expr { kind, span: self.since(start) })
    }

    fn operand_kind(&mut self) -> Result<ExprKind> {
        match self.peek().clone() {
            Token::String(_) => self.strings(),
            Token::Number { digits, suffix } => self.number(digits, &suffix),
            Token::Quoted(_) => self.name_or_call(),
            Token::Symbol("(") => self.parentheses(),
            Token::Symbol("*") => {
                self.advance();
                Ok(ExprKind::Star(None))
            }
            Token::Word(word) => self.keyword_operand(&word.to_ascii_uppercase()),
            _ => Err(self.unexpected(&["an expression"])),
        }
    }

    /// Strings that stand beside each other are one.
    fn strings(&mut self) -> Result<ExprKind> {
        let mut text = self.string()?;
        while self.is_string() {
            text.push_str(&self.string()?);
        }
        // `'3' days`
        if let Some(unit) = self.unit_after_value() {
            let value = Expr { kind: ExprKind::Literal(Literal::String(text)), span: self.last() };
            return Ok(ExprKind::Interval { value: Box::new(value), unit });
        }
        Ok(ExprKind::Literal(Literal::String(text)))
    }

    fn number(&mut self, digits: String, suffix: &str) -> Result<ExprKind> {
        let span = self.here();
        self.advance();
        let suffix = match suffix.to_ascii_uppercase().as_str() {
            "" => None,
            "Y" => Some(NumberSuffix::TinyInt),
            "S" => Some(NumberSuffix::SmallInt),
            "L" => Some(NumberSuffix::BigInt),
            "BD" => Some(NumberSuffix::Decimal),
            "D" => Some(NumberSuffix::Double),
            "F" => Some(NumberSuffix::Float),
            _ => {
                return Err(SyntaxError::because(
                    "a number with letters that are no suffix of a number",
                    span,
                ));
            }
        };
        if let Some(suffix) = suffix {
            return Ok(ExprKind::Literal(Literal::Typed(digits, suffix)));
        }
        let literal = ExprKind::Literal(Literal::Number(digits));
        match self.unit_after_value() {
            Some(unit) => Ok(ExprKind::Interval { value: Box::new(Expr { kind: literal, span }), unit }),
            None => Ok(literal),
        }
    }

    /// `3 days`, without INTERVAL. A singular could be an alias, so it counts only where no alias could stand.
    fn unit_after_value(&mut self) -> Option<IntervalUnit> {
        let Token::Word(word) = self.peek() else { return None };
        let lower = word.to_lowercase();
        let is_certain = lower.ends_with('s') || matches!(self.peek_at(1), Token::Symbol("+" | "-" | ")"));
        let unit = unit(&lower).filter(|_| is_certain)?;
        self.advance();
        Some(unit)
    }

    /// `(3) day`: here a singular counts too.
    fn unit_after_parentheses(&mut self) -> Option<IntervalUnit> {
        let Token::Word(word) = self.peek() else { return None };
        let unit = unit(&word.to_lowercase())?;
        self.advance();
        Some(unit)
    }

    fn keyword_operand(&mut self, word: &str) -> Result<ExprKind> {
        let is_call = self.is_symbol_at(1, "(");
        let is_string_next = matches!(self.peek_at(1), Token::String(_));
        match word {
            "NULL" => self.literal(Literal::Null),
            "TRUE" => self.literal(Literal::Boolean(true)),
            "FALSE" => self.literal(Literal::Boolean(false)),
            "DATE" if is_string_next => {
                self.advance();
                Ok(ExprKind::Literal(Literal::Date(self.string()?)))
            }
            "TIMESTAMP" if is_string_next => {
                self.advance();
                Ok(ExprKind::Literal(Literal::Timestamp(self.string()?)))
            }
            "TIMESTAMPLOCALTZ" if is_string_next => {
                self.advance();
                Ok(ExprKind::Literal(Literal::TimestampLocalTz(self.string()?)))
            }
            "TIMESTAMP" if self.are(&["TIMESTAMP", "WITH", "LOCAL", "TIME", "ZONE"]) => {
                self.at += 5;
                Ok(ExprKind::Literal(Literal::TimestampLocalTz(self.string()?)))
            }
            "INTERVAL" => self.interval(),
            "CASE" => self.case(),
            "CAST" if is_call => self.cast(),
            "EXTRACT" if is_call => self.extract(),
            "FLOOR" if is_call => self.floor(),
            "EXISTS" if is_call => {
                self.at += 2;
                let query = Box::new(self.query()?);
                self.expect_symbol(")")?;
                Ok(ExprKind::Exists(query))
            }
            "TRIM" | "SUBSTRING" | "POSITION" if is_call => self.keyword_call(word),
            _ if is_call && CALLED.contains(&word) => self.name_or_call(),
            _ if VALUES.contains(&word) => Ok(ExprKind::Name(self.any_name()?)),
            _ if is_reserved(word) => Err(self.unexpected(&["an expression"])),
            _ => self.name_or_call(),
        }
    }

    fn literal(&mut self, literal: Literal) -> Result<ExprKind> {
        self.advance();
        Ok(ExprKind::Literal(literal))
    }

    /// `(query)`, `(expr)`, `(expr, expr)`
    fn parentheses(&mut self) -> Result<ExprKind> {
        self.expect_symbol("(")?;
        if self.begins_query() {
            let query = Box::new(self.query()?);
            self.expect_symbol(")")?;
            return Ok(ExprKind::Query(query));
        }
        let mut items = self.list(Self::expr)?;
        self.expect_symbol(")")?;
        match (items.len(), items.pop()) {
            (1, Some(only)) => match self.unit_after_parentheses() {
                Some(unit) => Ok(ExprKind::Interval { value: Box::new(only), unit }),
                None => Ok(only.kind),
            },
            (_, last) => Ok(ExprKind::Tuple(items.into_iter().chain(last).collect())),
        }
    }

    /// `name`, `t.*`, `f(...)`, `db.f(...)`
    fn name_or_call(&mut self) -> Result<ExprKind> {
        let start = self.here();
        let first = self.any_name()?;
        if self.is_symbol("(") {
            let name = ObjectName { span: first.span, parts: vec![first] };
            return self.call(name);
        }
        let mut parts = vec![first];
        let mut ahead = 0;
        while self.is_symbol_at(ahead, ".")
            && matches!(self.peek_at(ahead + 1), Token::Word(_) | Token::Quoted(_))
        {
            ahead += 2;
        }
        let is_star = self.is_symbol_at(ahead, ".") && self.is_symbol_at(ahead + 1, "*");
        let is_call = ahead == 2 && self.is_symbol_at(2, "(");
        if !is_star && !is_call {
            return Ok(parts.pop().map_or(ExprKind::Star(None), ExprKind::Name));
        }
        for _ in 0..ahead / 2 {
            self.advance();
            parts.push(self.any_name()?);
        }
        let name = ObjectName { parts, span: self.since(start) };
        if is_call {
            return self.call(name);
        }
        self.at += 2;
        Ok(ExprKind::Star(Some(name)))
    }

    pub(super) fn call(&mut self, name: ObjectName) -> Result<ExprKind> {
        Ok(ExprKind::Function(Box::new(self.function_call(name)?)))
    }

    /// From the opening parenthesis on, with FILTER, WITHIN GROUP and OVER.
    pub(super) fn function_call(&mut self, name: ObjectName) -> Result<FunctionCall> {
        self.expect_symbol("(")?;
        let distinct = self.word("DISTINCT");
        if !distinct {
            self.word("ALL");
        }
        let mut call = FunctionCall {
            name,
            distinct,
            args: vec![],
            within_group: vec![],
            filter: None,
            ignore_nulls: None,
            over: None,
        };
        if !self.is_symbol(")") {
            call.args = self.list(Self::argument)?;
        }
        call.ignore_nulls = self.null_treatment();
        self.expect_symbol(")")?;
        if self.words(&["WITHIN", "GROUP"]) {
            self.expect_symbol("(")?;
            self.expect_words(&["ORDER", "BY"])?;
            call.within_group = self.list(Self::order_by)?;
            self.expect_symbol(")")?;
        }
        if self.is("FILTER") && self.is_symbol_at(1, "(") {
            self.at += 2;
            self.expect("WHERE")?;
            call.filter = Some(Box::new(self.expr()?));
            self.expect_symbol(")")?;
        }
        call.ignore_nulls = call.ignore_nulls.or(self.null_treatment());
        if self.word("OVER") {
            call.over = Some(self.window()?);
        }
        Ok(call)
    }

    fn null_treatment(&mut self) -> Option<bool> {
        match () {
            () if self.words(&["IGNORE", "NULLS"]) => Some(true),
            () if self.words(&["RESPECT", "NULLS"]) => Some(false),
            () => None,
        }
    }

    /// An argument may be a query without parentheses of its own.
    fn argument(&mut self) -> Result<Expr> {
        let start = self.here();
        if self.begins_query() && !self.is_symbol("(") {
            let kind = ExprKind::Query(Box::new(self.query()?));
            return Ok(Expr { kind, span: self.since(start) });
        }
        self.expr()
    }

    /// `TRIM(BOTH 'x' FROM y)`, `SUBSTRING(x FROM 1 FOR 2)`, `POSITION(x IN y)`; with commas they are plain calls.
    fn keyword_call(&mut self, word: &str) -> Result<ExprKind> {
        let name = self.any_name()?;
        let plain = self.attempt(|parser| {
            let name = ObjectName { span: name.span, parts: vec![name.clone()] };
            parser.call(name)
        });
        if let Some(call) = plain {
            return Ok(call);
        }
        self.expect_symbol("(")?;
        let (function, args) = match word {
            "TRIM" => self.trim()?,
            "SUBSTRING" => {
                let mut args = vec![self.expr()?];
                self.expect("FROM")?;
                args.push(self.expr()?);
                if self.word("FOR") {
                    args.push(self.expr()?);
                }
                ("substring", args)
            }
            _ => {
                let sought = self.level_operand()?;
                self.expect("IN")?;
                ("locate", vec![sought, self.expr()?])
            }
        };
        self.expect_symbol(")")?;
        let name = Name { text: function.to_owned(), quoted: false, span: name.span };
        Ok(ExprKind::Function(Box::new(FunctionCall {
            name: ObjectName { span: name.span, parts: vec![name] },
            distinct: false,
            args,
            within_group: vec![],
            filter: None,
            ignore_nulls: None,
            over: None,
        })))
    }

    fn trim(&mut self) -> Result<(&'static str, Vec<Expr>)> {
        let function = match () {
            () if self.word("LEADING") => "ltrim",
            () if self.word("TRAILING") => "rtrim",
            () => {
                self.word("BOTH");
                "trim"
            }
        };
        let characters = if self.is("FROM") { None } else { Some(self.expr()?) };
        self.expect("FROM")?;
        let mut args = vec![self.expr()?];
        args.extend(characters);
        Ok((function, args))
    }

    /// An operand that IN may follow.
    fn level_operand(&mut self) -> Result<Expr> {
        self.operand()
    }

    fn case(&mut self) -> Result<ExprKind> {
        self.expect("CASE")?;
        let operand = if self.is("WHEN") { None } else { Some(Box::new(self.expr()?)) };
        let mut branches = Vec::new();
        while self.word("WHEN") {
            let when = self.expr()?;
            self.expect("THEN")?;
            branches.push((when, self.expr()?));
        }
        if branches.is_empty() {
            return Err(self.unexpected(&["WHEN"]));
        }
        let otherwise = if self.word("ELSE") { Some(Box::new(self.expr()?)) } else { None };
        self.expect("END")?;
        Ok(ExprKind::Case { operand, branches, otherwise })
    }

    fn cast(&mut self) -> Result<ExprKind> {
        self.at += 2;
        let expr = Box::new(self.expr()?);
        self.expect("AS")?;
        let ty = self.data_type()?;
        let format = if self.word("FORMAT") { Some(self.string()?) } else { None };
        self.expect_symbol(")")?;
        Ok(ExprKind::Cast { expr, ty, format })
    }

    fn extract(&mut self) -> Result<ExprKind> {
        self.at += 2;
        let field = self.date_field()?;
        self.expect("FROM")?;
        let expr = Box::new(self.expr()?);
        self.expect_symbol(")")?;
        Ok(ExprKind::Extract { field, expr })
    }

    /// `FLOOR(x)` or `FLOOR(x TO DAY)`
    fn floor(&mut self) -> Result<ExprKind> {
        let name = self.any_name()?;
        self.expect_symbol("(")?;
        let expr = self.expr()?;
        if self.word("TO") {
            let field = self.date_field()?;
            self.expect_symbol(")")?;
            return Ok(ExprKind::FloorTo { expr: Box::new(expr), field });
        }
        self.expect_symbol(")")?;
        Ok(ExprKind::Function(Box::new(FunctionCall {
            name: ObjectName { span: name.span, parts: vec![name] },
            distinct: false,
            args: vec![expr],
            within_group: vec![],
            filter: None,
            ignore_nulls: None,
            over: None,
        })))
    }

    fn date_field(&mut self) -> Result<DateField> {
        const FIELDS: &[(&str, DateField)] = &[
            ("year", DateField::Year),
            ("quarter", DateField::Quarter),
            ("month", DateField::Month),
            ("week", DateField::Week),
            ("day", DateField::Day),
            ("dayofweek", DateField::DayOfWeek),
            ("dow", DateField::DayOfWeek),
            ("hour", DateField::Hour),
            ("minute", DateField::Minute),
            ("second", DateField::Second),
        ];
        let expected = self.unexpected(&["a field of a date"]);
        let word = self.any_name()?.folded();
        let singular = word.strip_suffix('s').unwrap_or(&word);
        let found = FIELDS.iter().find(|(name, _)| *name == word || *name == singular);
        found.map(|(_, field)| *field).ok_or(expected)
    }

    /// After INTERVAL: `'1-2' YEAR TO MONTH`, `3 DAY`, `(expr) DAY`.
    fn interval(&mut self) -> Result<ExprKind> {
        self.expect("INTERVAL")?;
        let start = self.here();
        let negative = self.symbol("-");
        let kind = match self.peek().clone() {
            Token::String(text) => {
                self.advance();
                ExprKind::Literal(Literal::String(text))
            }
            Token::Number { digits, suffix } if suffix.is_empty() => {
                self.advance();
                ExprKind::Literal(Literal::Number(if negative { format!("-{digits}") } else { digits }))
            }
            // Not as an operand: that would take the unit for its own.
            Token::Symbol("(") => {
                self.advance();
                let inner = self.expr()?;
                self.expect_symbol(")")?;
                inner.kind
            }
            _ => self.operand()?.kind,
        };
        let value = Box::new(Expr { kind, span: self.since(start) });
        let expected = self.unexpected(&["a unit of time"]);
        let word = self.any_name()?.folded();
        let unit = unit(&word).ok_or(expected)?;
        let unit = match unit {
            IntervalUnit::Year if self.words(&["TO", "MONTH"]) => IntervalUnit::YearToMonth,
            IntervalUnit::Day if self.words(&["TO", "SECOND"]) => IntervalUnit::DayToSecond,
            unit => unit,
        };
        Ok(ExprKind::Interval { value, unit })
    }

    fn window(&mut self) -> Result<Window> {
        if self.is_symbol("(") {
            Ok(Window::Spec(self.window_spec()?))
        } else {
            Ok(Window::Named(self.name()?))
        }
    }

    /// `(base PARTITION BY ... ORDER BY ... ROWS ...)`
    pub(super) fn window_spec(&mut self) -> Result<WindowSpec> {
        let start = self.here();
        self.expect_symbol("(")?;
        let mut spec = WindowSpec::default();
        let is_clause = NOT_AN_ALIAS.iter().any(|word| self.is(word));
        if self.is_name_at(0) && !is_clause && !self.is("PARTITION") {
            spec.base = Some(self.name()?);
        }
        if self.words(&["PARTITION", "BY"]) || self.words(&["DISTRIBUTE", "BY"]) {
            spec.partition_by = self.list(Self::expr)?;
        } else if self.words(&["CLUSTER", "BY"]) {
            spec.partition_by = self.list(Self::expr)?;
            let ascending = |expr: &Expr| super::super::ast::OrderBy {
                expr: expr.clone(),
                descending: false,
                nulls_first: None,
            };
            spec.order_by = spec.partition_by.iter().map(ascending).collect();
        }
        if self.words(&["ORDER", "BY"]) || self.words(&["SORT", "BY"]) {
            spec.order_by = self.list(Self::order_by)?;
        }
        let unit = match () {
            () if self.word("ROWS") => Some(FrameUnit::Rows),
            () if self.word("RANGE") => Some(FrameUnit::Range),
            () => None,
        };
        if let Some(unit) = unit {
            spec.frame = Some(self.frame(unit)?);
        }
        self.expect_symbol(")")?;
        spec.span = self.since(start);
        Ok(spec)
    }

    fn frame(&mut self, unit: FrameUnit) -> Result<WindowFrame> {
        if self.word("BETWEEN") {
            let start = self.frame_bound()?;
            self.expect("AND")?;
            let end = Some(self.frame_bound()?);
            return Ok(WindowFrame { unit, start, end });
        }
        Ok(WindowFrame { unit, start: self.frame_bound()?, end: None })
    }

    fn frame_bound(&mut self) -> Result<FrameBound> {
        if self.words(&["CURRENT", "ROW"]) {
            return Ok(FrameBound::CurrentRow);
        }
        let offset = if self.word("UNBOUNDED") { None } else { Some(Box::new(self.operand()?)) };
        let is_preceding = self.word("PRECEDING");
        if !is_preceding {
            self.expect("FOLLOWING")?;
        }
        Ok(match (offset, is_preceding) {
            (None, true) => FrameBound::UnboundedPreceding,
            (None, false) => FrameBound::UnboundedFollowing,
            (Some(offset), true) => FrameBound::Preceding(offset),
            (Some(offset), false) => FrameBound::Following(offset),
        })
    }
}

fn unit(word: &str) -> Option<IntervalUnit> {
    Some(match word.strip_suffix('s').unwrap_or(word) {
        "year" => IntervalUnit::Year,
        "month" => IntervalUnit::Month,
        "week" => IntervalUnit::Week,
        "day" => IntervalUnit::Day,
        "hour" => IntervalUnit::Hour,
        "minute" => IntervalUnit::Minute,
        "second" => IntervalUnit::Second,
        _ => return None,
    })
}
