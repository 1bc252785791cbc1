//! Which statement it is, and the small ones.

use super::{Parser, Result};
use crate::syntax::{
    ast::{AlterDatabase, Analyze, MsckAction, Statement},
    lexer::Token,
};

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Result<Statement> {
        let Token::Word(word) = self.peek().clone() else {
            return match self.is_symbol("(") {
                true => Ok(Statement::Query(Box::new(self.query()?))),
                false => Err(self.unexpected(&["a statement"])),
            };
        };
        match word.to_ascii_uppercase().as_str() {
            "SELECT" | "FROM" | "WITH" | "VALUES" | "MAP" | "REDUCE" | "INSERT" => self.query_or_insert(),
            "LOAD" => self.load(),
            "UPDATE" => self.update(),
            "DELETE" => self.delete(),
            "MERGE" => self.merge(),
            "EXPORT" => self.export(),
            "IMPORT" => self.import(),
            "CREATE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop(),
            "TRUNCATE" => self.truncate(),
            "USE" => {
                self.advance();
                Ok(Statement::UseDatabase(self.any_name()?))
            }
            "MSCK" => self.msck(),
            "ANALYZE" => self.analyze(),
            "SHOW" => self.show(),
            "DESCRIBE" | "DESC" => self.describe(),
            "EXPLAIN" => self.explain(),
            "RELOAD" if self.is_at(1, "FUNCTION") || self.is_at(1, "FUNCTIONS") => {
                self.at += 2;
                Ok(Statement::ReloadFunctions)
            }
            "LOCK" | "UNLOCK" | "GRANT" | "REVOKE" | "START" | "COMMIT" | "ROLLBACK" | "ABORT" | "KILL"
            | "REPL" | "PREPARE" | "EXECUTE" | "CACHE" | "ENABLE" | "DISABLE" | "REPLACE" | "RELOAD"
            | "SET" => Ok(self.unsupported()),
            _ => Err(self.unexpected(&["a statement"])),
        }
    }

    /// A statement that is known and not done here: its words are told back.
    pub(super) fn unsupported(&mut self) -> Statement {
        let start = self.here();
        while !matches!(self.peek(), Token::End) {
            self.advance();
        }
        let span = self.since(start);
        Statement::Unsupported { words: self.slice(span), span }
    }

    fn drop(&mut self) -> Result<Statement> {
        let start = self.at;
        self.expect("DROP")?;
        let temporary = self.word("TEMPORARY");
        if self.word("DATABASE") || self.word("SCHEMA") {
            let if_exists = self.if_exists();
            let name = self.any_name()?;
            let cascade = self.word("CASCADE");
            if !cascade {
                self.word("RESTRICT");
            }
            return Ok(Statement::DropDatabase { name, if_exists, cascade });
        }
        if self.word("TABLE") {
            let if_exists = self.if_exists();
            let name = self.object_name()?;
            let purge = self.word("PURGE");
            return Ok(Statement::DropTable { name, if_exists, purge });
        }
        let materialized = self.is("MATERIALIZED") && self.is_at(1, "VIEW");
        self.at += usize::from(materialized);
        if self.word("VIEW") {
            let if_exists = self.if_exists();
            return Ok(Statement::DropView { name: self.object_name()?, if_exists, materialized });
        }
        if self.word("FUNCTION") {
            let if_exists = self.if_exists();
            return Ok(Statement::DropFunction { name: self.object_name()?, if_exists, temporary });
        }
        if self.word("MACRO") {
            let if_exists = self.if_exists();
            return Ok(Statement::DropMacro { name: self.object_name()?, if_exists });
        }
        if self.is_one_of(&[
            "ROLE",
            "INDEX",
            "RESOURCE",
            "POOL",
            "TRIGGER",
            "SCHEDULED",
            "CONNECTOR",
            "CATALOG",
        ]) {
            self.at = start;
            return Ok(self.unsupported());
        }
        Err(self.unexpected(&["DATABASE", "TABLE", "VIEW", "FUNCTION", "MACRO"]))
    }

    fn truncate(&mut self) -> Result<Statement> {
        self.expect("TRUNCATE")?;
        self.word("TABLE");
        let table = self.object_name()?;
        let partition = self.optional_partition()?;
        let columns = if self.word("COLUMNS") { self.names()? } else { vec![] };
        let force = self.word("FORCE");
        Ok(Statement::Truncate { table, partition, columns, force })
    }

    fn msck(&mut self) -> Result<Statement> {
        self.expect("MSCK")?;
        let repair = self.word("REPAIR");
        self.word("TABLE");
        let table = self.object_name()?;
        let action = match () {
            () if self.word("DROP") => MsckAction::Drop,
            () if self.word("SYNC") => MsckAction::Sync,
            () => {
                self.word("ADD");
                MsckAction::Add
            }
        };
        self.word("PARTITIONS");
        Ok(Statement::Msck { table, repair, action })
    }

    fn analyze(&mut self) -> Result<Statement> {
        self.expect_words(&["ANALYZE", "TABLE"])?;
        let table = self.object_name()?;
        let partition = self.optional_partition()?;
        self.expect_words(&["COMPUTE", "STATISTICS"])?;
        let mut columns = None;
        if self.words(&["FOR", "COLUMNS"]) {
            columns = Some(if self.is_name_at(0) { self.list(Self::name)? } else { vec![] });
        } else {
            self.words(&["FOR", "ALL", "COLUMNS"]).then(|| columns = Some(vec![]));
        }
        let no_scan = self.word("NOSCAN");
        self.words(&["CACHE", "METADATA"]);
        Ok(Statement::Analyze(Analyze { table, partition, columns, no_scan }))
    }

    pub(super) fn alter_database(&mut self) -> Result<Statement> {
        let name = self.any_name()?;
        self.expect("SET")?;
        let change = if self.word("DBPROPERTIES") {
            AlterDatabase::Properties(self.properties()?)
        } else if self.word("OWNER") {
            let kind = self.any_name()?.text;
            AlterDatabase::Owner { kind, name: self.any_name()?.text }
        } else if self.word("LOCATION") || self.word("MANAGEDLOCATION") {
            AlterDatabase::Location(self.string()?)
        } else {
            return Err(self.unexpected(&["DBPROPERTIES", "OWNER", "LOCATION"]));
        };
        Ok(Statement::AlterDatabase { name, change })
    }
}
