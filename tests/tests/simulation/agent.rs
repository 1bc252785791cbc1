//! What runs in the model world beside the cores: clients and tasks, as straight-line code that asks the world for everything
//! it does and gets one answer at a time. No runtime: the world polls them.

use super::{machine::Kept, world::Ms};
use skep_hdfs::{
    BlockId, Generation, WorkerId,
    protocol::namespace::{NamespaceAnswer, Operation},
};
use skep_jobs::{
    model::{AttemptId, JobId, JobSpec, Outcome, outcome::LossReason},
    protocol::client::JobError,
};
use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// What an agent wants of the world.
#[derive(Debug, Clone)]
pub enum Ask {
    Sleep(Ms),
    /// Repeated over new connections, with the same number, until it is answered.
    Namespace(Box<Operation>),
    /// Repeated in the same way.
    Submit(Box<JobSpec>),
    /// Of the bytes of one replica.
    Block(WorkerId, BlockAsk),
    /// One attempt's shuffle output, from its holder.
    Fetch(WorkerId, AttemptId),
    /// Hands shuffle output to a core worker.
    Deliver(WorkerId, AttemptId, Kept),
    /// How the task ended: its last word.
    End(AttemptId, Outcome),
}

#[derive(Debug, Clone)]
pub enum BlockAsk {
    /// A writer begins, or continues under a new generation after `resume_at` bytes.
    Open {
        block: BlockId,
        generation: Generation,
        resume_at: u64,
    },
    /// All bytes up to `len_bytes` are there, of this text; `last`: durable, for good.
    Write {
        block: BlockId,
        generation: Generation,
        text: u64,
        len_bytes: u64,
        last: bool,
    },
    Read {
        block: BlockId,
        generation: Generation,
    },
}

/// Why a replica could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockFault {
    Unreachable,
    NotThere,
    Corrupt,
    DiskFull,
}

#[derive(Debug, Clone)]
pub enum Told {
    Nothing,
    Namespace(NamespaceAnswer),
    Submitted(Result<JobId, JobError>),
    /// Text and length.
    Block(Result<(u64, u64), BlockFault>),
    Fetched(Result<Kept, LossReason>),
    Delivered(bool),
}

#[derive(Default)]
struct Post {
    ask: Option<Ask>,
    told: Option<Told>,
}

/// An agent's way to the world.
#[derive(Clone, Default)]
pub struct Hand(Rc<RefCell<Post>>);

impl Hand {
    async fn ask(&self, ask: Ask) -> Told {
        self.0.borrow_mut().ask = Some(ask);
        std::future::poll_fn(|_| match self.0.borrow_mut().told.take() {
            Some(told) => Poll::Ready(told),
            None => Poll::Pending,
        })
        .await
    }

    pub async fn sleep(&self, time: Ms) {
        self.ask(Ask::Sleep(time)).await;
    }

    pub async fn namespace(&self, operation: Operation) -> NamespaceAnswer {
        match self.ask(Ask::Namespace(Box::new(operation))).await {
            Told::Namespace(answer) => answer,
            other => unreachable!("{other:?} answers no call"),
        }
    }

    pub async fn submit(&self, spec: &JobSpec) -> Result<JobId, JobError> {
        match self.ask(Ask::Submit(Box::new(spec.clone()))).await {
            Told::Submitted(answer) => answer,
            other => unreachable!("{other:?} answers no submit"),
        }
    }

    pub async fn block(&self, worker: WorkerId, ask: BlockAsk) -> Result<(u64, u64), BlockFault> {
        match self.ask(Ask::Block(worker, ask)).await {
            Told::Block(answer) => answer,
            other => unreachable!("{other:?} answers nothing about a block"),
        }
    }

    pub async fn fetch(&self, holder: WorkerId, producer: AttemptId) -> Result<Kept, LossReason> {
        match self.ask(Ask::Fetch(holder, producer)).await {
            Told::Fetched(answer) => answer,
            other => unreachable!("{other:?} answers no fetch"),
        }
    }

    pub async fn deliver(&self, to: WorkerId, attempt: AttemptId, kept: Kept) -> bool {
        match self.ask(Ask::Deliver(to, attempt, kept)).await {
            Told::Delivered(taken) => taken,
            other => unreachable!("{other:?} answers no delivery"),
        }
    }

    pub async fn end(&self, attempt: AttemptId, outcome: Outcome) {
        self.ask(Ask::End(attempt, outcome)).await;
    }
}

/// A running client or task.
pub struct Agent {
    hand: Hand,
    code: Pin<Box<dyn Future<Output = ()>>>,
}

impl Agent {
    pub fn new<F: Future<Output = ()> + 'static>(code: impl FnOnce(Hand) -> F) -> Agent {
        let hand = Hand::default();
        Agent { code: Box::pin(code(hand.clone())), hand }
    }

    /// Runs it until it asks for something. `None`: it has ended.
    pub fn run(&mut self, told: Option<Told>) -> Option<Ask> {
        self.hand.0.borrow_mut().told = told;
        match self.code.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(()) => None,
            Poll::Pending => self.hand.0.borrow_mut().ask.take(),
        }
    }
}
