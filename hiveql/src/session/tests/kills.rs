//! A process that ends in the middle of a statement leaves the old rows or the new ones, and no files for ever.

use super::place::{Halting, Place};
use std::{
    collections::BTreeSet,
    future::poll_fn,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    task::Poll,
};

const SETUP: &[&str] = &[
    "create table t (a int, b string) partitioned by (p string) tblproperties ('transactional'='true')",
    "insert into t partition (p) values (1, 'old', 'x'), (2, 'old', 'y')",
    "create table s as select 2 as k union all select 3",
];
const ROWS: &str = "select a, b, p from t order by a, b";
const OLD: &[&str] = &["1 old x", "2 old y"];

/// A statement that writes, and what is there afterwards.
const STATEMENTS: &[(&str, &[&str])] = &[
    ("insert into t partition (p) values (3, 'new', 'z')", &["1 old x", "2 old y", "3 new z"]),
    ("insert overwrite table t partition (p) select a + 10, 'new', p from t", &["11 new x", "12 new y"]),
    ("update t set b = 'new'", &["1 new x", "2 new y"]),
    ("delete from t where a = 1", &["2 old y"]),
    (
        "merge into t using s on t.a = s.k when matched then update set b = 'new' \
         when not matched then insert values (s.k, 'new', 'z')",
        &["1 old x", "2 new y", "3 new z"],
    ),
    ("truncate table t", &[]),
];

/// What a later session finds: old or new, and after its next write nothing but files that are seen.
async fn check(place: &Place, new: &[&str], what: &str) -> bool {
    let mut later = place.open().await;
    let rows = later.run(ROWS).await;
    assert!(rows == OLD || rows == new, "{what}: {rows:?}");
    let is_new = rows == new;
    later.run("insert into t partition (p) values (0, 'last', 'x')").await;
    later.run("update t set b = 'last'").await;
    let seen = later.run("select distinct input__file__name from t").await;
    let seen: BTreeSet<String> =
        seen.iter().filter_map(|name| Some(name.rsplit_once("/t/")?.1.to_owned())).collect();
    assert_eq!(place.files("t").into_iter().collect::<BTreeSet<_>>(), seen, "{what}");
    assert_eq!(later.run("select count(*) from t where b = 'last'").await, [(rows.len() + 1).to_string()]);
    is_new
}

#[tokio::test]
async fn a_kill_at_any_commit_leaves_old_or_new() {
    for (sql, new) in STATEMENTS {
        for after in [false, true] {
            let mut ended = false;
            for commits in 1.. {
                let place = Place::new();
                place.open().await.run_all(SETUP).await;
                let halting = Arc::new(Halting::new(place.store.clone(), after));
                let mut session = place.open_over(halting.clone()).await;
                halting.left.store(commits, Ordering::SeqCst);
                let done = tokio::select! {
                    done = session.try_run(sql) => Some(done),
                    () = halting.halted.notified() => None,
                };
                drop(session);
                let what =
                    format!("{sql}, stopped {} commit {commits}", if after { "after" } else { "before" });
                let is_new = check(&place, new, &what).await;
                assert!(is_new || !ended, "{what}: what was done is undone");
                ended |= is_new;
                if done.is_some_and(|done| done.is_ok()) {
                    break;
                }
            }
            assert!(ended, "{sql}");
        }
    }
}

#[tokio::test]
async fn a_statement_that_is_dropped_while_it_runs_leaves_old_or_new() {
    let (update, new) = STATEMENTS[4];
    for polls in (0..).step_by(3) {
        let place = Place::new();
        place.open().await.run_all(SETUP).await;
        let mut session = place.open().await;
        let done = {
            let mut running = pin!(session.try_run(update));
            let mut left = polls;
            poll_fn(|context| {
                if left == 0 {
                    return Poll::Ready(None);
                }
                left -= 1;
                running.as_mut().poll(context).map(Some)
            })
            .await
        };
        drop(session);
        // What the file system was asked for is not taken back.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        check(&place, new, &format!("dropped after {polls} polls")).await;
        if done.is_some() {
            break;
        }
    }
}
