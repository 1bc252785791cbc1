//! The reading side, for `skep jobs logs` and for the copy in the cluster's storage. Works on the directory alone, so that
//! the log of a job that is over can be read too.

use super::writer::{segment_path, segments};
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogText {
    pub text: String,
    /// Whether older text was left out.
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub stem: String,
    pub from: u64,
    pub to: u64,
}

pub(super) fn parse_mark(line: &str) -> Option<Mark> {
    let mut words = line.split(' ');
    let (stem, from, to) = (words.next()?, words.next()?, words.next()?);
    Some(Mark { stem: stem.to_owned(), from: from.parse().ok()?, to: to.parse().ok()? })
}

/// The newest `bytes_max` bytes of the log in `directory`; of these attempts only, if any are named. No log: no text.
pub fn read_log(directory: &Path, stems: Option<&[String]>, bytes_max: u64) -> io::Result<LogText> {
    read_with(directory, stems, bytes_max, &[])
}

/// `running`: attempts whose end is not marked yet, and where they began.
pub(super) fn read_with(
    directory: &Path,
    stems: Option<&[String]>,
    bytes_max: u64,
    running: &[(String, u64)],
) -> io::Result<LogText> {
    let segments = segments(directory)?;
    let bytes = match stems {
        None => return newest(directory, &segments, bytes_max),
        Some(stems) => slices(directory, &segments, stems, running)?,
    };
    let skip = cut(&bytes, bytes_max);
    Ok(LogText { text: String::from_utf8_lossy(&bytes[skip..]).into_owned(), truncated: skip > 0 })
}

/// Where text that must not be longer than `bytes_max` begins: after a line's end, if it is cut at all.
fn cut(bytes: &[u8], bytes_max: u64) -> usize {
    let skip = bytes.len().saturating_sub(usize::try_from(bytes_max).unwrap_or(usize::MAX));
    if skip == 0 {
        return 0;
    }
    bytes[skip..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| skip + end + 1)
}

fn newest(directory: &Path, segments: &[u64], bytes_max: u64) -> io::Result<LogText> {
    let mut parts = Vec::new();
    let mut left = bytes_max;
    let mut truncated = segments.first().is_some_and(|start| *start > 0);
    for start in segments.iter().rev() {
        let mut file = File::open(segment_path(directory, *start))?;
        let length = file.metadata()?.len();
        // One byte more tells whether the cut is at a line's end.
        let wanted = left.saturating_add(1).min(length);
        file.seek(SeekFrom::Start(length - wanted))?;
        let mut bytes = Vec::new();
        file.take(wanted).read_to_end(&mut bytes)?;
        let skip = cut(&bytes, left);
        truncated |= skip > 0 || wanted < length;
        left -= (bytes.len() - skip) as u64;
        parts.push(bytes.split_off(skip));
        if skip > 0 || left == 0 {
            truncated |= segments.first() != Some(start);
            break;
        }
    }
    parts.reverse();
    Ok(LogText { text: String::from_utf8_lossy(&parts.concat()).into_owned(), truncated })
}

/// Lines that were printed while one of the attempts ran, without those that name another one.
fn slices(
    directory: &Path,
    segments: &[u64],
    stems: &[String],
    running: &[(String, u64)],
) -> io::Result<Vec<u8>> {
    let marks = fs::read_to_string(directory.join("marks")).unwrap_or_default();
    let mut ranges: Vec<(u64, u64)> = marks
        .lines()
        .filter_map(parse_mark)
        .chain(running.iter().map(|(stem, from)| Mark { stem: stem.clone(), from: *from, to: u64::MAX }))
        .filter(|mark| stems.contains(&mark.stem))
        .map(|mark| (mark.from, mark.to))
        .collect();
    ranges.sort_unstable();
    let mut found = Vec::new();
    for start in segments {
        let bytes = fs::read(segment_path(directory, *start))?;
        let mut offset = *start;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let inside = ranges.iter().any(|(from, to)| (*from..*to).contains(&offset));
            let wanted = match tag(line) {
                Some(tag) => stems.iter().any(|stem| stem.as_bytes() == tag),
                None => inside,
            };
            if wanted {
                found.extend_from_slice(line);
            }
            offset += line.len() as u64;
        }
    }
    Ok(found)
}

/// The attempt that wrote the line, if it is known: `TIME [STEM] TEXT`, where STEM is four words with dots between.
fn tag(line: &[u8]) -> Option<&[u8]> {
    let after_time = line.iter().position(|byte| *byte == b' ')? + 1;
    let rest = line[after_time..].strip_prefix(b"[")?;
    let stem = &rest[..rest.iter().position(|byte| *byte == b']')?];
    let dots = stem.iter().filter(|byte| **byte == b'.').count();
    let plain = stem.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.');
    (dots == 3 && plain).then_some(stem)
}
