//! Files that scripts and functions of a query need, on their way to the tasks: stored by their hashes, and laid into the working
//! directories of task processes.

use super::StageGraph;
use crate::{
    functions::program::{INTERNAL_PROGRAM, ProgramDescription},
    script::{ScriptExec, ScriptFile},
};
use datafusion::{
    common::{
        Result as PlanResult,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    physical_expr::{PhysicalExpr, ScalarFunctionExpr, expressions::Literal},
};
use skep_hdfs::client::Client;
use skep_jobs::{
    model::ShippedFile,
    submit::{SubmitError, store::store},
};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

const EXECUTABLE_BITS: u32 = 0o111;

/// Those of all scripts and functions of a graph. Two of one name may be there, and cannot lie side by side.
pub(super) fn files_of(graph: &StageGraph) -> PlanResult<Vec<ScriptFile>> {
    let mut files = Vec::new();
    for stage in &graph.stages {
        stage.plan.apply(|plan| {
            if let Some(script) = plan.downcast_ref::<ScriptExec>() {
                add(&script.description().files, &mut files);
            }
            plan.apply_expressions(&mut |expr| {
                expr.apply(|expr| {
                    if let Some(program) = program(expr) {
                        add(program.files(), &mut files);
                    }
                    Ok(TreeNodeRecursion::Continue)
                })
            })?;
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(files)
}

/// What an expression calls, if it is a program of the user's.
fn program(expr: &Arc<dyn PhysicalExpr>) -> Option<ProgramDescription> {
    let call = expr.downcast_ref::<ScalarFunctionExpr>().filter(|call| call.name() == INTERNAL_PROGRAM)?;
    let described = call.args().first()?.downcast_ref::<Literal>()?;
    ProgramDescription::of_text(described.value().try_as_str()??).ok()
}

/// Of two in one directory that share a name, the first is there.
fn add(wanted: &[ScriptFile], files: &mut Vec<ScriptFile>) {
    for (index, file) in wanted.iter().enumerate() {
        let is_hidden = wanted[..index].iter().any(|before| before.name == file.name);
        if !is_hidden && !files.contains(file) {
            files.push(file.clone());
        }
    }
}

/// Two files of one name.
pub(super) fn namesakes(files: &[ScriptFile]) -> Option<(&ScriptFile, &ScriptFile)> {
    let pairs = files
        .iter()
        .enumerate()
        .flat_map(|(index, one)| files[..index].iter().map(move |other| (other, one)));
    pairs.into_iter().find(|(one, other)| one.name == other.name)
}

/// Makes sure that the cluster has them.
pub(super) async fn ship(client: &Client, files: Vec<ScriptFile>) -> Result<Vec<ShippedFile>, SubmitError> {
    let mut shipped = Vec::with_capacity(files.len());
    for file in files {
        let local = Path::new(&file.path);
        let stored = store(client, local, |_| {}).await?;
        let executable =
            fs::metadata(local).is_ok_and(|metadata| metadata.permissions().mode() & EXECUTABLE_BITS != 0);
        shipped.push(ShippedFile { name: file.name, sha256: stored.sha256, path: stored.path, executable });
    }
    Ok(shipped)
}
