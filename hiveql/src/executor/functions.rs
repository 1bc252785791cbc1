//! DataFusion's own functions, which fragments name.

use datafusion::{
    execution::{SessionStateDefaults, TaskContext, config::SessionConfig, runtime_env::RuntimeEnv},
    logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, WindowUDF},
};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

struct Functions {
    scalar: HashMap<String, Arc<ScalarUDF>>,
    higher_order: HashMap<String, Arc<HigherOrderUDF>>,
    aggregate: HashMap<String, Arc<AggregateUDF>>,
    window: HashMap<String, Arc<WindowUDF>>,
}

/// Made once per process: a context of its own for each attempt then costs a copy of names.
static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    let scalar = SessionStateDefaults::default_scalar_functions();
    let higher_order = SessionStateDefaults::default_higher_order_functions();
    let aggregate = SessionStateDefaults::default_aggregate_functions();
    let window = SessionStateDefaults::default_window_functions();
    Functions {
        scalar: scalar.into_iter().map(|udf| (udf.name().to_owned(), udf)).collect(),
        higher_order: higher_order.into_iter().map(|udf| (udf.name().to_owned(), udf)).collect(),
        aggregate: aggregate.into_iter().map(|udf| (udf.name().to_owned(), udf)).collect(),
        window: window.into_iter().map(|udf| (udf.name().to_owned(), udf)).collect(),
    }
});

pub(super) fn context(task: &str, config: SessionConfig, runtime: Arc<RuntimeEnv>) -> TaskContext {
    TaskContext::new(
        Some(task.to_owned()),
        String::new(),
        config,
        FUNCTIONS.scalar.clone(),
        FUNCTIONS.higher_order.clone(),
        FUNCTIONS.aggregate.clone(),
        FUNCTIONS.window.clone(),
        runtime,
    )
}
