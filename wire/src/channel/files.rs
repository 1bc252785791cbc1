//! Open files from process to process, over a Unix socket: SCM_RIGHTS beside one marker byte.
//!
//! Knows nothing of frames: the caller sees to it that the marker byte is the next byte of the stream, so that no
//! buffered read can swallow it and the descriptors with it.

use crate::{
    ChannelError,
    connection::{ReadHalf, WriteHalf},
    limits::FILES_MAX,
};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{BorrowedFd, OwnedFd},
};
use tokio::io::Interest;

/// The byte that carries the descriptors.
const MARKER: u8 = 0xfd;
const ANCILLARY_BYTES: usize = rustix::cmsg_space!(ScmRights(FILES_MAX));

pub(super) async fn send(stream: &WriteHalf, descriptors: &[BorrowedFd<'_>]) -> Result<(), ChannelError> {
    let WriteHalf::Unix(stream) = stream else { return Err(not_a_unix_socket()) };
    if descriptors.len() > FILES_MAX {
        return Err(ChannelError::TooLarge {
            bytes: descriptors.len() * size_of::<i32>(),
            limit: ANCILLARY_BYTES,
        });
    }
    let stream = stream.as_ref();
    let sent = stream.async_io(Interest::WRITABLE, || {
        let mut space = [MaybeUninit::uninit(); ANCILLARY_BYTES];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        // The space was made for the limit that was checked above, so the message fits.
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        Ok(sendmsg(stream, &[IoSlice::new(&[MARKER])], &mut ancillary, SendFlags::NOSIGNAL)?)
    });
    match sent.await? {
        0 => Err(ChannelError::Closed),
        _ => Ok(()),
    }
}

pub(super) async fn receive(stream: &ReadHalf, count: usize) -> Result<Vec<OwnedFd>, ChannelError> {
    let ReadHalf::Unix(stream) = stream else { return Err(not_a_unix_socket()) };
    let stream = stream.as_ref();
    let mut marker = [0];
    let (bytes, files) = stream
        .async_io(Interest::READABLE, || {
            let mut space = [MaybeUninit::uninit(); ANCILLARY_BYTES];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let flags = RecvFlags::CMSG_CLOEXEC;
            let received = recvmsg(stream, &mut [IoSliceMut::new(&mut marker)], &mut ancillary, flags)?;
            let files: Vec<OwnedFd> = ancillary
                .drain()
                .filter_map(|message| match message {
                    RecvAncillaryMessage::ScmRights(files) => Some(files),
                    _ => None,
                })
                .flatten()
                .collect();
            Ok::<_, io::Error>((received.bytes, files))
        })
        .await?;
    match (bytes, marker) {
        (0, _) => Err(ChannelError::Closed),
        (_, [MARKER]) if files.len() == count => Ok(files),
        (_, [MARKER]) => {
            Err(ChannelError::Unexpected { expected: "files", found: "another number of files" })
        }
        _ => Err(ChannelError::Unexpected { expected: "files", found: "a frame" }),
    }
}

fn not_a_unix_socket() -> ChannelError {
    ChannelError::Unexpected {
        expected: "a Unix socket, over which files can pass",
        found: "another connection",
    }
}
