//! A file of an object store as the readers of Parquet, ORC and Avro want to see it.

use crate::formats::range::FileRange;
use arrow_avro::errors::AvroError;
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use parquet::{
    arrow::arrow_reader::ArrowReaderOptions,
    errors::ParquetError,
    file::metadata::{ParquetMetaData, ParquetMetaDataReader},
};
use std::{io, ops::Range, sync::Arc};

/// Most footers of Parquet are smaller, and then come with one request.
const FOOTER_BYTES: usize = 64 << 10;

pub(super) struct StoreReader {
    store: Arc<dyn ObjectStore>,
    location: Path,
    size: u64,
}

impl StoreReader {
    pub fn new(store: Arc<dyn ObjectStore>, file: &FileRange) -> StoreReader {
        StoreReader { store, location: file.location(), size: file.size }
    }

    async fn get(&self, range: Range<u64>) -> io::Result<Bytes> {
        if range.end > self.size || range.start > range.end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        self.store.get_range(&self.location, range).await.map_err(io::Error::other)
    }
}

impl orc_rust::reader::AsyncChunkReader for StoreReader {
    fn len(&mut self) -> BoxFuture<'_, io::Result<u64>> {
        futures::future::ready(Ok(self.size)).boxed()
    }

    fn get_bytes(&mut self, offset: u64, length: u64) -> BoxFuture<'_, io::Result<Bytes>> {
        self.get(offset..offset.saturating_add(length)).boxed()
    }
}

impl arrow_avro::reader::AsyncFileReader for StoreReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, AvroError>> {
        self.get(range).map(|bytes| bytes.map_err(|error| AvroError::External(Box::new(error)))).boxed()
    }
}

impl parquet::arrow::async_reader::AsyncFileReader for StoreReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.get(range).map(|bytes| bytes.map_err(|error| ParquetError::External(Box::new(error)))).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        let size = self.size;
        async move {
            if ranges.iter().any(|range| range.end > size) {
                return Err(ParquetError::EOF("a column reaches beyond the file".to_owned()));
            }
            let fetched = self.store.get_ranges(&self.location, &ranges).await;
            fetched.map_err(|error| ParquetError::External(Box::new(error)))
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let size = self.size;
            let reader = ParquetMetaDataReader::new()
                .with_metadata_options(options.map(|options| options.metadata_options().clone()))
                .with_prefetch_hint(Some(FOOTER_BYTES));
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}
