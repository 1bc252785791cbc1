//! CREATE TABLE ... LIKE FILE: a table with the columns of a file.

use super::{Answer, Session, SessionError};
use crate::{
    catalog::WrittenName,
    ddl::{self, DdlContext, create_table},
    formats::{FileRange, FormatError, SelfDescribing, file_columns},
    syntax::ast::{ColumnDefinition, CreateSource, CreateTable, Name},
    write::WriteError,
};
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};
use std::sync::Arc;

/// What Parquet's bytes without a type are; `binary` where it is not said.
const BINARY_AS: &str = "hive.parquet.infer.binary.as";

impl Session {
    pub(super) async fn create_table_like_file(
        &self,
        context: &DdlContext<'_>,
        create: &CreateTable,
        format: &str,
        path: &str,
        text: &str,
    ) -> Result<Answer, SessionError> {
        let of_ddl = |error| SessionError::of_ddl(&error, text);
        let Some(format) = SelfDescribing::of_word(format) else {
            return Err(SessionError::new(format!(
                "SemanticException CREATE TABLE LIKE FILE is not supported by the '{}' file format",
                format.to_lowercase()
            )));
        };
        if create_table::exists(context, create).await.map_err(of_ddl)? {
            return Ok(Answer::done());
        }
        let location = self.located(path);
        let (store, found) = context.stores.resolve(&location).map_err(of_ddl)?;
        let file = file(&store, &found).await.map_err(|source| WriteError::Store {
            doing: "reading",
            location,
            source,
        })?;
        let file = FileRange::whole(file.location.to_string(), file.size);
        let text_of_bytes = format == SelfDescribing::Parquet
            && self.settings.get(BINARY_AS).is_some_and(|word| word.eq_ignore_ascii_case("string"));
        let columns = file_columns(store, &file, format, text_of_bytes)
            .await
            .map_err(|error: FormatError| SessionError::new(format!("SemanticException {error}")))?;
        let column = |(name, ty)| ColumnDefinition {
            name: Name { text: name, quoted: true, span: create.name.span },
            ty: Some(ty),
            comment: Some(format!("Inferred from {} file.", format.word())),
            constraints: Vec::new(),
        };
        let create = CreateTable {
            columns: columns.into_iter().map(column).collect(),
            source: CreateSource::None,
            ..create.clone()
        };
        let table = create_table::define(context, &create, None).await.map_err(of_ddl)?;
        ddl::create_table::store(context, table).await.map_err(of_ddl)?;
        Ok(Answer::done())
    }
}

/// The file of that path. A table's own carry the number of their write, which a script that was written for Hive does not
/// know: there, the one that would be called so counts.
async fn file(store: &Arc<dyn ObjectStore>, path: &Path) -> object_store::Result<ObjectMeta> {
    let missing = match store.head(path).await {
        Err(error @ object_store::Error::NotFound { .. }) => error,
        found => return found,
    };
    let (mut parts, name): (Vec<_>, _) = (path.parts().collect(), path.filename().unwrap_or_default());
    parts.pop();
    let folder: Path = parts.into_iter().collect();
    let mut files: Vec<ObjectMeta> = store.list(Some(&folder)).try_collect().await?;
    files.retain(|file| {
        let written = file.location.filename().and_then(WrittenName::of_path);
        written.is_some_and(|written| written.plain() == name)
    });
    files.into_iter().max_by_key(|file| file.last_modified).ok_or(missing)
}
