//! `skep submit`: a job binary becomes this process and submits itself; streaming commands are submitted from here.

mod binary;
mod streaming;

use super::Outcome;
use crate::{
    args::{GlobalArgs, submit::SubmitArgs},
    find_cluster,
};
use skep_jobs::submit::SubmitEnvironment;

pub fn run(global: &GlobalArgs, args: &SubmitArgs) -> Outcome {
    let environment = SubmitEnvironment {
        name: args.name.clone(),
        conf: args.conf.clone(),
        detach: args.detach,
        ..find_cluster::submit_environment(global)?
    };
    match args.program.split_first() {
        Some((binary, arguments)) => binary::run(environment, binary.as_ref(), arguments),
        None => streaming::run(environment, &args.streaming),
    }
}
