//! Joins: both sides come sorted by key, and are merged. The values of one key of the right side are held, those of the
//! left side stream by: put the side with fewer values per key on the right.

use super::{ExchangeReader, cursor::GroupCursor, delimited, group_buffer::GroupBuffer};
use crate::{
    plan::{
        batch::{BoxConsumer, Emitter, Flow, StageEnd},
        fault::TaskFault,
        scope::TaskScope,
    },
    record::{Key, Record},
    task_program::SortedInput,
};
use std::{cmp::Ordering, marker::PhantomData, sync::atomic::Ordering::Relaxed};

/// Which keys come out, and what a joined value looks like.
pub trait JoinKind<V: Record, W: Record>: 'static {
    type Joined: Record;
    /// Whether keys come out that only the left (right) side has.
    const LEFT_ALONE: bool;
    const RIGHT_ALONE: bool;

    /// `None` if this kind of join has no record for such a pair.
    fn joined<'a>(
        left: Option<V::View<'a>>,
        right: Option<W::View<'a>>,
    ) -> Option<<Self::Joined as Record>::View<'a>>;
}

pub struct Inner;
pub struct LeftOuter;
pub struct FullOuter;

impl<V: Record, W: Record> JoinKind<V, W> for Inner {
    type Joined = (V, W);
    const LEFT_ALONE: bool = false;
    const RIGHT_ALONE: bool = false;

    #[inline]
    fn joined<'a>(
        left: Option<V::View<'a>>,
        right: Option<W::View<'a>>,
    ) -> Option<(V::View<'a>, W::View<'a>)> {
        left.zip(right)
    }
}

impl<V: Record, W: Record> JoinKind<V, W> for LeftOuter {
    type Joined = (V, Option<W>);
    const LEFT_ALONE: bool = true;
    const RIGHT_ALONE: bool = false;

    #[inline]
    fn joined<'a>(
        left: Option<V::View<'a>>,
        right: Option<W::View<'a>>,
    ) -> Option<(V::View<'a>, Option<W::View<'a>>)> {
        left.map(|left| (left, right))
    }
}

impl<V: Record, W: Record> JoinKind<V, W> for FullOuter {
    type Joined = (Option<V>, Option<W>);
    const LEFT_ALONE: bool = true;
    const RIGHT_ALONE: bool = true;

    #[inline]
    fn joined<'a>(
        left: Option<V::View<'a>>,
        right: Option<W::View<'a>>,
    ) -> Option<(Option<V::View<'a>>, Option<W::View<'a>>)> {
        Some((left, right))
    }
}

pub struct JoinReader<K, V, W, J>(PhantomData<fn(K, V, W) -> J>);

impl<K, V, W, J> JoinReader<K, V, W, J> {
    #[expect(clippy::new_without_default, reason = "nothing makes one but the plan")]
    pub fn new() -> Self {
        JoinReader(PhantomData)
    }
}

impl<K: Key, V: Record, W: Record, J: JoinKind<V, W>> ExchangeReader for JoinReader<K, V, W, J> {
    fn read<'a>(
        &'a self,
        sides: Vec<Box<dyn SortedInput>>,
        scope: &'a TaskScope<'a>,
        next: BoxConsumer<'a>,
    ) -> Result<StageEnd, TaskFault> {
        let [left, right] = <[_; 2]>::try_from(sides).map_err(|sides| {
            TaskFault::Undecodable(format!("a join has two inputs, the task got {}", sides.len()))
        })?;
        let mut merge = Merge::<K, V, W, J> {
            left: GroupCursor::new(left, scope),
            right: GroupCursor::new(right, scope),
            held: GroupBuffer::new(scope.memory_share(), &scope.context.scratch),
            key: Vec::new(),
            out: Emitter::new(next),
            types: PhantomData,
        };
        merge.run()?;
        scope.context.progress.spilled_bytes.fetch_add(merge.held.spilled_bytes, Relaxed);
        merge.out.finish()
    }
}

struct Merge<'a, K, V, W, J: JoinKind<V, W>>
where
    V: Record,
    W: Record,
{
    left: GroupCursor<'a>,
    right: GroupCursor<'a>,
    held: GroupBuffer,
    /// The current key in its delimited record form.
    key: Vec<u8>,
    out: Emitter<'a, (K, J::Joined)>,
    types: PhantomData<fn(V, W)>,
}

impl<K: Key, V: Record, W: Record, J: JoinKind<V, W>> Merge<'_, K, V, W, J> {
    fn run(&mut self) -> Result<(), TaskFault> {
        let mut more_left = self.left.next_group()?;
        let mut more_right = self.right.next_group()?;
        while (more_left || (J::RIGHT_ALONE && more_right)) && (more_right || J::LEFT_ALONE) {
            let order = match (more_left, more_right) {
                (true, true) => self.left.key().cmp(self.right.key()),
                (true, false) => Ordering::Less,
                (false, _) => Ordering::Greater,
            };
            self.key.clear();
            let key = if order == Ordering::Greater { self.right.key() } else { self.left.key() };
            K::transcode_whole(key, &mut self.key)?;
            match order {
                Ordering::Less => self.left_alone()?,
                Ordering::Greater => self.right_alone()?,
                Ordering::Equal => self.both()?,
            }
            if self.out.outcome()? == Flow::Enough {
                break;
            }
            if order != Ordering::Greater {
                more_left = self.left.next_group()?;
            }
            if order != Ordering::Less {
                more_right = self.right.next_group()?;
            }
        }
        Ok(())
    }

    fn left_alone(&mut self) -> Result<(), TaskFault> {
        while J::LEFT_ALONE
            && let Some(value) = self.left.next_value()?
        {
            emit::<K, V, W, J>(&self.key, Some(value), None, &mut self.out)?;
        }
        Ok(())
    }

    fn right_alone(&mut self) -> Result<(), TaskFault> {
        while J::RIGHT_ALONE
            && let Some(value) = self.right.next_value()?
        {
            emit::<K, V, W, J>(&self.key, None, Some(value), &mut self.out)?;
        }
        Ok(())
    }

    fn both(&mut self) -> Result<(), TaskFault> {
        self.held.clear();
        while let Some(value) = self.right.next_value()? {
            self.held.push(value)?;
        }
        while let Some(left) = self.left.next_value()? {
            let (key, out) = (&self.key, &mut self.out);
            self.held.for_each(|right| emit::<K, V, W, J>(key, Some(left), Some(right), out))?;
        }
        Ok(())
    }
}

#[inline]
fn emit<K: Key, V: Record, W: Record, J: JoinKind<V, W>>(
    key: &[u8],
    left: Option<&[u8]>,
    right: Option<&[u8]>,
    out: &mut Emitter<'_, (K, J::Joined)>,
) -> Result<(), TaskFault> {
    let left = left.map(V::read_whole).transpose()?;
    let right = right.map(W::read_whole).transpose()?;
    if let Some(joined) = J::joined(left, right) {
        out.emit((delimited::<K>(key)?, joined));
    }
    Ok(())
}
