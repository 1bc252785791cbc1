//! The namespace as a service on wire's connections.

use super::Namespace;
use crate::protocol::namespace::{NamespaceAnswer, NamespaceCall, NamespaceError};
use skep_wire::{Peer, Service};

/// Serves `NAMESPACE_SERVICE` on a connection.
pub struct NamespaceService(pub Namespace);

impl Service for NamespaceService {
    type Call = NamespaceCall;
    type Answer = NamespaceAnswer;
    type Tell = ();

    async fn call(&self, _from: &Peer, call: NamespaceCall) -> NamespaceAnswer {
        // A caller that goes away must not take a half-made answer with it: the call has a task of its own.
        let namespace = self.0.clone();
        let call = tokio::spawn(async move { namespace.call(call).await });
        call.await.unwrap_or_else(|_| Err(NamespaceError::Unavailable("it is stopping".to_owned())))
    }

    async fn tell(&self, _from: &Peer, (): ()) {}
}
