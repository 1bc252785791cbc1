//! The values of one group of a join's right side, which are gone through once for each value of the left side: in
//! memory while they fit, then in a scratch file.

use crate::{plan::fault::TaskFault, shuffle::scratch::open_scratch};
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

pub struct GroupBuffer {
    memory_bytes: usize,
    path: PathBuf,
    /// Values, each after its length in four bytes.
    memory: Vec<u8>,
    /// What did not fit, in the same form.
    file: Option<BufWriter<File>>,
    pub spilled_bytes: u64,
}

impl GroupBuffer {
    pub fn new(memory_bytes: usize, scratch: &Path) -> GroupBuffer {
        let path = scratch.join("join-group");
        GroupBuffer { memory_bytes, path, memory: Vec::new(), file: None, spilled_bytes: 0 }
    }

    pub fn clear(&mut self) {
        self.memory.clear();
        if self.file.take().is_some() {
            // Opened with `truncate` when it is needed again, and removed with the scratch directory.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    pub fn push(&mut self, value: &[u8]) -> Result<(), TaskFault> {
        if self.file.is_none() && self.memory.len() + value.len() > self.memory_bytes {
            let file = open_scratch(&self.path);
            self.file = Some(BufWriter::new(file.map_err(|source| scratch_fault(&self.path, source))?));
        }
        let len = (value.len() as u32).to_le_bytes();
        match &mut self.file {
            None => {
                self.memory.extend_from_slice(&len);
                self.memory.extend_from_slice(value);
            }
            Some(file) => {
                let written = file.write_all(&len).and_then(|()| file.write_all(value));
                written.map_err(|source| scratch_fault(&self.path, source))?;
                self.spilled_bytes += (len.len() + value.len()) as u64;
            }
        }
        Ok(())
    }

    /// Calls `each` with every value, in the order in which they came.
    pub fn for_each(
        &mut self,
        mut each: impl FnMut(&[u8]) -> Result<(), TaskFault>,
    ) -> Result<(), TaskFault> {
        let mut rest = &self.memory[..];
        while let Some((len, after)) = rest.split_first_chunk::<4>() {
            let (value, after) = after.split_at(u32::from_le_bytes(*len) as usize);
            each(value)?;
            rest = after;
        }
        let Some(writer) = &mut self.file else { return Ok(()) };
        let path = &self.path;
        let rewound = writer.flush().and_then(|()| writer.get_mut().seek(SeekFrom::Start(0)));
        rewound.map_err(|source| scratch_fault(path, source))?;
        let mut reader = BufReader::new(writer.get_ref());
        let mut value = Vec::new();
        while read_value(&mut reader, &mut value).map_err(|source| scratch_fault(path, source))? {
            each(&value)?;
        }
        Ok(())
    }
}

fn scratch_fault(path: &Path, source: io::Error) -> TaskFault {
    TaskFault::Scratch { path: path.display().to_string(), source }
}

fn read_value(reader: &mut impl Read, value: &mut Vec<u8>) -> io::Result<bool> {
    let mut len = [0; 4];
    match reader.read_exact(&mut len) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        other => other?,
    }
    value.resize(u32::from_le_bytes(len) as usize, 0);
    reader.read_exact(value)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_come_back_in_order_from_memory_and_file(
            groups in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..30), 1..4),
            memory_bytes in 0usize..300,
        ) {
            let scratch = tempfile::tempdir().unwrap();
            let mut buffer = GroupBuffer::new(memory_bytes, scratch.path());
            for group in groups {
                buffer.clear();
                for value in &group {
                    buffer.push(value).unwrap();
                }
                for _ in 0..2 {
                    let mut found = Vec::new();
                    buffer.for_each(|value| { found.push(value.to_vec()); Ok(()) }).unwrap();
                    prop_assert_eq!(&found, &group);
                }
            }
        }
    }
}
