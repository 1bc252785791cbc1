//! Who may ask this worker for what, and who answers.

use super::{node::Node, task_link};
use skep_hdfs::protocol::BLOCKS_SERVICE;
use skep_jobs::protocol::{SHUFFLE_SERVICE, TASK_SERVICE, client::Role};
use skep_wire::{Acceptor, Channel, Connection, Identity, Mode, handshake::Refusal};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServedAt {
    Network,
    /// The worker's Unix socket.
    Socket,
}

pub(super) struct Door {
    node: Arc<Node>,
    at: ServedAt,
}

impl Door {
    pub fn new(node: Arc<Node>, at: ServedAt) -> Door {
        Door { node, at }
    }
}

impl Acceptor for Door {
    fn admit(&self, service: &str, mode: Mode, identity: &Identity) -> Result<(), Refusal> {
        let is_core = self.node.facts.role == Role::Core;
        match (service, mode) {
            (BLOCKS_SERVICE | SHUFFLE_SERVICE, Mode::Exchange) if is_core => Ok(()),
            (TASK_SERVICE, Mode::Calls) if self.at == ServedAt::Socket => match identity {
                Identity::Job(_) => Ok(()),
                // A task process speaks for its job, and nobody else does.
                Identity::Cluster => Err(Refusal::Forbidden { service: service.to_owned() }),
            },
            _ => Err(Refusal::Service { service: service.to_owned() }),
        }
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        match connection.service.as_str() {
            TASK_SERVICE => task_link::serve(&self.node, connection).await,
            SHUFFLE_SERVICE => self.node.serve_shuffle(Channel::new(connection)).await,
            BLOCKS_SERVICE => {
                // Nobody knows this worker before its first registration.
                let mut identity = self.node.identity.subscribe();
                let _ = identity.wait_for(Option::is_some).await;
                if let Some(server) = self.node.block_server() {
                    server.serve(Channel::new(connection)).await;
                }
            }
            // Not admitted.
            _ => {}
        }
    }
}
