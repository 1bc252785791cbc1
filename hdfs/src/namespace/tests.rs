//! The handle over a real journal: what was answered survives, and repeats are harmless.

use super::*;
use crate::{
    ClientId,
    journal::Section,
    protocol::namespace::{Operation, Reply},
};
use std::path::Path;

async fn start(directory: &Path) -> Namespace {
    loop {
        match Journal::open(directory) {
            Err(JournalError::Locked { .. }) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            other => {
                let (journal, mut replay) = other.unwrap();
                let replay = replay.remove(&Section::Namespace).unwrap();
                return Namespace::start(journal, replay).unwrap().0;
            }
        }
    }
}

fn call(number: u64, operation: Operation) -> NamespaceCall {
    NamespaceCall { client: ClientId(1), call: number, user: "ann".to_owned(), worker: None, operation }
}

fn make(path: &str) -> Operation {
    Operation::MakeDirectory { path: path.parse().unwrap(), parents: true }
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let namespace = start(folder.path()).await;
    for number in 0..200 {
        namespace.call(call(number, make(&format!("/a/{number}")))).await.unwrap();
    }
    drop(namespace);
    let namespace = start(folder.path()).await;
    let listed =
        namespace.call(call(1_000, Operation::List { path: "/a".parse().unwrap(), after: None })).await;
    let Ok(Reply::Listing { entries, more: false }) = listed else { panic!("{listed:?}") };
    assert_eq!(entries.len(), 200);
}

#[tokio::test]
async fn a_call_repeated_after_a_restart_gets_the_answer_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let create = || {
        let path = "/f".parse().unwrap();
        call(7, Operation::Create { path, overwrite: false, replication: None, block_bytes: None })
    };
    let namespace = start(folder.path()).await;
    let first = namespace.call(create()).await.unwrap();
    drop(namespace);
    let namespace = start(folder.path()).await;
    assert_eq!(namespace.call(create()).await.unwrap(), first);
}

#[tokio::test]
async fn a_view_is_published_when_something_changed_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let namespace = start(folder.path()).await;
    let mut view = namespace.view();
    namespace.call(call(1, make("/a"))).await.unwrap();
    let create = Operation::Create {
        path: "/f".parse().unwrap(),
        overwrite: false,
        replication: None,
        block_bytes: None,
    };
    namespace.call(call(2, create)).await.unwrap();
    view.wait_for(|view| view.cluster.as_ref().is_some_and(|cluster| cluster.files == 1)).await.unwrap();
    view.borrow_and_update();
    // Many turns of the core, in none of which anything happens.
    tokio::time::sleep(4 * crate::limits::NAMESPACE_TURN).await;
    assert!(!view.has_changed().unwrap());
}
