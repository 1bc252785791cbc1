//! Functions that another crate adds to those that are built in.
//!
//! A program that links both crates calls [`extend`] before it does anything else, in each of its processes: a fragment
//! of a query carries the names of functions, and every process that runs one must find the same functions under them.

use super::{AggregateFunction, Definition, ScalarFunction, TableFunction, WindowFunction, registry};
use std::sync::{PoisonError, RwLock};

/// The functions of a crate.
#[derive(Debug, Clone, Copy)]
pub struct Extension {
    pub scalars: &'static [ScalarFunction],
    pub aggregates: &'static [AggregateFunction],
    pub windows: &'static [WindowFunction],
    pub tables: &'static [TableFunction],
}

impl Extension {
    /// For the kinds of which a crate has none: `..Extension::NONE`.
    pub const NONE: Extension = Extension { scalars: &[], aggregates: &[], windows: &[], tables: &[] };

    fn names(&self) -> impl Iterator<Item = &'static str> {
        fn of<R>(functions: &'static [Definition<R>]) -> impl Iterator<Item = &'static str> {
            functions
                .iter()
                .flat_map(|function| std::iter::once(&function.name).chain(function.aliases).copied())
        }
        of(self.scalars).chain(of(self.aggregates)).chain(of(self.windows)).chain(of(self.tables))
    }
}

/// There is a function of that name already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is a function {0} already")]
pub struct NameTaken(pub &'static str);

static ADDED: RwLock<Vec<&'static Extension>> = RwLock::new(Vec::new());

/// Adds all functions of the extension, or none.
pub fn extend(extension: &'static Extension) -> Result<(), NameTaken> {
    let mut added = ADDED.write().unwrap_or_else(PoisonError::into_inner);
    let is_added = |name: &str| added.iter().any(|other| other.names().any(|taken| taken == name));
    if let Some(name) = extension.names().find(|name| registry::is_built_in(name) || is_added(name)) {
        return Err(NameTaken(name));
    }
    added.push(extension);
    Ok(())
}

/// The added function of that name among those that `kind` picks.
pub(super) fn find<R>(
    name: &str,
    kind: fn(&Extension) -> &'static [Definition<R>],
) -> Option<&'static Definition<R>> {
    let added = ADDED.read().unwrap_or_else(PoisonError::into_inner);
    let mut all = added.iter().flat_map(|extension| kind(extension));
    all.find(|function| function.name == name || function.aliases.contains(&name))
}

/// All added functions of that kind.
pub(super) fn all<R>(kind: fn(&Extension) -> &'static [Definition<R>]) -> Vec<&'static Definition<R>> {
    let added = ADDED.read().unwrap_or_else(PoisonError::into_inner);
    added.iter().flat_map(|extension| kind(extension)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        functions::{Arg, FunctionError, Kernel, Scalar, SessionFacts, evaluate, resolve::primitive},
        types::HiveType,
    };
    use datafusion::{
        arrow::{array::Int64Array, datatypes::Int64Type},
        logical_expr::Volatility,
    };
    use std::sync::Arc;

    fn twice(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
        let returns = HiveType::BigInt;
        let kernel = Kernel::new(name, args, returns.arrow(), Volatility::Immutable, |columns, _| {
            let values = primitive::<Int64Type>(columns, 0)?;
            Ok(Arc::new(values.unary::<_, Int64Type>(|value| value * 2)) as Arc<Int64Array> as _)
        });
        Ok(Scalar { args: vec![HiveType::BigInt], returns, udf: kernel.into_udf() })
    }

    const TWICE: &[ScalarFunction] = &[ScalarFunction {
        name: "twice_of_a_test",
        aliases: &[],
        usage: "_FUNC_(x) - Returns x + x",
        extended: "",
        resolve: twice,
    }];
    const ADDED_TWICE: Extension = Extension { scalars: TWICE, ..Extension::NONE };

    #[test]
    fn what_is_added_is_found_listed_and_described_and_its_name_is_taken() {
        static OWN: Extension = ADDED_TWICE;
        static COUNT: Extension =
            Extension { scalars: &[ScalarFunction { name: "count", ..TWICE[0] }], ..Extension::NONE };
        assert!(registry::scalar("twice_of_a_test").is_none());
        extend(&OWN).unwrap();
        assert!(registry::scalar("TWICE_of_a_test").is_some());
        assert!(registry::names().contains(&"twice_of_a_test"));
        assert_eq!(
            registry::describe("twice_of_a_test", false),
            Some(vec!["twice_of_a_test(x) - Returns x + x".to_owned()])
        );
        assert_eq!(evaluate::text(&[TWICE], "twice_of_a_test", &[evaluate::int(21)]), "42");
        assert_eq!(extend(&OWN), Err(NameTaken("twice_of_a_test")));
        assert_eq!(extend(&COUNT), Err(NameTaken("count")));
    }
}
