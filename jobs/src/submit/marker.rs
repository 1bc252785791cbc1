//! How `skep submit` tells a job binary from any other program without running it: everything that links the SDK
//! carries these bytes.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

const MARKER: [u8; 25] = *b"\0skep job binary, form 1\0";

/// Keeps the marker in the program.
pub(crate) fn keep() {
    std::hint::black_box(&MARKER);
}

/// Whether the program at `path` links the SDK.
pub fn is_job_binary(path: &Path) -> io::Result<bool> {
    contains_marker(&mut File::open(path)?)
}

fn contains_marker(reader: &mut impl Read) -> io::Result<bool> {
    let mut window = vec![0u8; super::limits::COPY_BYTES];
    let mut kept = 0;
    loop {
        let read = reader.read(&mut window[kept..])?;
        if read == 0 {
            return Ok(false);
        }
        let filled = kept + read;
        if memchr::memmem::find(&window[..filled], &MARKER).is_some() {
            return Ok(true);
        }
        kept = filled.min(MARKER.len() - 1);
        window.copy_within(filled - kept..filled, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time, so that the marker lies across reads.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(out.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn the_marker_is_found_wherever_it_lies() {
        let mut program = vec![7u8; 1000];
        program.extend(MARKER);
        program.extend([9u8; 100]);
        for step in [1, 5, 23, 24, 25, 2000] {
            assert!(contains_marker(&mut Dribble(&program, step)).unwrap(), "step {step}");
        }
        assert!(!contains_marker(&mut Dribble(&program[..1020], 7)).unwrap());
    }

    #[test]
    fn a_program_that_keeps_the_marker_is_a_job_binary() {
        keep();
        assert!(is_job_binary(&std::env::current_exe().unwrap()).unwrap());
        assert!(!is_job_binary(Path::new("/bin/sh")).unwrap());
    }
}
