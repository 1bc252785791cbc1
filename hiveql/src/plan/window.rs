//! Window functions.

use super::{
    Planner, Problem, Relation, Result, Typed,
    aggregate::replace,
    call::{arguments, null_treatment},
    expr::Place,
};
use crate::{
    functions::registry,
    syntax::ast::{
        Expr as Ast, ExprKind, FrameBound, FrameUnit, FunctionCall, Literal, Span, Window,
        WindowFrame as AstFrame, WindowSpec,
    },
    types::HiveType,
};
use datafusion::{
    common::{
        Column, ScalarValue,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{
        Expr, LogicalPlanBuilder, SortExpr, WindowFrame, WindowFrameBound, WindowFrameUnits,
        expr::{WindowFunction, WindowFunctionDefinition},
    },
};
use std::collections::{BTreeMap, HashMap, btree_map::Entry};

impl Planner<'_> {
    pub(super) fn window_call(
        &self,
        name: &str,
        call: &FunctionCall,
        place: &Place<'_>,
        span: Span,
    ) -> Result<Typed> {
        let Some(windows) = place.windows else {
            return Err(Problem::WindowNotAllowed(place.clause).at(span));
        };
        let spec = match &call.over {
            Some(Window::Spec(spec)) => self.spec(spec, windows, windows.len())?,
            Some(Window::Named(name)) => self.spec(named(name, windows)?, windows, windows.len())?,
            None => WindowSpec::default(),
        };
        self.window_over(name, call, &spec, place, span)
    }

    /// The call over a window whose specification is complete.
    pub(super) fn window_over(
        &self,
        name: &str,
        call: &FunctionCall,
        spec: &WindowSpec,
        place: &Place<'_>,
        span: Span,
    ) -> Result<Typed> {
        let inside = Place { windows: None, window: Some(spec), clause: "a window function", ..*place };
        let mut ignore_nulls = call.ignore_nulls;
        let (definition, args, returns) = match registry::window(name) {
            Some(function) => {
                let mut args =
                    call.args.iter().map(|arg| self.expr(arg, &inside)).collect::<Result<Vec<_>>>()?;
                if let (true, Some(Expr::Literal(ScalarValue::Boolean(Some(skip)), _))) =
                    (matches!(name, "first_value" | "last_value"), args.get(1).map(|arg| &arg.expr))
                {
                    ignore_nulls = Some(*skip);
                    args.truncate(1);
                }
                let function = (function.resolve)(name, &arguments(&args), self.facts)
                    .map_err(|error| Problem::from(error).at(span))?;
                let args = self.cast_all(args, &function.args)?;
                (WindowFunctionDefinition::WindowUDF(function.udf), args, function.returns)
            }
            None => {
                let (function, args) = self.aggregate_args(name, call, &inside, span)?;
                (WindowFunctionDefinition::AggregateUDF(function.udf), args, function.returns)
            }
        };
        let mut window = WindowFunction::new(definition, args);
        let partition_by = spec.partition_by.iter().map(|expr| Ok(self.expr(expr, &inside)?.expr));
        window.params.partition_by = partition_by.collect::<Result<_>>()?;
        window.params.order_by = self.sort_exprs(&spec.order_by, &inside)?;
        window.params.window_frame =
            self.frame(spec.frame.as_ref(), &window.params.order_by, spec, &inside)?;
        window.params.distinct = call.distinct;
        window.params.null_treatment = ignore_nulls.map(null_treatment);
        if let Some(filter) = &call.filter {
            window.params.filter = Some(Box::new(self.condition(filter, &inside, "FILTER")?));
        }
        Ok(Typed::new(Expr::WindowFunction(Box::new(window)), returns))
    }

    /// A specification with what it takes over from a named one; `left` more of those can stand behind one another.
    fn spec(
        &self,
        spec: &WindowSpec,
        windows: &[(crate::syntax::ast::Name, WindowSpec)],
        left: usize,
    ) -> Result<WindowSpec> {
        let Some(base) = &spec.base else { return Ok(spec.clone()) };
        let Some(left) = left.checked_sub(1) else {
            return Err(Problem::Invalid(format!("Cycle in Window references: {}", base.text)).at(base.span));
        };
        let mut merged = self.spec(named(base, windows)?, windows, left)?;
        if !spec.partition_by.is_empty() {
            merged.partition_by.clone_from(&spec.partition_by);
        }
        if !spec.order_by.is_empty() {
            merged.order_by.clone_from(&spec.order_by);
        }
        merged.frame = spec.frame.clone().or(merged.frame);
        Ok(merged)
    }

    fn frame(
        &self,
        frame: Option<&AstFrame>,
        order_by: &[SortExpr],
        spec: &WindowSpec,
        place: &Place<'_>,
    ) -> Result<WindowFrame> {
        let types = spec.order_by.iter().map(|key| Ok(self.expr(&key.expr, place)?.ty));
        let types = types.collect::<Result<Vec<_>>>()?;
        // Up to the peers of the row: groups of peers say the same for types that cannot be subtracted.
        let has_range = types.iter().all(|ty| ty.is_numeric() || ty.is_text() || ty.is_datetime());
        let Some(frame) = frame else {
            if !has_range {
                let start = WindowFrameBound::Preceding(ScalarValue::UInt64(None));
                let end = WindowFrameBound::CurrentRow;
                return Ok(WindowFrame::new_bounds(WindowFrameUnits::Groups, start, end));
            }
            let ordered = (!order_by.is_empty()).then_some(false);
            return Ok(WindowFrame::new(ordered));
        };
        let counts =
            |bound: &FrameBound| matches!(bound, FrameBound::Preceding(_) | FrameBound::Following(_));
        if frame.unit == FrameUnit::Range
            && !has_range
            && (counts(&frame.start) || frame.end.as_ref().is_some_and(counts))
        {
            let text = "Value based Window Boundary: the sort key is of no type that can be counted in";
            return Err(Problem::Invalid(text.to_owned()).into());
        }
        let units = match (frame.unit, order_by) {
            (FrameUnit::Rows, _) => WindowFrameUnits::Rows,
            // Without an order all rows are peers, whatever the bounds are.
            (FrameUnit::Range, []) => return Ok(WindowFrame::new(None)),
            (FrameUnit::Range, _) if !has_range => WindowFrameUnits::Groups,
            (FrameUnit::Range, _) => WindowFrameUnits::Range,
        };
        let key = types.into_iter().next().filter(|_| units == WindowFrameUnits::Range);
        let start = self.bound(&frame.start, key.as_ref(), true)?;
        let end = match &frame.end {
            Some(end) => self.bound(end, key.as_ref(), false)?,
            None => WindowFrameBound::CurrentRow,
        };
        Ok(WindowFrame::new_bounds(units, start, end))
    }

    /// `key`: the type of the sort key that a RANGE counts in.
    fn bound(&self, bound: &FrameBound, key: Option<&HiveType>, is_start: bool) -> Result<WindowFrameBound> {
        let unbounded = ScalarValue::UInt64(None);
        Ok(match bound {
            FrameBound::UnboundedPreceding if !is_start => {
                return Err(
                    Problem::Invalid("a window frame cannot end at UNBOUNDED PRECEDING".into()).into()
                );
            }
            FrameBound::UnboundedPreceding => WindowFrameBound::Preceding(unbounded),
            FrameBound::UnboundedFollowing => WindowFrameBound::Following(unbounded),
            FrameBound::CurrentRow => WindowFrameBound::CurrentRow,
            FrameBound::Preceding(offset) => WindowFrameBound::Preceding(self.offset(offset, key)?),
            FrameBound::Following(offset) => WindowFrameBound::Following(self.offset(offset, key)?),
        })
    }

    fn offset(&self, offset: &Ast, key: Option<&HiveType>) -> Result<ScalarValue> {
        let invalid = || {
            Problem::Invalid("a window frame's bound must be a constant number".to_owned()).at(offset.span)
        };
        let ExprKind::Literal(Literal::Number(digits)) = &offset.kind else { return Err(invalid()) };
        match key {
            None => Ok(ScalarValue::UInt64(Some(digits.parse().map_err(|_| invalid())?))),
            // The planner of DataFusion reads text as what the key's type needs.
            Some(ty) if ty.is_datetime() => Ok(ScalarValue::Utf8(Some(format!("{digits} days")))),
            Some(_) => Ok(ScalarValue::Utf8(Some(digits.clone()))),
        }
    }

    /// Computes the window functions in `outputs` and puts columns in their place; what stands inside of another comes first.
    pub(super) fn windowed<'b>(
        &self,
        mut relation: Relation,
        outputs: impl Iterator<Item = &'b mut Expr>,
    ) -> Result<Relation> {
        let mut outputs = outputs.collect::<Vec<_>>();
        loop {
            let calls = innermost(outputs.iter().map(|output| &**output))?;
            if calls.is_empty() {
                return Ok(relation);
            }
            let columns = self.window_columns(&mut relation, calls)?;
            for output in &mut outputs {
                **output = replace(output.clone(), &columns)?;
            }
        }
    }

    /// Adds a column for each call. The operator names its columns by the text of the calls, which different calls can share:
    /// those take turns.
    pub(super) fn window_columns(
        &self,
        relation: &mut Relation,
        calls: Vec<Expr>,
    ) -> Result<HashMap<Expr, Column>> {
        let mut columns = HashMap::new();
        let mut rest = calls;
        while !rest.is_empty() {
            let mut turn: BTreeMap<String, Expr> = BTreeMap::new();
            let mut later = Vec::new();
            for call in rest {
                let name = call.schema_name().to_string();
                match turn.entry(name) {
                    Entry::Occupied(_) => later.push(call),
                    Entry::Vacant(place) => {
                        place.insert(call);
                    }
                }
            }
            rest = later;
            let mut exprs: Vec<_> = relation.plan.schema().columns().into_iter().map(Expr::Column).collect();
            let plan = std::mem::take(&mut relation.plan);
            let plan = LogicalPlanBuilder::window_plan(plan, turn.values().cloned())?;
            for (name, call) in turn {
                let column = Column::new_unqualified(self.fresh("window"));
                exprs.push(Expr::Column(Column::new_unqualified(name)).alias(column.name.clone()));
                columns.insert(call, column);
            }
            relation.plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
        }
        Ok(columns)
    }
}

/// The window functions without another one inside.
fn innermost<'b>(exprs: impl Iterator<Item = &'b Expr>) -> Result<Vec<Expr>> {
    let mut found: Vec<Expr> = Vec::new();
    for expr in exprs {
        expr.apply(|node| {
            if !matches!(node, Expr::WindowFunction(_)) {
                return Ok(TreeNodeRecursion::Continue);
            }
            let mut inner = false;
            node.apply_children(|child| {
                inner |= child.exists(|node| Ok(matches!(node, Expr::WindowFunction(_))))?;
                Ok(TreeNodeRecursion::Continue)
            })?;
            if !inner && !found.contains(node) {
                found.push(node.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(found)
}

fn named<'b>(
    name: &crate::syntax::ast::Name,
    windows: &'b [(crate::syntax::ast::Name, WindowSpec)],
) -> Result<&'b WindowSpec> {
    let found = windows.iter().find(|(other, _)| other.is(&name.text)).map(|(_, spec)| spec);
    found.ok_or_else(|| Problem::WindowNotFound(name.text.clone()).at(name.span))
}
