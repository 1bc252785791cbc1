//! Lists made of elements that lie in other arrays.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ListArray, NullBufferBuilder, new_empty_array},
        buffer::{OffsetBuffer, ScalarBuffer},
        compute::interleave,
        datatypes::{DataType, Field},
    },
    common::{DataFusionError, Result},
};
use std::sync::Arc;

/// Says for each list of the result which elements it has.
#[derive(Debug)]
pub(crate) struct Gather {
    indices: Vec<(usize, usize)>,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Gather {
    pub(crate) fn with_capacity(rows: usize) -> Gather {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Gather { indices: Vec::new(), offsets, nulls: NullBufferBuilder::new(rows) }
    }

    /// Adds the element at `index` of the array `source` to the list that is being made.
    pub(crate) fn push(&mut self, source: usize, index: usize) {
        self.indices.push((source, index));
    }

    /// Ends a list.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.close()?;
        self.nulls.append_non_null();
        Ok(())
    }

    /// Ends with NULL instead of a list.
    pub(crate) fn end_null(&mut self) -> Result<()> {
        self.close()?;
        self.nulls.append_null();
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let offset = i32::try_from(self.indices.len()).map_err(|_| {
            DataFusionError::ResourcesExhausted("too many elements in a batch of lists".into())
        })?;
        self.offsets.push(offset);
        Ok(())
    }

    /// The lists, as Arrow holds an array whose elements are `element`.
    pub(crate) fn finish(mut self, sources: &[&dyn Array], element: &DataType) -> Result<ArrayRef> {
        let values = gathered(sources, &self.indices, element)?;
        let field = Arc::new(Field::new("item", element.clone(), true));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        Ok(Arc::new(ListArray::try_new(field, offsets, values, self.nulls.finish())?))
    }
}

pub(crate) fn gathered(
    sources: &[&dyn Array],
    indices: &[(usize, usize)],
    ty: &DataType,
) -> Result<ArrayRef> {
    match indices.is_empty() {
        true => Ok(new_empty_array(ty)),
        false => Ok(interleave(sources, indices)?),
    }
}
