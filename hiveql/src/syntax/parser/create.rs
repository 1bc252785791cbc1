//! CREATE.

use super::{Parser, Result};
use crate::syntax::ast::{
    Clustering, ColumnConstraint, ColumnConstraintKind, ColumnDefinition, ConstraintTraits, CreateDatabase,
    CreateFunction, CreateMacro, CreateSource, CreateTable, CreateView, Delimited, Name, Properties,
    RowFormat, Skew, Statement, StorageFormat, TableConstraint, TableConstraintKind,
};

/// What stands between the parentheses of CREATE TABLE.
enum Element {
    Column(Box<ColumnDefinition>),
    Constraint(TableConstraint),
}

impl Parser<'_> {
    pub(super) fn create(&mut self) -> Result<Statement> {
        let start = self.at;
        self.expect("CREATE")?;
        let or_replace = self.words(&["OR", "REPLACE"]);
        let (mut temporary, mut external, mut transactional, mut managed) = (false, false, false, false);
        loop {
            match () {
                () if self.word("TEMPORARY") => temporary = true,
                () if self.word("EXTERNAL") => external = true,
                () if self.word("TRANSACTIONAL") => transactional = true,
                () if self.word("MANAGED") => managed = true,
                () => break,
            }
        }
        if self.word("TABLE") {
            return self.create_table(temporary, external && !managed, transactional);
        }
        if self.word("DATABASE") || self.word("SCHEMA") {
            return self.create_database();
        }
        let materialized = self.is("MATERIALIZED") && self.is_at(1, "VIEW");
        self.at += usize::from(materialized);
        if self.word("VIEW") {
            return self.create_view(or_replace, materialized);
        }
        if self.word("FUNCTION") {
            return self.create_function(temporary);
        }
        if self.word("MACRO") {
            return self.create_macro();
        }
        if self.is_one_of(&[
            "ROLE",
            "INDEX",
            "RESOURCE",
            "POOL",
            "TRIGGER",
            "SCHEDULED",
            "REMOTE",
            "CONNECTOR",
            "CATALOG",
            "USER",
            "APPLICATION",
        ]) {
            self.at = start;
            return Ok(self.unsupported());
        }
        Err(self.unexpected(&["TABLE", "DATABASE", "VIEW", "FUNCTION", "MACRO"]))
    }

    fn create_database(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let mut database = CreateDatabase {
            name: self.any_name()?,
            if_not_exists,
            comment: None,
            location: None,
            managed_location: None,
            properties: vec![],
        };
        loop {
            match () {
                () if self.word("COMMENT") => database.comment = Some(self.string()?),
                () if self.word("LOCATION") => database.location = Some(self.string()?),
                () if self.word("MANAGEDLOCATION") => database.managed_location = Some(self.string()?),
                () if self.words(&["WITH", "DBPROPERTIES"]) => database.properties = self.properties()?,
                () => return Ok(Statement::CreateDatabase(database)),
            }
        }
    }

    fn create_table(&mut self, temporary: bool, external: bool, transactional: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let mut table = CreateTable {
            name: self.object_name()?,
            temporary,
            external,
            transactional,
            if_not_exists,
            columns: vec![],
            constraints: vec![],
            comment: None,
            partitioned_by: vec![],
            clustered_by: None,
            skewed_by: None,
            row_format: None,
            format: None,
            location: None,
            properties: vec![],
            source: CreateSource::None,
        };
        if self.word("LIKE") {
            table.source = match self.words(&["FILE"]) {
                true => CreateSource::LikeFile { format: self.any_name()?.text, path: self.string()? },
                false => CreateSource::Like(self.object_name()?),
            };
        } else if self.is_symbol("(") && !self.begins_query() {
            for element in self.in_parentheses(Self::element)? {
                match element {
                    Element::Column(column) => table.columns.push(*column),
                    Element::Constraint(constraint) => table.constraints.push(constraint),
                }
            }
        }
        self.table_clauses(&mut table)?;
        let query = self.word("AS") || self.begins_query();
        if query {
            table.source = CreateSource::Query(Box::new(self.query()?));
        }
        Ok(Statement::CreateTable(Box::new(table)))
    }

    /// The clauses after the columns; their order is not looked at.
    fn table_clauses(&mut self, table: &mut CreateTable) -> Result<()> {
        loop {
            if self.word("COMMENT") {
                table.comment = Some(self.string()?);
            } else if self.words(&["PARTITIONED", "BY"]) {
                let by_spec = self.words(&["SPEC"]);
                if by_spec {
                    return Err(self.unexpected(&["the partition columns"]));
                }
                table.partitioned_by = self.in_parentheses(Self::partition_column)?;
            } else if self.are(&["CLUSTERED", "BY"]) {
                table.clustered_by = Some(self.clustering()?);
            } else if self.are(&["SKEWED", "BY"]) {
                table.skewed_by = Some(self.skew()?);
            } else if self.are(&["ROW", "FORMAT"]) {
                table.row_format = self.row_format()?;
            } else if self.is("STORED") {
                table.format = self.storage_format()?;
            } else if self.words(&["WITH", "SERDEPROPERTIES"]) {
                let added = self.properties()?;
                add_serde_properties(table, added);
            } else if self.word("LOCATION") {
                table.location = Some(self.string()?);
            } else if self.word("TBLPROPERTIES") {
                table.properties = self.properties()?;
            } else {
                return Ok(());
            }
        }
    }

    fn element(&mut self) -> Result<Element> {
        if let Some(constraint) = self.table_constraint()? {
            return Ok(Element::Constraint(constraint));
        }
        self.column().map(|column| Element::Column(Box::new(column)))
    }

    /// `name type [constraint] [COMMENT 'c']`
    pub(super) fn column(&mut self) -> Result<ColumnDefinition> {
        let name = self.name()?;
        let ty = Some(self.data_type()?);
        let mut column = ColumnDefinition { name, ty, comment: None, constraints: vec![] };
        loop {
            if self.word("COMMENT") {
                column.comment = Some(self.string()?);
            } else if let Some(constraint) = self.column_constraint()? {
                column.constraints.push(constraint);
            } else {
                return Ok(column);
            }
        }
    }

    /// Of a CTAS, a partition column has only a name.
    fn partition_column(&mut self) -> Result<ColumnDefinition> {
        if self.is_symbol_at(1, ",") || self.is_symbol_at(1, ")") {
            return self.bare_column();
        }
        self.column()
    }

    /// `name [COMMENT 'c']`
    fn bare_column(&mut self) -> Result<ColumnDefinition> {
        let name = self.name()?;
        let comment = if self.word("COMMENT") { Some(self.string()?) } else { None };
        Ok(ColumnDefinition { name, ty: None, comment, constraints: vec![] })
    }

    fn column_constraint(&mut self) -> Result<Option<ColumnConstraint>> {
        let name = if self.word("CONSTRAINT") { Some(self.name()?) } else { None };
        let kind = if self.words(&["NOT", "NULL"]) {
            ColumnConstraintKind::NotNull
        } else if self.word("DEFAULT") {
            let start = self.here();
            let value = self.expr()?;
            ColumnConstraintKind::Default(value, self.slice(self.since(start)))
        } else if self.word("CHECK") {
            let (condition, text) = self.checked()?;
            ColumnConstraintKind::Check(condition, text)
        } else if self.words(&["PRIMARY", "KEY"]) {
            ColumnConstraintKind::PrimaryKey
        } else if self.word("UNIQUE") {
            ColumnConstraintKind::Unique
        } else if self.word("REFERENCES") {
            let table = self.object_name()?;
            self.expect_symbol("(")?;
            let column = self.name()?;
            self.expect_symbol(")")?;
            ColumnConstraintKind::References { table, column }
        } else if name.is_some() {
            return Err(self.unexpected(&["a constraint"]));
        } else {
            return Ok(None);
        };
        Ok(Some(ColumnConstraint { name, kind, traits: self.constraint_traits() }))
    }

    /// `(condition)` or `condition`, with its text.
    fn checked(&mut self) -> Result<(crate::syntax::ast::Expr, String)> {
        if !self.is_symbol("(") {
            let start = self.here();
            let condition = self.expr()?;
            return Ok((condition, self.slice(self.since(start))));
        }
        self.expect_symbol("(")?;
        let start = self.here();
        let condition = self.expr()?;
        let text = self.slice(self.since(start));
        self.expect_symbol(")")?;
        Ok((condition, text))
    }

    pub(super) fn table_constraint(&mut self) -> Result<Option<TableConstraint>> {
        let begins = self.is("CONSTRAINT")
            || self.are(&["PRIMARY", "KEY"])
            || self.are(&["FOREIGN", "KEY"])
            || (self.is_one_of(&["UNIQUE", "CHECK"]) && self.is_symbol_at(1, "("));
        if !begins {
            return Ok(None);
        }
        let name = if self.word("CONSTRAINT") { Some(self.name()?) } else { None };
        let kind = if self.words(&["PRIMARY", "KEY"]) {
            TableConstraintKind::PrimaryKey(self.names()?)
        } else if self.words(&["FOREIGN", "KEY"]) {
            let columns = self.names()?;
            self.expect("REFERENCES")?;
            let table = self.object_name()?;
            TableConstraintKind::ForeignKey { columns, table, referenced: self.names()? }
        } else if self.word("UNIQUE") {
            TableConstraintKind::Unique(self.names()?)
        } else {
            self.expect("CHECK")?;
            let (condition, text) = self.checked()?;
            TableConstraintKind::Check(condition, text)
        };
        Ok(Some(TableConstraint { name, kind, traits: self.constraint_traits() }))
    }

    /// ENABLE, VALIDATE and RELY, in any order; without them a constraint is enabled and relied on.
    fn constraint_traits(&mut self) -> ConstraintTraits {
        let mut traits = ConstraintTraits { enable: true, validate: false, rely: true };
        loop {
            match () {
                () if self.word("ENABLE") || self.word("ENFORCED") => traits.enable = true,
                () if self.word("DISABLE") || self.words(&["NOT", "ENFORCED"]) => {
                    (traits.enable, traits.rely) = (false, false);
                }
                () if self.word("VALIDATE") => traits.validate = true,
                () if self.word("NOVALIDATE") => traits.validate = false,
                () if self.word("RELY") => traits.rely = true,
                () if self.word("NORELY") => traits.rely = false,
                () => return traits,
            }
        }
    }

    pub(super) fn clustering(&mut self) -> Result<Clustering> {
        self.expect_words(&["CLUSTERED", "BY"])?;
        let columns = self.names()?;
        let sorted_by = match self.words(&["SORTED", "BY"]) {
            true => self.in_parentheses(Self::sorted_column)?,
            false => vec![],
        };
        self.expect("INTO")?;
        let buckets = self.integer()?;
        self.expect("BUCKETS")?;
        Ok(Clustering { columns, sorted_by, buckets })
    }

    fn sorted_column(&mut self) -> Result<(Name, bool)> {
        let name = self.name()?;
        let descending = !self.word("ASC") && self.word("DESC");
        if self.word("NULLS") && !self.word("FIRST") {
            self.expect("LAST")?;
        }
        Ok((name, descending))
    }

    pub(super) fn skew(&mut self) -> Result<Skew> {
        self.expect_words(&["SKEWED", "BY"])?;
        let columns = self.names()?;
        self.expect("ON")?;
        let values = self.in_parentheses(|parser| match parser.is_symbol("(") {
            true => parser.in_parentheses(Self::expr),
            false => Ok(vec![parser.expr()?]),
        })?;
        let directories = self.words(&["STORED", "AS", "DIRECTORIES"]);
        Ok(Skew { columns, values, directories })
    }

    /// `ROW FORMAT DELIMITED ...` or `ROW FORMAT SERDE ...`, or nothing.
    pub(super) fn row_format(&mut self) -> Result<Option<RowFormat>> {
        if !self.words(&["ROW", "FORMAT"]) {
            return Ok(None);
        }
        if self.word("SERDE") {
            let class = self.string()?;
            let properties = match self.words(&["WITH", "SERDEPROPERTIES"]) {
                true => self.properties()?,
                false => vec![],
            };
            return Ok(Some(RowFormat::Serde { class, properties }));
        }
        self.expect("DELIMITED")?;
        let mut format = Delimited::default();
        loop {
            if self.words(&["FIELDS", "TERMINATED", "BY"]) {
                format.fields = Some(self.string()?);
            } else if self.words(&["ESCAPED", "BY"]) {
                format.escaped_by = Some(self.string()?);
            } else if self.words(&["COLLECTION", "ITEMS", "TERMINATED", "BY"]) {
                format.collection_items = Some(self.string()?);
            } else if self.words(&["MAP", "KEYS", "TERMINATED", "BY"]) {
                format.map_keys = Some(self.string()?);
            } else if self.words(&["LINES", "TERMINATED", "BY"]) {
                format.lines = Some(self.string()?);
            } else if self.words(&["NULL", "DEFINED", "AS"]) {
                format.null = Some(self.string()?);
            } else {
                return Ok(Some(RowFormat::Delimited(format)));
            }
        }
    }

    /// `STORED AS ...`, `STORED BY ...`, or nothing.
    pub(super) fn storage_format(&mut self) -> Result<Option<StorageFormat>> {
        if self.words(&["STORED", "BY"]) {
            let class = if self.is_string() { self.string()? } else { self.any_name()?.text };
            let properties = match self.words(&["WITH", "SERDEPROPERTIES"]) {
                true => self.properties()?,
                false => vec![],
            };
            return Ok(Some(StorageFormat::Handler { class, properties }));
        }
        if !self.words(&["STORED", "AS"]) {
            return Ok(None);
        }
        self.format_words().map(Some)
    }

    /// What follows STORED AS and SET FILEFORMAT.
    pub(super) fn format_words(&mut self) -> Result<StorageFormat> {
        if self.word("INPUTFORMAT") {
            let input = self.string()?;
            self.expect("OUTPUTFORMAT")?;
            let output = self.string()?;
            let serde = if self.word("SERDE") { Some(self.string()?) } else { None };
            if self.word("INPUTDRIVER") {
                self.string()?;
                self.expect("OUTPUTDRIVER")?;
                self.string()?;
            }
            return Ok(StorageFormat::Classes { input, output, serde });
        }
        Ok(StorageFormat::Named(self.any_name()?.text.to_uppercase()))
    }

    /// `('key' = 'value', ...)`
    pub(super) fn properties(&mut self) -> Result<Properties> {
        self.in_parentheses(Self::property)
    }

    pub(super) fn property(&mut self) -> Result<(String, String)> {
        let key = self.string()?;
        let value = if self.symbol("=") { self.string()? } else { String::new() };
        Ok((key, value))
    }

    fn create_view(&mut self, or_replace: bool, materialized: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let columns = if self.is_symbol("(") { self.in_parentheses(Self::bare_column)? } else { vec![] };
        let (mut comment, mut partitioned_on, mut properties) = (None, vec![], vec![]);
        loop {
            if self.word("COMMENT") {
                comment = Some(self.string()?);
            } else if self.words(&["PARTITIONED", "ON"]) {
                partitioned_on = self.names()?;
            } else if self.word("TBLPROPERTIES") {
                properties = self.properties()?;
            } else if materialized && self.words(&["DISABLE", "REWRITE"]) {
                continue;
            } else if materialized && self.are(&["STORED", "AS"]) {
                self.storage_format()?;
            } else {
                break;
            }
        }
        self.expect("AS")?;
        let start = self.here();
        let query = self.query()?;
        let text = self.slice(self.since(start));
        Ok(Statement::CreateView(Box::new(CreateView {
            name,
            or_replace,
            materialized,
            if_not_exists,
            columns,
            comment,
            partitioned_on,
            properties,
            query,
            text,
        })))
    }

    fn create_function(&mut self, temporary: bool) -> Result<Statement> {
        let name = self.object_name()?;
        self.expect("AS")?;
        let class = self.string()?;
        let resources = match self.word("USING") {
            true => self.list(|parser| Ok((parser.any_name()?.text.to_uppercase(), parser.string()?)))?,
            false => vec![],
        };
        Ok(Statement::CreateFunction(CreateFunction { name, temporary, class, resources }))
    }

    fn create_macro(&mut self) -> Result<Statement> {
        let name = self.object_name()?;
        self.expect_symbol("(")?;
        let mut parameters = vec![];
        if !self.is_symbol(")") {
            parameters = self.list(|parser| Ok((parser.name()?, parser.data_type()?)))?;
        }
        self.expect_symbol(")")?;
        let body = self.expr()?;
        Ok(Statement::CreateMacro(Box::new(CreateMacro { name, parameters, body })))
    }
}

/// `WITH SERDEPROPERTIES` that stands away from its SERDE.
fn add_serde_properties(table: &mut CreateTable, added: Properties) {
    match (&mut table.row_format, &mut table.format) {
        (Some(RowFormat::Serde { properties, .. }), _)
        | (_, Some(StorageFormat::Handler { properties, .. })) => {
            properties.extend(added);
        }
        // A table of a named format keeps them with its own properties' SerDe.
        _ => table.properties.extend(added),
    }
}
