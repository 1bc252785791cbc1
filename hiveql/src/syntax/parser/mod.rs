//! The grammar: recursive descent, one method per rule, a file per kind of statement.

mod alter;
mod create;
mod dml;
mod expr;
mod from;
mod operand;
mod query;
mod show;
mod statement;
mod types;

#[cfg(test)]
mod tests;

use super::{
    ast::{Expr, Name, ObjectName, Query, Span, Statement},
    error::SyntaxError,
    lexer::{self, Spanned, Token},
};
use crate::types::HiveType;

pub type Result<T> = std::result::Result<T, SyntaxError>;

/// Words that are never names unless they are quoted: Hive 4's list.
const RESERVED: &[&str] = &[
    "ALL",
    "ALTER",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "AUTHORIZATION",
    "BETWEEN",
    "BIGINT",
    "BINARY",
    "BOOLEAN",
    "BOTH",
    "BY",
    "CASE",
    "CAST",
    "CHAR",
    "COLUMN",
    "CONF",
    "CONSTRAINT",
    "CREATE",
    "CROSS",
    "CUBE",
    "CURRENT",
    "CURRENT_DATE",
    "CURRENT_TIMESTAMP",
    "CURSOR",
    "DATABASE",
    "DATE",
    "DECIMAL",
    "DELETE",
    "DESCRIBE",
    "DISTINCT",
    "DOUBLE",
    "DROP",
    "ELSE",
    "END",
    "EXCEPT",
    "EXCHANGE",
    "EXISTS",
    "EXTENDED",
    "EXTERNAL",
    "EXTRACT",
    "FALSE",
    "FETCH",
    "FLOAT",
    "FLOOR",
    "FOLLOWING",
    "FOR",
    "FOREIGN",
    "FROM",
    "FULL",
    "FUNCTION",
    "GRANT",
    "GROUP",
    "GROUPING",
    "HAVING",
    "IF",
    "IMPORT",
    "IN",
    "INNER",
    "INSERT",
    "INT",
    "INTEGER",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "LATERAL",
    "LEADING",
    "LEFT",
    "LESS",
    "LIKE",
    "LOCAL",
    "MACRO",
    "MAP",
    "MINUS",
    "MORE",
    "NONE",
    "NOT",
    "NULL",
    "NUMERIC",
    "OF",
    "ON",
    "ONLY",
    "OR",
    "ORDER",
    "OUT",
    "OUTER",
    "OVER",
    "PARTIALSCAN",
    "PARTITION",
    "PERCENT",
    "PRECEDING",
    "PRECISION",
    "PRESERVE",
    "PRIMARY",
    "PROCEDURE",
    "QUALIFY",
    "RANGE",
    "READS",
    "REDUCE",
    "REFERENCES",
    "REGEXP",
    "REVOKE",
    "RIGHT",
    "RLIKE",
    "ROLLUP",
    "ROW",
    "ROWS",
    "SELECT",
    "SET",
    "SMALLINT",
    "SOME",
    "START",
    "TABLE",
    "TABLESAMPLE",
    "THEN",
    "TIME",
    "TIMESTAMP",
    "TO",
    "TRAILING",
    "TRANSFORM",
    "TRIGGER",
    "TRUE",
    "TRUNCATE",
    "UNBOUNDED",
    "UNION",
    "UNIQUE",
    "UNIQUEJOIN",
    "UPDATE",
    "USER",
    "USING",
    "VALUES",
    "VARCHAR",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// Words that may be names, but never an alias without AS: they begin what follows.
const NOT_AN_ALIAS: &[&str] =
    &["CLUSTER", "DISTRIBUTE", "LIMIT", "OFFSET", "SORT", "NATURAL", "ANTI", "SEMI"];

/// One statement, without its semicolon.
pub fn parse_statement(text: &str) -> Result<Statement> {
    Parser::whole(text, Parser::statement)
}

pub fn parse_query(text: &str) -> Result<Query> {
    Parser::whole(text, Parser::query)
}

pub fn parse_expr(text: &str) -> Result<Expr> {
    Parser::whole(text, Parser::expr)
}

pub fn parse_type(text: &str) -> Result<HiveType> {
    Parser::whole(text, Parser::data_type)
}

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Spanned>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn whole<T>(text: &'a str, rule: impl FnOnce(&mut Parser<'a>) -> Result<T>) -> Result<T> {
        let mut parser = Parser { text, tokens: lexer::tokens(text)?, at: 0 };
        let parsed = rule(&mut parser)?;
        while parser.symbol(";") {}
        match parser.peek() {
            Token::End => Ok(parsed),
            _ => Err(parser.unexpected(&["the end of the statement"])),
        }
    }

    fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Token {
        // The last token is the end, and there is always one.
        self.tokens.get(self.at + ahead).map_or(&Token::End, |token| &token.token)
    }

    fn here(&self) -> Span {
        self.tokens.get(self.at).map(|token| token.span).unwrap_or_default()
    }

    /// Where the last token that was taken ended.
    fn last(&self) -> Span {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map(|token| token.span).unwrap_or_default()
    }

    /// From the start of a rule to what was taken last.
    fn since(&self, start: Span) -> Span {
        start.to(self.last())
    }

    fn advance(&mut self) {
        self.at += 1;
    }

    /// The text of a span.
    fn slice(&self, span: Span) -> String {
        self.text.get(span.start..span.end).unwrap_or_default().trim().to_owned()
    }

    fn unexpected(&self, expected: &[&str]) -> SyntaxError {
        let found = match self.peek() {
            Token::End => "<EOF>".to_owned(),
            _ => self.slice(self.here()),
        };
        SyntaxError::unexpected(&found, expected, self.here())
    }

    /// Whether the word `ahead` is this one, unquoted.
    fn is_at(&self, ahead: usize, word: &str) -> bool {
        matches!(self.peek_at(ahead), Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn is(&self, word: &str) -> bool {
        self.is_at(0, word)
    }

    fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// Whether these words come next.
    fn are(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.is_at(ahead, word))
    }

    /// Takes the word if it comes next.
    fn word(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    /// Takes all of the words if they come next.
    fn words(&mut self, words: &[&str]) -> bool {
        let found = self.are(words);
        if found {
            self.at += words.len();
        }
        found
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        if self.word(word) { Ok(()) } else { Err(self.unexpected(&[word])) }
    }

    fn expect_words(&mut self, words: &[&str]) -> Result<()> {
        words.iter().try_for_each(|word| self.expect(word))
    }

    fn is_symbol_at(&self, ahead: usize, symbol: &str) -> bool {
        matches!(self.peek_at(ahead), Token::Symbol(found) if *found == symbol)
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        self.is_symbol_at(0, symbol)
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    fn expect_symbol(&mut self, symbol: &'static str) -> Result<()> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.unexpected(&[symbol])) }
    }

    /// `rule, rule, ...`
    fn list<T>(&mut self, mut rule: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![rule(self)?];
        while self.symbol(",") {
            items.push(rule(self)?);
        }
        Ok(items)
    }

    /// `(rule, rule, ...)`
    fn in_parentheses<T>(&mut self, rule: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.expect_symbol("(")?;
        let items = self.list(rule)?;
        self.expect_symbol(")")?;
        Ok(items)
    }

    /// What the rule makes, or nothing taken at all.
    fn attempt<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        let start = self.at;
        match rule(self) {
            Ok(made) => Some(made),
            Err(_) => {
                self.at = start;
                None
            }
        }
    }

    fn is_name_at(&self, ahead: usize) -> bool {
        match self.peek_at(ahead) {
            Token::Quoted(_) => true,
            Token::Word(word) => !is_reserved(word),
            _ => false,
        }
    }

    fn is_alias(&self) -> bool {
        match self.peek() {
            Token::Quoted(_) => true,
            Token::Word(word) => {
                !is_reserved(word) && !NOT_AN_ALIAS.iter().any(|other| word.eq_ignore_ascii_case(other))
            }
            _ => false,
        }
    }

    fn name(&mut self) -> Result<Name> {
        if !self.is_name_at(0) {
            return Err(self.unexpected(&["a name"]));
        }
        self.any_name()
    }

    /// A name where no keyword could stand, so that any word will do.
    fn any_name(&mut self) -> Result<Name> {
        let span = self.here();
        let (text, quoted) = match self.peek() {
            Token::Word(word) => (word.clone(), false),
            Token::Quoted(name) => (name.clone(), true),
            _ => return Err(self.unexpected(&["a name"])),
        };
        self.advance();
        Ok(Name { text, quoted, span })
    }

    /// `table`, `database.table`, `database.table.metadata`
    fn object_name(&mut self) -> Result<ObjectName> {
        let mut parts = vec![self.name()?];
        while self.is_symbol(".") {
            self.advance();
            parts.push(self.any_name()?);
        }
        // A quoted name may hold both parts: `db.table`.
        if let [only] = parts.as_slice()
            && only.quoted
            && let Some((database, table)) = only.text.split_once('.')
        {
            let part = |text: &str| Name { text: text.to_owned(), quoted: true, span: only.span };
            parts = vec![part(database), part(table)];
        }
        let span = match (parts.first(), parts.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => self.here(),
        };
        Ok(ObjectName { parts, span })
    }

    fn names(&mut self) -> Result<Vec<Name>> {
        self.in_parentheses(Self::name)
    }

    fn string(&mut self) -> Result<String> {
        let Token::String(text) = self.peek() else { return Err(self.unexpected(&["a string"])) };
        let text = text.clone();
        self.advance();
        Ok(text)
    }

    fn is_string(&self) -> bool {
        matches!(self.peek(), Token::String(_))
    }

    /// A whole number without a suffix.
    fn integer<T: std::str::FromStr>(&mut self) -> Result<T> {
        let expected = self.unexpected(&["a whole number"]);
        let Token::Number { digits, suffix } = self.peek() else { return Err(expected) };
        if !suffix.is_empty() && !suffix.eq_ignore_ascii_case("L") {
            return Err(expected);
        }
        let number = digits.parse().map_err(|_| expected)?;
        self.advance();
        Ok(number)
    }

    fn if_not_exists(&mut self) -> bool {
        self.words(&["IF", "NOT", "EXISTS"])
    }

    fn if_exists(&mut self) -> bool {
        self.words(&["IF", "EXISTS"])
    }
}

pub fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}
