//! Names at their bounds.

use super::*;
use crate::limits::{PATH_BYTES_MAX, PATH_COMPONENTS_MAX};

/// A chain of so many directories below `top`.
fn chain(top: &str, count: usize) -> String {
    format!("{top}{}", "/d".repeat(count))
}

fn make(world: &mut World, path: &str) {
    world.call(Operation::MakeDirectory { path: p(path), parents: true }).unwrap();
}

fn rename(world: &mut World, from: &str, to: &str) -> NamespaceAnswer {
    world.call(Operation::Rename { from: p(from), to: p(to), replace: true })
}

#[test]
fn the_deepest_tree_is_listed_page_by_page() {
    let mut world = World::new();
    make(&mut world, &chain("", PATH_COMPONENTS_MAX));
    make(&mut world, "/d/e");
    let list = |world: &mut World, after| {
        let listed = world.call(Operation::ListTree { path: p("/"), after });
        let Ok(Reply::Listing { entries, more }) = listed else { panic!("{listed:?}") };
        (entries.into_iter().map(|entry| entry.path).collect::<Vec<_>>(), more)
    };
    let (first, more) = list(&mut world, None);
    assert!(more);
    let (rest, more) = list(&mut world, first.last().cloned());
    assert!(!more);
    // The root, the chain, and one beside it at the end.
    assert_eq!(first.len() + rest.len(), PATH_COMPONENTS_MAX + 2);
    assert_eq!(rest.last(), Some(&p("/d/e")));
}

#[test]
fn nothing_is_moved_to_where_what_lies_below_could_not_be_named() {
    let mut world = World::new();
    make(&mut world, &chain("/a", PATH_COMPONENTS_MAX / 2));
    make(&mut world, &chain("/b", PATH_COMPONENTS_MAX / 2 - 2));
    make(&mut world, "/b/f");
    let before = world.core.durable.clone();
    let end = chain("/b", PATH_COMPONENTS_MAX / 2 - 2);
    let given = PATH_COMPONENTS_MAX as u64;
    let refused = rename(&mut world, "/a", &format!("{end}/x/y"));
    assert!(matches!(refused, Err(NamespaceError::NotFound(_))), "{refused:?}");
    make(&mut world, &format!("{end}/x"));
    let refused = rename(&mut world, "/a", &format!("{end}/x/y"));
    assert!(
        matches!(refused, Err(NamespaceError::Limit { given: found, limit, .. }) if found == given + 1 && limit == given),
        "{refused:?}"
    );
    assert_eq!(rename(&mut world, "/a", &format!("{end}/y")), Ok(Reply::Done));
    assert_eq!(rename(&mut world, &format!("{end}/y"), "/a"), Ok(Reply::Done), "it can come back");
    assert_eq!(world.core.durable.tree.node_count(), before.tree.node_count() + 1);
}

#[test]
fn a_move_that_makes_paths_too_long_is_refused() {
    let mut world = World::new();
    let name = "n".repeat(199);
    let half = format!("/{name}").repeat(PATH_BYTES_MAX / 400);
    make(&mut world, &format!("/a{half}"));
    make(&mut world, &half);
    let refused = rename(&mut world, "/a", &format!("{half}/a"));
    assert!(matches!(refused, Err(NamespaceError::Limit { .. })), "{refused:?}");
}
