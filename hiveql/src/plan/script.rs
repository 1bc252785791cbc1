//! TRANSFORM, MAP, REDUCE.

use super::{Field, Planner, Problem, Relation, Result};
use crate::{
    ddl::delimiters,
    formats::{RowFormat, RowWords},
    script::{ScriptDescription, ScriptFile, ScriptNode},
    syntax::ast::{self, Transform},
    types::HiveType,
};
use datafusion::{
    common::Column,
    logical_expr::{Extension, LogicalPlan},
};
use std::{collections::BTreeMap, sync::Arc};

/// Between fields where ROW FORMAT DELIMITED says nothing of them.
const DELIMITED_DEFAULT: &str = "\u{1}";
/// The columns of a script whose columns are not named.
const IMPLIED_COLUMNS: [&str; 2] = ["key", "value"];
const LINE_READER: &str = "TextRecordReader";
const LINE_WRITER: &str = "TextRecordWriter";

/// What a session says of its scripts.
#[derive(Debug, Clone, Default)]
pub struct ScriptOptions {
    /// `hive.exec.script.allow.partial.consumption`
    pub partial: bool,
    /// `hive.transform.escape.input`
    pub escaped: bool,
    /// `hive.script.serde`; empty for LazySimpleSerDe.
    pub serde: String,
    pub environment: Vec<(String, String)>,
    /// `hive.script.operator.id.env.var`: the variable that tells a script which one of all it is.
    pub id_variable: String,
    /// What ADD FILE and its like made known.
    pub files: Vec<ScriptFile>,
}

impl Planner<'_> {
    /// The relation's columns go into the script; what comes out is the result.
    pub(super) fn scripted(&self, relation: Relation, transform: &Transform) -> Result<Relation> {
        check_class(transform.record_writer.as_deref(), LINE_WRITER)?;
        check_class(transform.record_reader.as_deref(), LINE_READER)?;
        let inputs = relation.fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect();
        let input = self.words(transform.input_format.as_ref(), inputs, false);
        RowFormat::new(&input)?.check_writable()?;
        let mut output =
            self.words(transform.output_format.as_ref(), outputs(transform)?, transform.columns.is_empty());
        output.columns = RowFormat::new(&output)?.columns().to_vec();
        let options = &self.options.scripts;
        let mut environment = options.environment.clone();
        environment.push((options.id_variable.clone(), self.script_id()));
        let description = Arc::new(ScriptDescription {
            command: transform.command.clone(),
            input,
            output,
            partial: options.partial,
            environment,
            files: options.files.clone(),
        });
        self.script_node(relation, description)
    }

    fn script_node(&self, relation: Relation, description: Arc<ScriptDescription>) -> Result<Relation> {
        let made = |(name, ty): &(String, HiveType)| {
            let column = Column::new_unqualified(self.fresh(name));
            Field { relation: None, name: name.clone(), ty: ty.clone(), column, hidden: false }
        };
        let fields: Vec<Field> = description.output.columns.iter().map(made).collect();
        let names: Vec<String> = fields.iter().map(|field| field.column.name.clone()).collect();
        let node = ScriptNode::try_new(relation.plan, description, &names)?;
        Ok(Relation { plan: LogicalPlan::Extension(Extension { node: Arc::new(node) }), fields })
    }

    /// Of one operator of one statement.
    fn script_id(&self) -> String {
        let number = self.made_names.get();
        self.made_names.set(number + 1);
        format!("{}_SCR_{number}", uuid::Uuid::new_v4().simple())
    }

    fn words(
        &self,
        format: Option<&ast::RowFormat>,
        columns: Vec<(String, HiveType)>,
        last_takes_rest: bool,
    ) -> RowWords {
        let options = &self.options.scripts;
        let (serde, properties) = match format {
            None => (options.serde.clone(), BTreeMap::new()),
            Some(ast::RowFormat::Serde { class, properties }) => {
                (class.clone(), properties.iter().cloned().collect())
            }
            Some(ast::RowFormat::Delimited(delimited)) => {
                let said = delimiters(delimited).map(|(key, value)| (key.to_owned(), value.clone()));
                let mut properties: BTreeMap<_, _> = said.collect();
                let fields = properties.entry("field.delim".to_owned());
                fields.or_insert_with(|| DELIMITED_DEFAULT.to_owned());
                (String::new(), properties)
            }
        };
        RowWords { serde, properties, columns, last_takes_rest, escaped: options.escaped }
    }
}

fn outputs(transform: &Transform) -> Result<Vec<(String, HiveType)>> {
    if transform.columns.is_empty() {
        return Ok(IMPLIED_COLUMNS.map(|name| (name.to_owned(), HiveType::String)).to_vec());
    }
    let mut columns: Vec<(String, HiveType)> = Vec::with_capacity(transform.columns.len());
    for (name, ty) in &transform.columns {
        if columns.iter().any(|(known, _)| name.is(known)) {
            return Err(Problem::DuplicateColumn(name.folded()).at(name.span));
        }
        columns.push((name.folded(), ty.clone().unwrap_or(HiveType::String)));
    }
    Ok(columns)
}

/// Rows are lines: other readers and writers of Hive's are classes of Java.
fn check_class(class: Option<&str>, known: &str) -> Result<()> {
    let simple = class.map(|class| class.rsplit('.').next().unwrap_or(class));
    match simple {
        Some(simple) if simple != known => Err(Problem::Invalid(format!(
            "{simple} is not supported for scripts: their rows are lines, as of {known}"
        ))
        .into()),
        _ => Ok(()),
    }
}
