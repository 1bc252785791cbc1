//! Lines of a file come out once, whatever its ranges and pieces.

use super::*;
use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
use proptest::prelude::*;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn lines_of(bytes: &[u8], cuts: &[u64], options: LineOptions) -> Vec<(u64, Vec<u8>)> {
    block_on(async {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        store.put(&Path::from("f"), bytes.to_vec().into()).await.unwrap();
        let size = bytes.len() as u64;
        let mut ends: Vec<u64> = cuts.iter().map(|cut| cut % (size + 1)).chain([size]).collect();
        ends.sort_unstable();
        let mut found = Vec::new();
        let mut start = 0;
        for end in ends {
            let range = FileRange { path: "f".into(), size, start, end };
            let blocks: Vec<Lines> = read(store.clone(), range, options).try_collect().await.unwrap();
            for block in &blocks {
                assert!(block.rows() <= options.batch_rows);
                let offsets = block.array();
                found
                    .extend(block.iter().zip(offsets.values()).map(|(line, at)| (*at as u64, line.to_vec())));
            }
            start = end;
        }
        found
    })
}

/// One byte at a time, in the plainest way.
fn reference(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let (mut lines, mut begin, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        let ends = matches!(bytes[at], b'\n' | b'\r');
        if ends {
            lines.push((begin as u64, bytes[begin..at].to_vec()));
            at += usize::from(bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n'));
            begin = at + 1;
        }
        at += 1;
    }
    if begin < bytes.len() {
        lines.push((begin as u64, bytes[begin..].to_vec()));
    }
    lines
}

proptest! {
    #[test]
    fn every_line_is_read_by_exactly_one_range(
        bytes in "[ab\n\r]{0,60}", cuts in proptest::collection::vec(0u64..60, 0..5), header in 0usize..4,
    ) {
        let options = LineOptions { header, footer: 0, batch_rows: 3 };
        let expected: Vec<_> = reference(bytes.as_bytes()).into_iter().skip(header).collect();
        prop_assert_eq!(lines_of(bytes.as_bytes(), &cuts, options), expected);
    }
}

#[test]
fn header_and_footer_are_left_out() {
    let options = LineOptions { header: 1, footer: 2, batch_rows: 2 };
    let lines = lines_of(b"h\na\nb\nc\nd\nf\ng", &[], options);
    assert_eq!(lines.iter().map(|(_, line)| line.as_slice()).collect::<Vec<_>>(), [b"a", b"b", b"c", b"d"]);
    assert!(lines_of(b"h\nf\n", &[], options).is_empty());
}
