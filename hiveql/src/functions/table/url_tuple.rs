//! `parse_url_tuple`: several parts of a URL at once.

use super::{rows_of, table};
use crate::{
    functions::{
        Arg, FunctionError, SessionFacts, Table, TableFunction,
        resolve::{count, text, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, StringArray, StringBuilder},
        buffer::OffsetBuffer,
    },
    common::Result as ExecutionResult,
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[TableFunction] = &[TableFunction {
    name: "parse_url_tuple",
    aliases: &[],
    usage: "_FUNC_(url, partname1, partname2, ..., partnameN) - extracts N (N>=1) parts from a URL.\nIt takes a URL and one or multiple partnames, and returns a tuple. All the input parameters and output column types are string.",
    extended: "Partname: HOST, PATH, QUERY, REF, PROTOCOL, AUTHORITY, FILE, USERINFO, QUERY:<KEY_NAME>\nNote: Partnames are case-sensitive, and should not contain unnecessary white spaces.\nExample:\n  > SELECT b.* FROM src LATERAL VIEW _FUNC_(fullurl, 'HOST', 'PATH', 'QUERY', 'QUERY:id') b as host, path, query, query_id LIMIT 1;\n  > SELECT _FUNC_(a.fullurl, 'HOST', 'PATH', 'QUERY', 'REF', 'PROTOCOL', 'FILE',  'AUTHORITY', 'USERINFO', 'QUERY:k1') as (ho, pa, qu, re, pr, fi, au, us, qk1) from src a;",
    resolve,
}];

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Table, FunctionError> {
    count(name, args, 2..=usize::MAX)?;
    for (index, arg) in args.iter().enumerate() {
        if !arg.ty.is_text() && arg.ty != HiveType::Void {
            return Err(wrong_type(name, args, index, "string"));
        }
    }
    let names: Vec<_> = (0..args.len() - 1).map(|column| (format!("c{column}"), HiveType::String)).collect();
    let columns = names.clone();
    Ok(table(name, args, vec![HiveType::String; args.len()], names, move |arrays, rows| {
        let urls = text(arrays, 0)?;
        let wanted = (1..arrays.len())
            .map(|index| text(arrays, index))
            .collect::<ExecutionResult<Vec<&StringArray>>>()?;
        let mut builders: Vec<_> =
            wanted.iter().map(|_| StringBuilder::with_capacity(rows, rows * 8)).collect();
        for row in 0..rows {
            let url = urls.is_valid(row).then(|| urls.value(row)).and_then(Parts::of);
            for (builder, wanted) in builders.iter_mut().zip(&wanted) {
                let name = wanted.is_valid(row).then(|| wanted.value(row));
                builder.append_option(url.as_ref().zip(name).and_then(|(url, name)| url.get(name)));
            }
        }
        let parts = builders.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).collect();
        rows_of(&columns, parts, OffsetBuffer::from_lengths(std::iter::repeat_n(1, rows)), None)
    }))
}

/// The parts of a URL as they are written; `java.net.URL` decodes and completes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::functions) struct Parts<'a> {
    protocol: &'a str,
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    reference: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// `None` for a protocol that Java has no handler for.
    pub(in crate::functions) fn of(url: &'a str) -> Option<Parts<'a>> {
        const PROTOCOLS: &[&str] = &["http", "https", "ftp", "file", "jar", "mailto"];
        let (protocol, rest) = url.trim().split_once(':')?;
        if !PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(protocol)) {
            return None;
        }
        let (rest, reference) = match rest.split_once('#') {
            Some((rest, reference)) => (rest, Some(reference)),
            None => (rest, None),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        Some(Parts { protocol, authority, path, query, reference })
    }

    pub(in crate::functions) fn get(&self, name: &str) -> Option<String> {
        let (user, server) = match self.authority.rsplit_once('@') {
            Some((user, server)) => (Some(user), server),
            None => (None, self.authority),
        };
        Some(match name {
            "HOST" => match server.strip_prefix('[') {
                // An address of IPv6 keeps its brackets.
                Some(rest) => format!("[{}]", rest.split(']').next()?),
                None => server.split(':').next()?.to_owned(),
            },
            "PATH" => self.path.to_owned(),
            "QUERY" => self.query?.to_owned(),
            "REF" => self.reference?.to_owned(),
            "PROTOCOL" => self.protocol.to_ascii_lowercase(),
            "FILE" => match self.query {
                Some(query) => format!("{}?{query}", self.path),
                None => self.path.to_owned(),
            },
            "AUTHORITY" => self.authority.to_owned(),
            "USERINFO" => user?.to_owned(),
            _ => {
                let key = name.strip_prefix("QUERY:")?;
                let pairs = self.query?.split('&').filter_map(|pair| pair.split_once('='));
                pairs.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).next()?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_those_that_java_names() {
        let url = "https://me@www.socs.uts.edu.au:80/MosaicDocs-old/url-primer.html?k1=tps&k2=x#chapter1";
        let parts = Parts::of(url).unwrap();
        for (name, expected) in [
            ("HOST", Some("www.socs.uts.edu.au")),
            ("PATH", Some("/MosaicDocs-old/url-primer.html")),
            ("QUERY", Some("k1=tps&k2=x")),
            ("REF", Some("chapter1")),
            ("PROTOCOL", Some("https")),
            ("FILE", Some("/MosaicDocs-old/url-primer.html?k1=tps&k2=x")),
            ("AUTHORITY", Some("me@www.socs.uts.edu.au:80")),
            ("USERINFO", Some("me")),
            ("QUERY:k2", Some("x")),
            ("QUERY:k3", None),
            ("host", None),
        ] {
            assert_eq!(parts.get(name).as_deref(), expected, "{name}");
        }
        assert_eq!(Parts::of("htttp://"), None);
        assert_eq!(Parts::of("[invalid url string]"), None);
    }
}
