//! `deserialize`: the messages of the metastore's events as text.

use super::{
    arguments::strings,
    function,
    rows::{text_at, try_texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{scalar, text},
    },
    types::HiveType,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use datafusion::common::{DataFusionError, Result as ExecutionResult};
use flate2::read::GzDecoder;
use std::{fmt::Write, io::Read};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[function(
    "deserialize",
    &[],
    "_FUNC_(base64 encoded message, compressionFormat) - Returns plain text string of given message which was compressed in compressionFormat and base64 encoded.",
    "Currently, Supports only 'gzip' for Gzip compressed and base 64 encoded strings.\nExample:\n  > SELECT _FUNC_('H4sIAAAAAAAA/ytJLS4BAAx+f9gEAAAA', 'gzip') FROM src LIMIT 1;\n  test",
    deserialize,
)];

#[derive(Debug, thiserror::Error)]
#[error("there is no format of messages {0:?}")]
struct UnknownFormat(String);

fn deserialize(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 2..=2)?;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let (messages, formats) = (text(columns, 0)?, text(columns, 1)?);
        let mut plain = String::new();
        try_texts(rows, messages.value_data().len(), |row, out| {
            let both = text_at(messages, row).zip(text_at(formats, row));
            let Some((message, format)) = both else { return Ok(None) };
            match format.to_ascii_lowercase().as_str() {
                "json" | "json-0.2" | "json-2.0" => Ok(out.write_str(message).ok()),
                "gzip" | "gzip(json-2.0)" => {
                    unpack(message, &mut plain)?;
                    Ok(out.write_str(&plain).ok())
                }
                _ => Err(DataFusionError::External(Box::new(UnknownFormat(format.to_owned())))),
            }
        })
    }))
}

fn unpack(message: &str, plain: &mut String) -> ExecutionResult<()> {
    let packed = STANDARD.decode(message).map_err(|error| DataFusionError::External(Box::new(error)))?;
    plain.clear();
    GzDecoder::new(packed.as_slice()).read_to_string(plain)?;
    Ok(())
}
