//! What a command says on standard error: counters and status in Hadoop's form, everything else goes to the log.
//!
//! ```text
//! reporter:counter:GROUP,NAME,AMOUNT
//! reporter:status:TEXT
//! ```

use crate::{
    limits::STDERR_LINES_KEPT,
    task_program::{AttemptLog, TaskProgress},
};
use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    sync::Arc,
};

/// Longer lines are cut here: a command that writes no line end must not fill the memory.
const LINE_BYTES_MAX: u64 = 64 << 10;

#[derive(Debug, PartialEq, Eq)]
enum Said<'a> {
    Counter { group: &'a str, name: &'a str, amount: i64 },
    Status(&'a str),
    Line,
}

fn understand(line: &str) -> Said<'_> {
    let Some(report) = line.strip_prefix("reporter:") else { return Said::Line };
    if let Some(status) = report.strip_prefix("status:") {
        return Said::Status(status);
    }
    let counter = report.strip_prefix("counter:").and_then(|counter| {
        // The name may hold commas; group and amount cannot.
        let (group, rest) = counter.split_once(',')?;
        let (name, amount) = rest.rsplit_once(',')?;
        Some(Said::Counter { group, name, amount: amount.trim().parse().ok()? })
    });
    counter.unwrap_or(Said::Line)
}

/// Reads to the end. Gives back the last lines, for the message if the command fails.
pub fn listen(stderr: impl Read, progress: &TaskProgress, log: &Arc<dyn AttemptLog>) -> Vec<String> {
    let mut reader = BufReader::new(stderr);
    let mut last: VecDeque<String> = VecDeque::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        // An error means that the command is gone; its exit code tells.
        let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if !matches!(read, Ok(len) if len > 0) {
            return last.into();
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        match understand(text) {
            Said::Counter { group, name, amount } => match u64::try_from(amount) {
                Ok(amount) => progress.count(&format!("{group}:{name}"), amount),
                Err(_) => log.lines(b"a counter cannot be lowered; the report before is ignored\n"),
            },
            Said::Status(status) => progress.set_status(status.to_owned()),
            Said::Line => {
                log.lines(format!("{text}\n").as_bytes());
                if last.len() == STDERR_LINES_KEPT {
                    last.pop_front();
                }
                last.push_back(text.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_understood_and_everything_else_is_a_line() {
        assert_eq!(
            understand("reporter:counter:words,odd, even,12"),
            Said::Counter { group: "words", name: "odd, even", amount: 12 }
        );
        assert_eq!(understand("reporter:status:half way: 50,5%"), Said::Status("half way: 50,5%"));
        for line in ["reporter:counter:a,b", "reporter:counter:a,b,many", "reporter:other", "hello"] {
            assert_eq!(understand(line), Said::Line, "{line}");
        }
    }

    #[test]
    fn counters_are_added_and_the_last_lines_kept() {
        struct Nowhere;
        impl AttemptLog for Nowhere {
            fn lines(&self, _: &[u8]) {}
        }
        let progress = TaskProgress::default();
        let mut text: String = (0..50).map(|line| format!("line {line}\nreporter:counter:g,n,2\n")).collect();
        text.push_str("no end");
        let last = listen(text.as_bytes(), &progress, &(Arc::new(Nowhere) as Arc<dyn AttemptLog>));
        assert_eq!(progress.counters()["g:n"], 100);
        assert_eq!(last.len(), STDERR_LINES_KEPT);
        assert_eq!(last.last().unwrap(), "no end");
    }
}
