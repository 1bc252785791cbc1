//! AES in blocks of their own (ECB), filled up as PKCS #7 says.

use super::{
    arguments::{binary_or_string, primitives},
    function,
    rows::Bytes,
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction,
        resolve::{count, scalar, wrong_type},
    },
    types::HiveType,
};
use aes::{Aes128, Aes192, Aes256};
use datafusion::arrow::array::BinaryBuilder;
use ecb::{
    Decryptor, Encryptor,
    cipher::{BlockDecryptMut, BlockEncryptMut, KeyInit, block_padding::Pkcs7},
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "aes_encrypt",
        &[],
        "_FUNC_(input string/binary, key string/binary) - Encrypt input using AES.",
        "AES (Advanced Encryption Standard) algorithm. Key lengths of 128, 192 or 256 bits can be used. 192 and 256 bits keys can be used if Java Cryptography Extension (JCE) Unlimited Strength Jurisdiction Policy Files are installed. If either argument is NULL or the key length is not one of the permitted values, the return value is NULL.\nExample: > SELECT base64(_FUNC_('ABC', '1234567890123456'));\n 'y6Ss+zCYObpCbgfWfyNWTw=='",
        |name, args, _| aes(name, args, encrypted),
    ),
    function(
        "aes_decrypt",
        &[],
        "_FUNC_(input binary, key string/binary) - Decrypt input using AES.",
        "AES (Advanced Encryption Standard) algorithm. Key lengths of 128, 192 or 256 bits can be used. 192 and 256 bits keys can be used if Java Cryptography Extension (JCE) Unlimited Strength Jurisdiction Policy Files are installed. If either argument is NULL or the key length is not one of the permitted values, the return value is NULL.\nExample: > SELECT _FUNC_(unbase64('y6Ss+zCYObpCbgfWfyNWTw=='), '1234567890123456');\n 'ABC'",
        |name, args, _| {
            if args.first().is_some_and(|arg| !matches!(arg.ty, HiveType::Binary | HiveType::Void)) {
                return Err(wrong_type(name, args, 0, "binary"));
            }
            aes(name, args, decrypted)
        },
    ),
];

/// NULL where the key has no length that AES knows, or the input was not made with it.
fn aes(
    name: &str,
    args: &[Arg],
    change: fn(&[u8], &[u8]) -> Option<Vec<u8>>,
) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    primitives(name, args)?;
    let takes = args.iter().map(binary_or_string).collect();
    Ok(scalar(name, args, takes, HiveType::Binary, move |columns, rows| {
        let (values, keys) = (Bytes::of(&columns[0])?, Bytes::of(&columns[1])?);
        let mut builder = BinaryBuilder::with_capacity(rows, rows * 16);
        for row in 0..rows {
            let both = values.at(row).zip(keys.at(row));
            builder.append_option(both.and_then(|(value, key)| change(value, key)));
        }
        Ok(Arc::new(builder.finish()))
    }))
}

fn encrypted(value: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    Some(match key.len() {
        16 => Encryptor::<Aes128>::new_from_slice(key).ok()?.encrypt_padded_vec_mut::<Pkcs7>(value),
        24 => Encryptor::<Aes192>::new_from_slice(key).ok()?.encrypt_padded_vec_mut::<Pkcs7>(value),
        32 => Encryptor::<Aes256>::new_from_slice(key).ok()?.encrypt_padded_vec_mut::<Pkcs7>(value),
        _ => return None,
    })
}

fn decrypted(value: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let decrypted = match key.len() {
        16 => Decryptor::<Aes128>::new_from_slice(key).ok()?.decrypt_padded_vec_mut::<Pkcs7>(value),
        24 => Decryptor::<Aes192>::new_from_slice(key).ok()?.decrypt_padded_vec_mut::<Pkcs7>(value),
        32 => Decryptor::<Aes256>::new_from_slice(key).ok()?.decrypt_padded_vec_mut::<Pkcs7>(value),
        _ => return None,
    };
    decrypted.ok()
}
