//! Generic options in front of the command: `skep fs -D dfs.replication=1 -put ...`.

use super::words::UsageError;
use skep_hdfs::client::CreateOptions;
use skep_jobs::conf::parse_size;

const REPLICATION: &str = "dfs.replication";
const BLOCK_SIZE: &str = "dfs.blocksize";

/// How new files of the cluster are made, and the words that are left.
pub fn parse(words: &[String]) -> Result<(CreateOptions, &[String]), UsageError> {
    let mut options = CreateOptions { overwrite: true, ..CreateOptions::default() };
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let Some(joined) = word.strip_prefix("-D") else { break };
        let (property, after) = match (joined.is_empty(), after) {
            (false, after) => (joined, after),
            (true, [property, after @ ..]) => (property.as_str(), after),
            (true, []) => return Err(UsageError::NoValue("D".to_owned())),
        };
        set(&mut options, property)?;
        rest = after;
    }
    Ok((options, rest))
}

fn set(options: &mut CreateOptions, property: &str) -> Result<(), UsageError> {
    let wrong = |message: String| Err(UsageError::Other(message));
    let Some((name, value)) = property.split_once('=') else {
        return wrong(format!("-D {property}: write it as NAME=VALUE"));
    };
    match name {
        REPLICATION => match value.parse() {
            Ok(replication) if replication > 0 => options.replication = Some(replication),
            _ => return wrong(format!("{name}={value}: the number of replicas is 1 or more")),
        },
        BLOCK_SIZE => match parse_size(value) {
            Some(bytes) if bytes > 0 => options.block_bytes = Some(bytes),
            _ => return wrong(format!("{name}={value}: a size is bytes, or a number with k, m, g or t")),
        },
        _ => return wrong(format!("-D {name}: only {REPLICATION} and {BLOCK_SIZE} have a meaning here")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<(CreateOptions, Vec<String>), String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (options, rest) = parse(&words).map_err(|error| error.to_string())?;
        Ok((options, rest.to_vec()))
    }

    #[test]
    fn properties_come_before_the_command_in_both_spellings() {
        let (options, rest) =
            parsed(&["-D", "dfs.replication=1", "-Ddfs.blocksize=64m", "-put", "-D"]).unwrap();
        assert_eq!((options.replication, options.block_bytes), (Some(1), Some(64 << 20)));
        assert_eq!(rest, ["-put", "-D"]);
    }

    #[test]
    fn a_property_that_would_be_ignored_is_refused() {
        for (words, named) in [
            (vec!["-D"], "requires 1 argument"),
            (vec!["-D", "dfs.replication"], "NAME=VALUE"),
            (vec!["-D", "dfs.replication=0"], "1 or more"),
            (vec!["-D", "dfs.blocksize=big"], "a size is"),
            (vec!["-D", "dfs.client.retries=3", "ls"], "dfs.client.retries"),
        ] {
            let error = parsed(&words).unwrap_err();
            assert!(error.contains(named), "{words:?}: {error}");
        }
    }
}
