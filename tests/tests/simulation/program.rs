//! What clients and tasks do: write files through pipelines, read them back and compare, run maps and reduces whose data tells
//! where it came from, and commit their output.

use super::{
    agent::{BlockAsk, BlockFault, Hand},
    machine::{History, Kept},
    truth::{Expected, Truth},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use skep_hdfs::{
    FileId, FsPath, Generation, WorkerId,
    limits::BLOCK_BYTES_MIN,
    protocol::namespace::{
        Change, LocatedBlock, NamespaceError, NewBlock, Operation, Reply, Transaction, WrittenBlock,
    },
};
use skep_jobs::{
    model::{
        AttemptId, Done, FaultKind, JobId, JobSpec, Outcome, Segment, StageId,
        outcome::{LossReason, LostPiece},
    },
    protocol::worker::{Launch, LaunchInput},
};
use skep_wire::codec;
use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

/// What the input file of all jobs holds.
pub const INPUT_TEXTS: [u64; 3] = [101, 102, 103];
const PATIENCE: u32 = 40;

pub fn path(text: &str) -> FsPath {
    text.parse().unwrap()
}

/// Why a file could not be written to its end.
#[derive(Debug)]
pub enum Gave {
    /// Another one has the file now, or nobody.
    Lost,
    Refused(NamespaceError),
    /// No worker took a block for as long as the writer was willing to wait.
    NoWorkers,
}

struct Writer<'a> {
    hand: &'a Hand,
    rng: &'a mut StdRng,
    file: FileId,
}

/// Writes a file of one block for each text. `stop_after`: the writer vanishes after so many blocks.
pub async fn write(
    hand: &Hand,
    rng: &mut StdRng,
    path: &FsPath,
    texts: &[u64],
    stop_after: Option<usize>,
) -> Result<(), Gave> {
    let operation = Operation::Create {
        path: path.clone(),
        overwrite: true,
        replication: None,
        block_bytes: Some(BLOCK_BYTES_MIN),
    };
    let file = match patiently(hand, operation).await.map_err(Gave::Refused)? {
        Reply::Created { file, .. } => file,
        other => unreachable!("{other:?}"),
    };
    let mut writer = Writer { hand, rng, file };
    let mut previous = None;
    for (index, text) in texts.iter().enumerate() {
        if stop_after == Some(index) {
            return Ok(());
        }
        let len_bytes = if index + 1 < texts.len() { BLOCK_BYTES_MIN } else { 1 + BLOCK_BYTES_MIN / 3 };
        previous = Some(writer.block(previous, *text, len_bytes).await?);
    }
    let complete = Operation::Complete { file, last: previous };
    patiently(hand, complete).await.map_err(lost_or_refused)?;
    Ok(())
}

fn lost_or_refused(error: NamespaceError) -> Gave {
    match error {
        NamespaceError::LeaseLost { .. } => Gave::Lost,
        other => Gave::Refused(other),
    }
}

/// Repeats what may succeed later.
async fn patiently(hand: &Hand, operation: Operation) -> Result<Reply, NamespaceError> {
    loop {
        match hand.namespace(operation.clone()).await {
            Err(error) if error.retryable() => {
                hand.sleep(300).await;
                let _ = hand.namespace(Operation::RenewLeases).await;
            }
            answer => return answer,
        }
    }
}

impl Writer<'_> {
    async fn block(
        &mut self,
        previous: Option<WrittenBlock>,
        text: u64,
        len_bytes: u64,
    ) -> Result<WrittenBlock, Gave> {
        let mut exclude = BTreeSet::new();
        for _ in 0..PATIENCE {
            let operation = Operation::AddBlock {
                file: self.file,
                previous: previous.clone(),
                exclude: exclude.iter().copied().collect(),
            };
            let new = match patiently(self.hand, operation).await {
                Ok(Reply::Block(new)) => new,
                Ok(other) => unreachable!("{other:?}"),
                Err(NamespaceError::NoTarget { .. }) => {
                    exclude.clear();
                    self.hand.sleep(1_000).await;
                    let _ = self.hand.namespace(Operation::RenewLeases).await;
                    continue;
                }
                Err(error) => return Err(lost_or_refused(error)),
            };
            if let Some(written) = self.fill(&new, text, len_bytes, &mut exclude).await? {
                return Ok(written);
            }
            let give_up = Operation::AbandonBlock { file: self.file, block: new.block };
            patiently(self.hand, give_up).await.map_err(lost_or_refused)?;
        }
        Err(Gave::NoWorkers)
    }

    /// `None`: nobody is left who has the block.
    async fn fill(
        &mut self,
        new: &NewBlock,
        text: u64,
        len_bytes: u64,
        exclude: &mut BTreeSet<WorkerId>,
    ) -> Result<Option<WrittenBlock>, Gave> {
        let (block, mut generation) = (new.block, new.generation);
        let targets: Vec<WorkerId> = new.targets.iter().map(|target| target.worker).collect();
        let mut living = self.open(new, generation, 0, &targets, exclude).await;
        if living.len() < targets.len() && (living.is_empty() || self.rng.random_bool(0.5)) {
            return Ok(None);
        }
        let mut acknowledged = 0;
        for (upto, last) in [(len_bytes / 2, false), (len_bytes, true)] {
            loop {
                let mut wrote = Vec::new();
                for worker in &living {
                    let ask = BlockAsk::Write { block, generation, text, len_bytes: upto, last };
                    match self.hand.block(*worker, ask).await {
                        Ok(_) => wrote.push(*worker),
                        Err(_) => drop(exclude.insert(*worker)),
                    }
                }
                let whole = wrote.len() == living.len() && living.len() == targets.len();
                if whole || (wrote.len() == living.len() && generation > new.generation) {
                    break;
                }
                if wrote.is_empty() {
                    return Ok(None);
                }
                let renew = Operation::RenewPipeline { file: self.file, block, survivors: wrote.clone() };
                generation = match patiently(self.hand, renew).await.map_err(lost_or_refused)? {
                    Reply::Generation(generation) => generation,
                    other => unreachable!("{other:?}"),
                };
                living = self.open(new, generation, acknowledged, &wrote, exclude).await;
                if living.is_empty() {
                    return Ok(None);
                }
            }
            acknowledged = upto;
        }
        Ok(Some(WrittenBlock { block, generation, len_bytes, replicas: living }))
    }

    async fn open(
        &mut self,
        new: &NewBlock,
        generation: Generation,
        resume_at: u64,
        workers: &[WorkerId],
        exclude: &mut BTreeSet<WorkerId>,
    ) -> Vec<WorkerId> {
        let mut open = Vec::new();
        for worker in workers {
            let ask = BlockAsk::Open { block: new.block, generation, resume_at };
            match self.hand.block(*worker, ask).await {
                Ok(_) => open.push(*worker),
                Err(_) => drop(exclude.insert(*worker)),
            }
        }
        open
    }
}

/// The texts and lengths of a file's blocks; `None`: it cannot be read now. `patience`: how often the locations are asked for.
pub async fn read(hand: &Hand, path: &FsPath, patience: u32) -> Option<Vec<(u64, u64)>> {
    for round in 0..patience {
        if round > 0 {
            hand.sleep(500).await;
        }
        let Ok(Reply::Blocks(file)) =
            patiently(hand, Operation::Blocks { path: path.clone(), reader: None }).await
        else {
            return None;
        };
        let mut texts = Vec::new();
        for block in &file.blocks {
            texts.extend(read_block(hand, block).await);
        }
        if texts.len() == file.blocks.len() {
            return Some(texts);
        }
    }
    None
}

async fn read_block(hand: &Hand, located: &LocatedBlock) -> Option<(u64, u64)> {
    let LocatedBlock { block, generation, len_bytes, .. } = *located;
    for location in &located.locations {
        let worker = location.worker;
        match hand.block(worker, BlockAsk::Read { block, generation }).await {
            // A reader takes no more than what the namespace says there is, and no less.
            Ok((text, there)) if there >= len_bytes => return Some((text, len_bytes)),
            Ok(_) | Err(BlockFault::Corrupt) => {
                let report = Operation::ReportCorrupt { block, generation, worker };
                let _ = patiently(hand, report).await;
            }
            Err(_) => {}
        }
    }
    None
}

/// A client that keeps some files of its own, and knows what must be in them.
pub async fn client(hand: Hand, index: usize, seed: u64, rounds: u32, truth: Rc<RefCell<Truth>>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut next = 0;
    for _ in 0..rounds {
        hand.sleep(rng.random_range(0..3_000)).await;
        let mine = truth.borrow().some_file(&format!("/files/{index}/"), &mut rng);
        match (rng.random_range(0..10), mine) {
            (0..4, _) | (_, None) => {
                next += 1;
                let name = format!("/files/{index}/file-{next}");
                let count = rng.random_range(1..4);
                let texts: Vec<u64> = (0..count).map(|_| rng.random_range(1_000..1_000_000)).collect();
                write_and_remember(&hand, &mut rng, &name, texts, &truth).await;
            }
            (4..6, Some(name)) => {
                next += 1;
                let to = format!("/files/{index}/moved-{next}");
                let moved = Operation::Rename { from: path(&name), to: path(&to), replace: false };
                truth.borrow_mut().begin_move(&name, &to);
                let answer = patiently(&hand, moved).await;
                truth.borrow_mut().end_move(&name, &to, answer.is_ok());
            }
            (6, Some(name)) => {
                truth.borrow_mut().unknown(&name);
                let gone = Operation::Delete { path: path(&name), recursive: false };
                let answer = patiently(&hand, gone).await;
                assert!(answer.is_ok(), "a file of one's own can be deleted: {answer:?}");
                truth.borrow_mut().deleted(&name);
            }
            (_, Some(name)) => {
                let found = read(&hand, &path(&name), 3).await;
                if let Some(found) = found {
                    truth.borrow().compare(&name, &found);
                }
            }
        }
    }
}

async fn write_and_remember(
    hand: &Hand,
    rng: &mut StdRng,
    name: &str,
    texts: Vec<u64>,
    truth: &RefCell<Truth>,
) {
    let vanish = rng.random_bool(0.15).then(|| rng.random_range(0..=texts.len()));
    truth.borrow_mut().expect(name, Expected::Prefix(texts.clone()));
    let wrote = write(hand, rng, &path(name), &texts, vanish.filter(|after| *after < texts.len())).await;
    match wrote {
        Ok(()) if vanish.is_none_or(|after| after >= texts.len()) => {
            truth.borrow_mut().expect(name, Expected::Whole(texts));
        }
        Ok(()) => {}
        Err(Gave::Lost | Gave::NoWorkers) => {}
        Err(Gave::Refused(error)) => unreachable!("{name}: {error}"),
    }
}

/// Writes the jobs' input, then submits them, now and then twice.
pub async fn submitter(hand: Hand, specs: Vec<JobSpec>, seed: u64, truth: Rc<RefCell<Truth>>) {
    let mut rng = StdRng::seed_from_u64(seed);
    while write(&hand, &mut rng, &path("/input"), &INPUT_TEXTS, None).await.is_err() {
        hand.sleep(1_000).await;
    }
    truth.borrow_mut().expect("/input", Expected::Whole(INPUT_TEXTS.to_vec()));
    for spec in &specs {
        hand.sleep(rng.random_range(0..5_000)).await;
        let job = hand.submit(spec).await.expect("the specs are good");
        truth.borrow_mut().submitted(spec.token, job);
        if rng.random_bool(0.3) {
            let again = hand.submit(spec).await.expect("the specs are good");
            assert_eq!(job, again, "one token, one job");
        }
    }
}

/// A job that is over, for the last look at its output.
pub struct Over {
    pub job: JobId,
    pub spec: JobSpec,
    pub succeeded: bool,
}

/// Reads back everything that was acknowledged, when all is calm.
pub async fn verifier(hand: Hand, jobs: Vec<Over>, truth: Rc<RefCell<Truth>>) {
    let names = truth.borrow().names();
    for name in names {
        let found = read(&hand, &path(&name), 20).await;
        truth.borrow_mut().verified(&name, found);
    }
    for over in jobs {
        verify_output(&hand, &over, &truth).await;
        truth.borrow_mut().jobs_verified += 1;
    }
}

async fn verify_output(hand: &Hand, over: &Over, truth: &RefCell<Truth>) {
    let (job, token) = (over.job, over.spec.token);
    let last = over.spec.stages.last().unwrap();
    let mut finals = Vec::new();
    for part in 0..last.tasks.len() {
        let found = read(hand, &path(&format!("/out/{token}/part-{part}")), 3).await;
        if let Some(found) = found.as_deref() {
            assert_eq!(found.len(), 1, "{job}: a part is one block");
            finals.push(truth.borrow().history(found[0].0).clone());
        }
        assert_eq!(
            found.is_some(),
            over.succeeded,
            "{job}: part {part} is there if and only if it succeeded"
        );
    }
    if over.succeeded {
        truth.borrow().check_result(job, &over.spec, &finals);
    }
    let left = hand.namespace(Operation::Status { path: path(&format!("/out/{token}/_temporary")) }).await;
    assert!(matches!(left, Err(NamespaceError::NotFound(_))), "{job} leaves nothing: {left:?}");
}

/// What a task's payload says.
pub fn payload(token: u64, reads_input: bool, varies: bool) -> Vec<u8> {
    codec::encode(&(token, reads_input, varies))
}

pub struct Task {
    pub worker: Option<WorkerId>,
    pub is_core: bool,
    pub launch: Launch,
    pub seed: u64,
    /// Whether things may still go wrong by themselves.
    pub faults: bool,
    pub truth: Rc<RefCell<Truth>>,
}

pub async fn task(hand: Hand, task: Task) {
    let mut rng = StdRng::seed_from_u64(task.seed);
    let attempt = task.launch.attempt;
    hand.sleep(rng.random_range(1..400)).await;
    let outcome = match spoiled(&hand, &task, &mut rng).await {
        Some(outcome) => outcome,
        None => work(&hand, &task, &mut rng).await.unwrap_or_else(|outcome| outcome),
    };
    hand.end(attempt, outcome).await;
}

/// Tasks fail, and some never end.
async fn spoiled(hand: &Hand, task: &Task, rng: &mut StdRng) -> Option<Outcome> {
    if !task.faults || !rng.random_bool(0.08) {
        return None;
    }
    if rng.random_bool(0.1) {
        hand.sleep(1 << 40).await;
    }
    let kinds = [FaultKind::User, FaultKind::Worker, FaultKind::WorkerDisk, FaultKind::Preempted];
    let kind = kinds[rng.random_range(0..kinds.len())];
    if kind.is_users() {
        task.truth.borrow_mut().user_failed(task.launch.attempt.job);
    }
    Some(Outcome::Failed { kind, message: "it broke".to_owned() })
}

fn failed(kind: FaultKind, message: impl std::fmt::Display) -> Outcome {
    Outcome::Failed { kind, message: message.to_string() }
}

async fn work(hand: &Hand, task: &Task, rng: &mut StdRng) -> Result<Outcome, Outcome> {
    let launch = &task.launch;
    let attempt = launch.attempt;
    if attempt.stage == StageId::COMMIT || attempt.stage == StageId::ABORT {
        return finish(hand, launch).await;
    }
    let (token, reads_input, varies): (u64, bool, bool) = codec::decode(&launch.payload).unwrap();
    let mut history = gather(hand, launch).await?;
    if reads_input {
        let found = read(hand, &path("/input"), 60).await;
        let found = found.ok_or_else(|| failed(FaultKind::Worker, "the input cannot be read"))?;
        let texts: Vec<u64> = found.iter().map(|(text, _)| *text).collect();
        assert_eq!(texts, INPUT_TEXTS, "{attempt} reads what was written");
    }
    let run = if varies { rng.random_range(1..u64::MAX) } else { 0 };
    history.insert((attempt.stage.0, attempt.part.0, run));
    hand.sleep(rng.random_range(0..300)).await;
    if launch.partitions > 0 {
        return deliver(hand, task, rng, history).await;
    }
    let mut done = Done { result: codec::encode(&history), ..Done::default() };
    if task.truth.borrow().writes(token) {
        done.result.clear();
        let text = task.truth.borrow_mut().register(history);
        let name = format!("/out/{token}/_temporary/{}/part", attempt.file_stem());
        let wrote = write(hand, rng, &path(&name), &[text], None).await;
        wrote.map_err(|error| failed(FaultKind::Worker, format!("{error:?}")))?;
        done.commit = name.into_bytes();
    }
    Ok(Outcome::Done(done))
}

/// All of its input, or what of it is lost.
async fn gather(hand: &Hand, launch: &Launch) -> Result<History, Outcome> {
    let (mut history, mut lost) = (History::new(), Vec::new());
    for input in &launch.inputs {
        let LaunchInput::Shuffle { pieces, holders } = input else { continue };
        for piece in pieces {
            assert!(
                holders.iter().any(|holder| holder.worker == piece.holder),
                "every holder has an address"
            );
            match fetch(hand, piece.holder, piece.producer).await {
                Ok(kept) => history.extend(kept.history),
                Err(reason) => lost.push(LostPiece {
                    producer: piece.producer,
                    stage: piece.producer.stage,
                    holder: piece.holder,
                    reason,
                }),
            }
        }
    }
    if lost.is_empty() { Ok(history) } else { Err(Outcome::LostInput(lost)) }
}

async fn fetch(hand: &Hand, holder: WorkerId, producer: AttemptId) -> Result<Kept, LossReason> {
    let mut tries = 0;
    loop {
        tries += 1;
        match hand.fetch(holder, producer).await {
            Err(LossReason::Unreachable) if tries < 4 => hand.sleep(700).await,
            answer => return answer,
        }
    }
}

async fn deliver(hand: &Hand, task: &Task, rng: &mut StdRng, history: History) -> Result<Outcome, Outcome> {
    let launch = &task.launch;
    let own = task.worker.filter(|_| task.is_core);
    let named = launch.deliver_to.iter().map(|location| location.worker);
    let targets: Vec<WorkerId> = own.into_iter().chain(named).collect();
    for target in targets {
        let kept =
            Kept { history: history.clone(), in_memory: rng.random_bool(0.5), corrupt: false, since: 0 };
        if hand.deliver(target, launch.attempt, kept).await {
            return Ok(Outcome::Done(Done {
                segments: vec![Segment::default(); launch.partitions as usize],
                holder: Some(target),
                ..Done::default()
            }));
        }
    }
    Err(failed(FaultKind::Worker, "no core worker takes the output"))
}

/// The task that makes the output visible, or removes what is left of it.
async fn finish(hand: &Hand, launch: &Launch) -> Result<Outcome, Outcome> {
    let token: u64 = codec::decode(&launch.payload).unwrap();
    let mut changes = Vec::new();
    if launch.attempt.stage == StageId::COMMIT {
        for input in &launch.inputs {
            let LaunchInput::Commits(commits) = input else { continue };
            for (attempt, name) in commits {
                let from = path(std::str::from_utf8(name).unwrap());
                changes.push(Change::Rename {
                    from,
                    to: path(&format!("/out/{token}/part-{}", attempt.part.0)),
                });
            }
        }
        changes.push(Change::CreateEmpty(path(&format!("/out/{token}/_SUCCESS"))));
    }
    changes.push(Change::Delete(path(&format!("/out/{token}/_temporary"))));
    let transaction = Operation::Transaction(Transaction { expect: Vec::new(), changes });
    match patiently(hand, transaction).await {
        Ok(_) => Ok(Outcome::Done(Done::default())),
        Err(error) => Err(failed(FaultKind::Worker, error)),
    }
}
