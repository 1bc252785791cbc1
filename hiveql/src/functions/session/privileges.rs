//! `split_map_privs`: the names of privileges that are written as a row of flags.

use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar, text, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{ListBuilder, StringBuilder},
    datatypes::{DataType, Field},
};
use std::sync::Arc;

/// By the place of their flag.
const PRIVILEGES: [&str; 10] =
    ["SELECT", "UPDATE", "CREATE", "DROP", "ALTER", "INDEX", "LOCK", "READ", "WRITE", "All"];

pub(super) const FUNCTIONS: &[ScalarFunction] = &[ScalarFunction {
    name: "split_map_privs",
    aliases: &[],
    usage: "_FUNC_(str, regex) - Splits binary str and maps to privilege type regex",
    extended: "Example:\n  > SELECT _FUNC_('0 1 1 0 1 1 0 0 0 0') FROM src LIMIT 1;\n  [\"UPDATE\", \"CREATE\", \"ALTER\", \"INDEX\"]",
    resolve,
}];

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    if !args[0].ty.is_text() && args[0].ty != HiveType::Void {
        return Err(wrong_type(name, args, 0, "string"));
    }
    let returns = HiveType::array(HiveType::String);
    Ok(scalar(name, args, vec![HiveType::String], returns, |columns, _| {
        let item = Field::new("item", DataType::Utf8, true);
        let mut builder = ListBuilder::new(StringBuilder::new()).with_field(item);
        for flags in text(columns, 0)? {
            match flags {
                Some(flags) => builder.append_value(named(flags).map(Some)),
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }))
}

fn named(flags: &str) -> impl Iterator<Item = &'static str> {
    flags.split(' ').zip(PRIVILEGES).filter(|(flag, _)| *flag == "1").map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_names_its_privilege() {
        assert_eq!(named("1 0 0 1 0 0 0 0 0 0").collect::<Vec<_>>(), ["SELECT", "DROP"]);
        assert_eq!(named("0 1 1 0 1 1 0 0 0 0").collect::<Vec<_>>(), ["UPDATE", "CREATE", "ALTER", "INDEX"]);
    }
}
