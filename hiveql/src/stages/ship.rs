//! Files that scripts of a query need, on their way to the tasks: stored by their hashes, and laid into the working
//! directories of task processes.

use super::StageGraph;
use crate::script::{ScriptExec, ScriptFile};
use datafusion::physical_plan::ExecutionPlan;
use skep_hdfs::client::Client;
use skep_jobs::{
    model::ShippedFile,
    submit::{SubmitError, store::store},
};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

const EXECUTABLE_BITS: u32 = 0o111;

/// Those of all scripts of a graph; of two that share a name, the first.
pub(super) fn files_of(graph: &StageGraph) -> Vec<ScriptFile> {
    let mut files = Vec::new();
    for stage in &graph.stages {
        collect(&stage.plan, &mut files);
    }
    files
}

fn collect(plan: &Arc<dyn ExecutionPlan>, files: &mut Vec<ScriptFile>) {
    if let Some(script) = plan.downcast_ref::<ScriptExec>() {
        for file in &script.description().files {
            if files.iter().all(|known| known.name != file.name) {
                files.push(file.clone());
            }
        }
    }
    plan.children().into_iter().for_each(|child| collect(child, files));
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
