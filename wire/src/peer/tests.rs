//! Calls and one-way messages over a connection in memory.

use super::*;
use crate::{
    Mode,
    frame::HEADER_BYTES,
    limits::{FRAME_PLACE_BYTES, SEND_QUEUE_FRAMES_MAX},
};
use serde::Deserialize;
use std::sync::{Mutex, atomic::AtomicUsize};
use tokio::{
    io::AsyncReadExt,
    sync::{Notify, mpsc},
    task::JoinSet,
};

/// For conditions that are always reached: a wait this long is a failure.
const GUARD: Duration = Duration::from_secs(60);

#[derive(Debug, Serialize, Deserialize)]
enum Call {
    Double(u64),
    /// Never ends by itself.
    Hang,
    Panic,
    /// Asks the other side to double, from within the call.
    Back(u64),
    Large(usize),
}

#[derive(Debug, Serialize, Deserialize)]
struct Tell(u64, Vec<u8>);

/// Remembers what it was told, and counts calls that hang.
#[derive(Default)]
struct Recorder {
    told: Mutex<Vec<u64>>,
    changed: Notify,
    hanging: AtomicUsize,
    /// Handling waits while this is set.
    is_slow: AtomicBool,
    calls_back_on_tell: bool,
}

struct Hanging<'a>(&'a Recorder);

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.hanging.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

impl Recorder {
    async fn until(&self, condition: impl Fn(&Recorder) -> bool) {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if condition(self) {
                    return;
                }
                changed.await;
            }
        };
        timeout(GUARD, waiting).await.expect("the condition is reached");
    }

    fn told(&self) -> Vec<u64> {
        self.told.lock().unwrap().clone()
    }

    fn hanging(&self) -> usize {
        self.hanging.load(Ordering::SeqCst)
    }

    fn set_slow(&self, is_slow: bool) {
        self.is_slow.store(is_slow, Ordering::SeqCst);
        self.changed.notify_waiters();
    }
}

impl Service for Recorder {
    type Call = Call;
    type Answer = Vec<u64>;
    type Tell = Tell;

    async fn call(&self, from: &Peer, call: Call) -> Vec<u64> {
        match call {
            Call::Double(number) => vec![number * 2],
            Call::Hang => {
                self.hanging.fetch_add(1, Ordering::SeqCst);
                let _hanging = Hanging(self);
                self.changed.notify_waiters();
                std::future::pending().await
            }
            Call::Panic => panic!("asked to"),
            Call::Back(number) => from.call(&Call::Double(number), GUARD).await.unwrap(),
            Call::Large(count) => vec![u64::MAX; count],
        }
    }

    async fn tell(&self, from: &Peer, Tell(number, _): Tell) {
        self.until(|own| !own.is_slow.load(Ordering::SeqCst)).await;
        if self.calls_back_on_tell {
            let _: Vec<u64> = from.call(&Call::Double(number), GUARD).await.unwrap();
        }
        assert_ne!(number, u64::MAX, "asked to");
        self.told.lock().unwrap().push(number);
        self.changed.notify_waiters();
    }
}

/// Two peers, each with a recorder.
fn pair_of(left: Recorder, right: Recorder) -> (Peer, Arc<Recorder>, Peer, Arc<Recorder>) {
    let (left_end, right_end) = Connection::pair("test", Mode::Calls, Identity::Cluster);
    let (left, right) = (Arc::new(left), Arc::new(right));
    (Peer::start(left_end, left.clone()), left, Peer::start(right_end, right.clone()), right)
}

fn pair() -> (Peer, Arc<Recorder>, Peer, Arc<Recorder>) {
    pair_of(Recorder::default(), Recorder::default())
}

async fn double(peer: &Peer, number: u64) -> Result<Vec<u64>, CallError> {
    peer.call(&Call::Double(number), GUARD).await
}

#[tokio::test]
async fn calls_of_both_sides_at_once_each_get_their_own_answer() {
    let (left, _, right, _) = pair();
    let mut calls = JoinSet::new();
    for number in 0..3000 {
        for peer in [left.clone(), right.clone()] {
            calls.spawn(async move { (number, double(&peer, number).await.unwrap()) });
        }
    }
    while let Some(answered) = calls.join_next().await {
        let (number, answer) = answered.unwrap();
        assert_eq!(answer, [number * 2]);
    }
}

#[tokio::test]
async fn a_service_may_call_back_from_within_calls_and_messages() {
    let backward = Recorder { calls_back_on_tell: true, ..Recorder::default() };
    let (left, _left, _right, recorder) = pair_of(Recorder::default(), backward);
    // More than the receiving side has room for: its reader must keep reading answers.
    let count = 3 * TELLS_UNHANDLED_MAX as u64;
    let tells = async {
        for number in 0..count {
            left.tell(&Tell(number, Vec::new())).await.unwrap();
        }
    };
    let calls = futures::future::join_all((0..500).map(|number| {
        let left = &left;
        async move { left.call::<_, Vec<u64>>(&Call::Back(number), GUARD).await.unwrap() }
    }));
    let ((), answers) = tokio::join!(tells, calls);
    assert!(answers.iter().enumerate().all(|(number, answer)| *answer == [2 * number as u64]));
    recorder.until(|own| own.told().len() as u64 == count).await;
}

#[tokio::test]
async fn messages_are_handled_in_the_order_in_which_they_were_sent() {
    let (left, _, _right, recorder) = pair();
    for number in 0..2000 {
        let size = if number % 100 == 0 { 100_000 } else { 3 };
        left.tell(&Tell(number, vec![1; size])).await.unwrap();
    }
    recorder.until(|own| own.told().len() == 2000).await;
    assert_eq!(recorder.told(), (0..2000).collect::<Vec<_>>());
}

#[tokio::test]
async fn messages_queued_before_closing_arrive() {
    let (left, _, right, recorder) = pair();
    for number in 0..100 {
        left.tell(&Tell(number, Vec::new())).await.unwrap();
    }
    drop(left);
    recorder.until(|own| own.told().len() == 100).await;
    timeout(GUARD, right.closed()).await.unwrap();
}

#[tokio::test]
async fn the_largest_message_gets_through_among_small_ones() {
    let (left, _, _right, recorder) = pair();
    for number in 0..200 {
        let size = if number % 50 == 7 { TELLS_UNHANDLED_MAX * FRAME_PLACE_BYTES } else { 0 };
        timeout(GUARD, left.tell(&Tell(number, vec![1; size]))).await.unwrap().unwrap();
    }
    recorder.until(|own| own.told().len() == 200).await;
}

#[tokio::test]
async fn a_slow_receiver_makes_the_sender_wait() {
    let (left, _, _right, recorder) = pair();
    recorder.set_slow(true);
    let sent = Arc::new(AtomicUsize::new(0));
    let sending = tokio::spawn({
        let (left, sent) = (left.clone(), sent.clone());
        async move {
            for number in 0..2000 {
                left.tell(&Tell(number, vec![0; 1000])).await.unwrap();
                sent.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    // Calls overtake messages: with the answer, every message that had room was sent.
    while sent.load(Ordering::SeqCst) < TELLS_UNHANDLED_MAX {
        double(&left, 1).await.unwrap();
    }
    for _ in 0..20 {
        double(&left, 1).await.unwrap();
    }
    assert_eq!(sent.load(Ordering::SeqCst), TELLS_UNHANDLED_MAX);
    assert!(recorder.told().is_empty());
    recorder.set_slow(false);
    timeout(GUARD, sending).await.unwrap().unwrap();
    recorder.until(|own| own.told().len() == 2000).await;
}

#[tokio::test]
async fn a_side_that_does_not_read_bounds_what_waits_for_it() {
    let (left_end, _unread) = Connection::pair("test", Mode::Calls, Identity::Cluster);
    let left = Peer::start(left_end, Arc::new(NoService));
    let mut queued = 0;
    // Nothing is ever handled, so the first limit holds: the places of unhandled messages.
    let sending = async {
        loop {
            left.tell(&Tell(0, vec![0; 100_000])).await.unwrap();
            queued += 1;
        }
    };
    tokio::select! {
        () = sending => {}
        () = async { for _ in 0..10_000 { tokio::task::yield_now().await } } => {}
    }
    assert!(queued > 0 && queued <= TELLS_UNHANDLED_MAX / 2, "{queued}");
    // Calls find the queue's own limit.
    let calls: Vec<_> = (0..2 * SEND_QUEUE_FRAMES_MAX).map(|_| double(&left, 1)).collect();
    let calls = futures::future::join_all(calls);
    assert!(timeout(Duration::from_millis(50), calls).await.is_err());
}

#[tokio::test]
async fn a_call_without_an_answer_ends_at_its_deadline_on_both_sides() {
    let (left, _, _right, recorder) = pair();
    let deadline = Duration::from_millis(50);
    let answer = left.call::<_, Vec<u64>>(&Call::Hang, deadline).await;
    assert!(matches!(answer, Err(CallError::Deadline(waited)) if waited == deadline));
    recorder.until(|own| own.hanging() == 0).await;
    assert_eq!(double(&left, 4).await.unwrap(), [8]);
}

#[tokio::test]
async fn dropping_a_call_cancels_it_at_the_other_side() {
    let (left, _, _right, recorder) = pair();
    let call = tokio::spawn({
        let left = left.clone();
        async move { left.call::<_, Vec<u64>>(&Call::Hang, GUARD).await }
    });
    recorder.until(|own| own.hanging() == 1).await;
    call.abort();
    recorder.until(|own| own.hanging() == 0).await;
}

#[tokio::test]
async fn more_calls_than_may_run_wait_and_then_run() {
    let (left, _, _right, recorder) = pair();
    let mut hanging = JoinSet::new();
    for _ in 0..CALLS_RUNNING_MAX {
        let left = left.clone();
        hanging.spawn(async move { left.call::<_, Vec<u64>>(&Call::Hang, GUARD).await });
    }
    recorder.until(|own| own.hanging() == CALLS_RUNNING_MAX).await;
    let late = left.call::<_, Vec<u64>>(&Call::Double(1), Duration::from_millis(50)).await;
    assert!(matches!(late, Err(CallError::Deadline(_))));
    hanging.abort_all();
    assert_eq!(double(&left, 5).await.unwrap(), [10]);
}

#[tokio::test]
async fn a_panic_in_a_service_fails_that_call_only() {
    let (left, _, _right, recorder) = pair();
    assert!(matches!(left.call::<_, Vec<u64>>(&Call::Panic, GUARD).await, Err(CallError::Failed)));
    left.tell(&Tell(u64::MAX, Vec::new())).await.unwrap();
    left.tell(&Tell(5, Vec::new())).await.unwrap();
    recorder.until(|own| own.told() == [5]).await;
    assert_eq!(double(&left, 4).await.unwrap(), [8]);
}

#[tokio::test]
async fn what_the_other_side_cannot_read_is_an_answer_and_not_an_end() {
    let (left, _, _right, recorder) = pair();
    let answer = left.call::<_, Vec<u64>>(&"no such call", GUARD).await;
    assert!(matches!(answer, Err(CallError::Unreadable(_))), "{answer:?}");
    let answer = left.call::<_, [u64; 4]>(&Call::Double(1), GUARD).await;
    assert!(matches!(answer, Err(CallError::Decode(_))), "{answer:?}");
    left.tell(&"no such message").await.unwrap();
    left.tell(&Tell(5, Vec::new())).await.unwrap();
    recorder.until(|own| own.told() == [5]).await;
}

#[tokio::test]
async fn requests_and_answers_over_the_limit_are_errors_and_not_ends() {
    let (left, _, _right, _) = pair();
    let request = Tell(0, vec![0; MESSAGE_BYTES_MAX + 1]);
    assert!(matches!(left.tell(&request).await, Err(CallError::TooLarge { .. })));
    assert!(matches!(left.call::<_, ()>(&request, GUARD).await, Err(CallError::TooLarge { .. })));
    let answer = left.call::<_, Vec<u64>>(&Call::Large(8 << 20), GUARD).await;
    assert!(matches!(answer, Err(CallError::TooLarge { .. })));
    assert_eq!(double(&left, 4).await.unwrap(), [8]);
}

#[tokio::test]
async fn closing_ends_what_waits_on_both_sides() {
    for closes_here in [true, false] {
        let (left, _, right, recorder) = pair();
        let call = tokio::spawn({
            let left = left.clone();
            async move { left.call::<_, Vec<u64>>(&Call::Hang, GUARD).await }
        });
        recorder.until(|own| own.hanging() == 1).await;
        if closes_here {
            left.close()
        } else {
            right.close()
        }
        assert!(matches!(call.await.unwrap(), Err(CallError::Closed)));
        recorder.until(|own| own.hanging() == 0).await;
        timeout(GUARD, async { tokio::join!(left.closed(), right.closed()) }).await.unwrap();
        assert!(left.is_closed() && right.is_closed());
        assert!(matches!(double(&left, 1).await, Err(CallError::Closed)));
        assert!(matches!(left.tell(&Tell(0, Vec::new())).await, Err(CallError::Closed)));
    }
}

#[tokio::test]
async fn the_connection_closes_with_the_last_clone_outside() {
    let (left, _, right, _) = pair();
    let clone = left.clone();
    drop(left);
    assert_eq!(double(&clone, 1).await.unwrap(), [2]);
    drop(clone);
    timeout(GUARD, right.closed()).await.unwrap();
}

/// Keeps a clone of whoever tells it something.
struct Keeper(mpsc::UnboundedSender<Peer>);

impl Service for Keeper {
    type Call = ();
    type Answer = ();
    type Tell = ();

    async fn call(&self, _from: &Peer, (): ()) {}

    async fn tell(&self, from: &Peer, (): ()) {
        let _ = self.0.send(from.clone());
    }
}

#[tokio::test]
async fn a_clone_that_a_service_keeps_counts_as_one_outside() {
    let (left_end, right_end) = Connection::pair("test", Mode::Calls, Identity::Cluster);
    let (keeper, mut kept) = mpsc::unbounded_channel();
    let left = Peer::start(left_end, Arc::new(Recorder::default()));
    let right = Peer::start(right_end, Arc::new(Keeper(keeper)));
    left.tell(&()).await.unwrap();
    let clone = kept.recv().await.unwrap();
    drop(right);
    assert_eq!(double(&clone, 1).await.unwrap(), [2]);
    drop(clone);
    timeout(GUARD, left.closed()).await.unwrap();
}

#[tokio::test]
async fn garbage_after_the_handshake_closes_the_connection() {
    for garbage in [vec![0x55; 4096], Header::bare(Kind::Payload).encode().to_vec(), {
        Header::bare(Kind::Handled).with_extra(u32::MAX).encode().to_vec()
    }] {
        let (left_end, mut raw) = Connection::pair("test", Mode::Calls, Identity::Cluster);
        let left = Peer::start(left_end, Arc::new(NoService));
        raw.io.write.write_all(&garbage).await.unwrap();
        timeout(GUARD, left.closed()).await.unwrap();
    }
}

#[tokio::test]
async fn frames_that_queue_while_the_stream_is_busy_are_written_together() {
    let (left_end, mut raw) = Connection::pair("test", Mode::Calls, Identity::Cluster);
    let left = Peer::start(left_end, Arc::new(NoService));
    // One thread: the writing task does not run before all are queued.
    for number in 0..20u8 {
        left.tell(&number).await.unwrap();
    }
    let mut bytes = vec![0; 64 << 10];
    let read = raw.io.read.read(&mut bytes).await.unwrap();
    assert_eq!(read, 20 * (HEADER_BYTES + 1));
}
