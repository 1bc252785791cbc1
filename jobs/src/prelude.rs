//! What a job binary usually needs: `use skep_jobs::prelude::*;`.

pub use crate::{
    mapreduce::{Combiner, Mapper, Partitioner, Reducer},
    plan::{Counter, Dataset, Emitter, InputPiece, Plan, Values},
    record::{Key, Line, Record, Reverse, Serde},
};
