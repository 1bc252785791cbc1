//! What is printed comes back: with its time, in order, bounded, and by attempt.

use super::{JobLog, read_log};
use crate::limits;
use std::io::Write;

fn texts(log: &str) -> Vec<&str> {
    log.lines().map(|line| line.split_once(' ').unwrap().1).collect()
}

#[test]
fn lines_get_their_time_and_come_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = JobLog::open(folder.path()).unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    log.capture(reader).unwrap();
    writer.write_all(b"one\ntwo\nthr").unwrap();
    writer.write_all(b"ee").unwrap();
    drop(writer);
    assert_eq!(log.finish(), "one\ntwo\nthree");
    let text = log.read(None, 1 << 20).unwrap();
    assert_eq!(texts(&text.text), ["one", "two", "three"]);
    assert!(!text.truncated);
    assert!(text.text.lines().all(|line| line.starts_with("20") && line.as_bytes()[23] == b'Z'), "{text:?}");
}

#[test]
fn the_newest_bytes_are_cut_at_a_line_and_said_to_be_cut() {
    let folder = tempfile::tempdir().unwrap();
    let log = JobLog::open(folder.path()).unwrap();
    for number in 0..100 {
        log.append("0.0.0.0", format!("line {number}\n").as_bytes());
    }
    let text = log.read(None, 200).unwrap();
    assert!(text.truncated && text.text.len() <= 200);
    assert!(text.text.starts_with("20") && text.text.ends_with("line 99\n"), "{text:?}");
    assert!(!log.read(None, 1 << 20).unwrap().truncated);
}

#[test]
fn a_log_never_outgrows_its_bound_and_drops_its_oldest_lines() {
    let folder = tempfile::tempdir().unwrap();
    let log = JobLog::open(folder.path()).unwrap();
    let mut chunk = vec![b'x'; 1 << 16];
    chunk.push(b'\n');
    log.begin("0.0.0.0");
    log.append("0.0.0.0", b"first\n");
    log.end("0.0.0.0");
    for _ in 0..3 * limits::LOG_SEGMENT_BYTES / (1 << 16) {
        log.append("0.0.0.1", &chunk);
    }
    log.append("0.0.0.1", b"last\n");
    let kept: u64 =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(kept <= (limits::LOG_SEGMENTS_KEPT as u64) * (limits::LOG_SEGMENT_BYTES + (1 << 17)), "{kept}");
    let text = log.read(None, 1000).unwrap();
    assert!(text.truncated && text.text.ends_with("last\n"));
    assert_eq!(log.read(Some(&["0.0.0.0".to_owned()]), 1000).unwrap().text, "");
    assert_eq!(std::fs::read_to_string(folder.path().join("marks")).unwrap(), "");
}

#[test]
fn an_attempt_gets_its_own_lines_and_what_was_printed_while_it_ran() {
    let folder = tempfile::tempdir().unwrap();
    let log = JobLog::open(folder.path()).unwrap();
    let (reader, mut pipe) = std::io::pipe().unwrap();
    log.capture(reader).unwrap();
    log.begin("0.0.1.0");
    pipe.write_all(b"of one\n").unwrap();
    log.append("0.0.1.0", b"tagged one\n");
    log.append("0.0.2.0", b"tagged two\n");
    log.end("0.0.1.0");
    log.begin("0.0.2.0");
    pipe.write_all(b"of two\n").unwrap();
    let one = log.read(Some(&["0.0.1.0".to_owned()]), 1 << 20).unwrap();
    assert_eq!(texts(&one.text), ["of one", "[0.0.1.0] tagged one"]);
    let two = log.read(Some(&["0.0.2.0".to_owned()]), 1 << 20).unwrap();
    assert_eq!(texts(&two.text), ["[0.0.2.0] tagged two", "of two"]);
}

#[test]
fn a_log_goes_on_where_an_earlier_life_of_the_worker_left_it() {
    let folder = tempfile::tempdir().unwrap();
    JobLog::open(folder.path()).unwrap().append("0.0.0.0", b"before\n");
    JobLog::open(folder.path()).unwrap().append("0.0.0.0", b"after\n");
    let text = read_log(folder.path(), None, 1 << 20).unwrap();
    assert_eq!(texts(&text.text), ["[0.0.0.0] before", "[0.0.0.0] after"]);
    assert_eq!(read_log(&folder.path().join("none"), None, 10).unwrap().text, "");
}
