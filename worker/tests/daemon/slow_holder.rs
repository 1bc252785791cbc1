//! A core worker, as far as shuffle goes, that sends one piece drop by drop.

use super::program::{JOB, attempt};
use skep_hdfs::{WorkerId, protocol::namespace::Location};
use skep_jobs::{
    protocol::{
        SHUFFLE_SERVICE,
        shuffle::{ShuffleReply, ShuffleRequest},
        task::KeptData,
        worker::{LaunchInput, Piece},
    },
    shuffle::{Partition, ShuffleWriter, WriterOptions},
};
use skep_wire::{
    Acceptor, Channel, ChannelError, Connection, Identity, Listener, Mode, Secret, handshake::Refusal,
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

pub const RECORDS: u32 = 1000;

pub struct SlowHolder {
    piece: Piece,
    bytes: Vec<u8>,
    drops: usize,
    pause: Duration,
}

impl SlowHolder {
    /// Holds an output of `RECORDS` records, and sends it in so many drops with a pause before each.
    pub fn new(scratch: &Path, drops: usize, pause: Duration) -> SlowHolder {
        let options = WriterOptions {
            partitions: 1,
            memory_bytes: 1 << 20,
            scratch: scratch.to_path_buf(),
            stem: "slow".to_owned(),
            keep_in_memory_bytes: 1 << 20,
        };
        let mut writer = ShuffleWriter::new(options, Partition::Hash, None).unwrap();
        for record in 0..RECORDS {
            writer.push(&record.to_be_bytes(), b"value").unwrap();
        }
        let output = writer.finish().unwrap();
        let KeptData::Memory(bytes) = KeptData::from(output.data) else { panic!("not in memory") };
        let piece = Piece { producer: attempt(JOB, 99), holder: WorkerId(50), segment: output.segments[0] };
        SlowHolder { piece, bytes, drops, pause }
    }

    /// Serves until the test's end; gives the input of a task that reads the output.
    pub async fn start(self, secret: &Secret) -> LaunchInput {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let location = Location {
            worker: self.piece.holder,
            endpoint: listener.endpoint.clone(),
            host: "elsewhere".to_owned(),
            socket: None,
        };
        let input = LaunchInput::Shuffle { pieces: vec![self.piece.clone()], holders: vec![location] };
        tokio::spawn(listener.serve(secret.clone(), Arc::new(self), CancellationToken::new()));
        input
    }

    async fn answer(&self, channel: &mut Channel) -> Result<(), ChannelError> {
        let _: ShuffleRequest = channel.receive().await?;
        let Piece { producer, segment, .. } = self.piece.clone();
        channel.send(&ShuffleReply::Piece { producer, segment }).await?;
        for bytes in self.bytes.chunks(self.bytes.len().div_ceil(self.drops)) {
            tokio::time::sleep(self.pause).await;
            channel.send_payload(bytes).await?;
            channel.flush().await?;
        }
        // The consumer closes when it has everything.
        channel.receive_or_end::<ShuffleRequest>().await.map(drop)
    }
}

impl Acceptor for SlowHolder {
    fn admit(&self, service: &str, _: Mode, _: &Identity) -> Result<(), Refusal> {
        match service {
            SHUFFLE_SERVICE => Ok(()),
            _ => Err(Refusal::Service { service: service.to_owned() }),
        }
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        let _ = self.answer(&mut Channel::new(connection)).await;
    }
}
