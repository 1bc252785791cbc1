//! The writing side: lines get their time, segments are turned, marks are kept.

use super::capture::NonBlocking;
use crate::limits;
use chrono::{SecondsFormat, Utc};
use std::{
    collections::{BTreeMap, VecDeque},
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

pub(super) struct Writer {
    directory: PathBuf,
    /// Made, with its directory, for the first byte: most tasks print nothing.
    segment: Option<File>,
    segment_start: u64,
    /// Offset of the next byte, counted from the job's first.
    end: u64,
    /// The beginning of a line whose end has not come.
    partial: Vec<u8>,
    /// Attempts that run now, and where each began.
    running: BTreeMap<String, u64>,
    /// For messages about a process that died.
    recent: VecDeque<String>,
    /// Bytes that could not be kept since the last time it worked.
    dropped_bytes: u64,
    pub pipe: Option<NonBlocking>,
}

impl Writer {
    pub fn open(directory: &Path) -> io::Result<Writer> {
        let segment_start = segments(directory)?.last().copied();
        let written = segment_start.map(|start| fs::metadata(segment_path(directory, start)));
        let segment_start = segment_start.unwrap_or(0);
        let end = segment_start + written.transpose()?.map_or(0, |metadata| metadata.len());
        Ok(Writer {
            directory: directory.to_path_buf(),
            segment: None,
            segment_start,
            end,
            partial: Vec::new(),
            running: BTreeMap::new(),
            recent: VecDeque::new(),
            dropped_bytes: 0,
            pipe: None,
        })
    }

    pub fn begin(&mut self, stem: &str) {
        self.running.insert(stem.to_owned(), self.end);
    }

    /// An attempt that ran while nothing was printed leaves no mark.
    pub fn end(&mut self, stem: &str) {
        self.flush_partial();
        let Some(from) = self.running.remove(stem).filter(|from| *from < self.end) else { return };
        let line = format!("{stem} {from} {}\n", self.end);
        let marks = File::options().create(true).append(true).open(self.directory.join("marks"));
        if let Err(error) = marks.and_then(|mut marks| marks.write_all(line.as_bytes())) {
            tracing::debug!(%error, "cannot mark where an attempt printed");
        }
    }

    pub fn running(&self) -> Vec<(String, u64)> {
        self.running.iter().map(|(stem, from)| (stem.clone(), *from)).collect()
    }

    /// Bytes as they come out of the processes of the job.
    pub fn append(&mut self, bytes: &[u8]) {
        let time = now();
        let mut out = Vec::with_capacity(bytes.len() + 64);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.partial.len() >= limits::LOG_LINE_BYTES_MAX {
                self.take_line(&time, &mut out);
            }
        }
        self.write(&out);
    }

    pub fn append_tagged(&mut self, stem: &str, lines: &[u8]) {
        let time = now();
        let mut out = Vec::with_capacity(lines.len() + 64);
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            out.extend_from_slice(format!("{time} [{stem}] ").as_bytes());
            out.extend_from_slice(line);
            out.push(b'\n');
            self.remember(line);
        }
        self.write(&out);
    }

    /// Takes what is in the pipe now, but not for ever.
    pub fn drain(&mut self) {
        let mut buffer = [0; 16 << 10];
        for _ in 0..limits::LOG_DRAIN_READS_MAX {
            match self.pipe.as_mut().map(|pipe| pipe.read(&mut buffer)) {
                Some(Ok(Some(0)) | Err(_)) => self.pipe = None,
                Some(Ok(Some(length))) => self.append(&buffer[..length]),
                Some(Ok(None)) | None => return,
            }
        }
    }

    /// Nobody writes any more.
    pub fn finish(&mut self) {
        self.flush_partial();
        let running: Vec<String> = self.running.keys().cloned().collect();
        running.iter().for_each(|stem| self.end(stem));
    }

    pub fn last_lines(&self) -> String {
        self.recent.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    fn flush_partial(&mut self) {
        if !self.partial.is_empty() {
            let mut out = Vec::new();
            self.take_line(&now(), &mut out);
            self.write(&out);
        }
    }

    fn take_line(&mut self, time: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(time.as_bytes());
        out.push(b' ');
        out.extend_from_slice(&self.partial);
        if !self.partial.ends_with(b"\n") {
            out.push(b'\n');
        }
        let line = std::mem::take(&mut self.partial);
        self.remember(line.strip_suffix(b"\n").unwrap_or(&line));
    }

    fn remember(&mut self, line: &[u8]) {
        let line = &line[..line.len().min(limits::LAST_LINE_BYTES_MAX)];
        self.recent.push_back(String::from_utf8_lossy(line).into_owned());
        if self.recent.len() > limits::LAST_LINES_MAX {
            self.recent.pop_front();
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Err(error) = self.write_whole(bytes) {
            if self.dropped_bytes == 0 {
                tracing::warn!(%error, directory = %self.directory.display(), "a job's log cannot be kept now");
            }
            self.dropped_bytes += bytes.len() as u64;
        }
    }

    fn write_whole(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.end - self.segment_start >= limits::LOG_SEGMENT_BYTES {
            self.turn()?;
        }
        let mut segment = match self.segment.take() {
            Some(segment) => segment,
            None => open_segment(&self.directory, self.segment_start)?,
        };
        if self.dropped_bytes > 0 {
            let note = format!(
                "{} [{} bytes could not be kept: the disk failed or was full]\n",
                now(),
                self.dropped_bytes
            );
            segment.write_all(note.as_bytes())?;
            self.dropped_bytes = 0;
        }
        let written = segment.write_all(bytes);
        // After a failed write the file may hold a part of it: offsets follow the file.
        self.end = self.segment_start + segment.metadata()?.len();
        self.segment = Some(segment);
        written
    }

    /// Begins a new segment and drops what is over the bound.
    fn turn(&mut self) -> io::Result<()> {
        self.segment = Some(open_segment(&self.directory, self.end)?);
        self.segment_start = self.end;
        let mut kept = segments(&self.directory)?;
        kept.reverse();
        for old in kept.iter().skip(limits::LOG_SEGMENTS_KEPT) {
            fs::remove_file(segment_path(&self.directory, *old))?;
        }
        let oldest = kept.iter().take(limits::LOG_SEGMENTS_KEPT).next_back().copied().unwrap_or(0);
        self.drop_marks_before(oldest)
    }

    fn drop_marks_before(&self, oldest: u64) -> io::Result<()> {
        let path = self.directory.join("marks");
        let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
        let kept: String = text
            .lines()
            .filter(|line| super::read::parse_mark(line).is_some_and(|mark| mark.to > oldest))
            .flat_map(|line| [line, "\n"])
            .collect();
        let fresh = self.directory.join("marks.fresh");
        fs::write(&fresh, kept)?;
        fs::rename(fresh, path)
    }
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) fn segment_path(directory: &Path, start: u64) -> PathBuf {
    directory.join(format!("{start:020}.log"))
}

fn open_segment(directory: &Path, start: u64) -> io::Result<File> {
    fs::create_dir_all(directory)?;
    File::options().create(true).append(true).open(segment_path(directory, start))
}

/// Where each segment begins, oldest first; of a log without a byte there is none.
pub(super) fn segments(directory: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        let start = name.to_str().and_then(|name| name.strip_suffix(".log"));
        found.extend(start.and_then(|start| start.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}
