//! Operators and their references.

use super::{collected, cramped, text_file};
use crate::plan::{Dataset, Plan};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Pairs out of lines `KEY NUMBER`.
fn pairs(plan: &Plan, path: &str) -> Dataset<(String, i64)> {
    plan.text_file(path).flat_map::<(String, i64), _>(|line, out| {
        let (key, number) = line.split_once(' ').unwrap();
        out.emit((key, number.parse().unwrap()));
    })
}

fn lines_of(pairs: &[(String, i64)]) -> Vec<String> {
    pairs.iter().map(|(key, number)| format!("{key} {number}")).collect()
}

fn some_pairs() -> impl Strategy<Value = Vec<(String, i64)>> {
    prop::collection::vec(("[a-d]{0,2}", -50i64..50), 0..120)
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort();
    values
}

/// A plan over one or two random inputs, run with random splits and partitions.
struct Case {
    folder: tempfile::TempDir,
    plan: Plan,
    split_bytes: usize,
    partitions: usize,
}

impl Case {
    fn new(split_bytes: usize, partitions: usize) -> Case {
        Case { folder: tempfile::tempdir().unwrap(), plan: Plan::new(), split_bytes, partitions }
    }

    fn pairs(&self, name: &str, values: &[(String, i64)]) -> Dataset<(String, i64)> {
        pairs(&self.plan, &text_file(&self.folder, name, &lines_of(values)))
    }

    fn run<T: crate::record::Record>(&self, dataset: &Dataset<T>) -> Vec<T> {
        let result = dataset.collect("result");
        collected(&self.plan, cramped(self.split_bytes, self.partitions), &result)
    }
}

fn sizes() -> impl Strategy<Value = (usize, usize)> {
    (1usize..200, 1usize..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn map_and_filter_do_what_iterators_do(input in some_pairs(), (split, parts) in sizes()) {
        let case = Case::new(split, parts);
        let dataset = case.pairs("a", &input)
            .map(|(key, number)| (key.to_owned(), number * 2))
            .filter(|(_, number)| number % 3 == 0);
        let expected: Vec<_> = input.iter().map(|(k, n)| (k.clone(), n * 2)).filter(|(_, n)| n % 3 == 0).collect();
        // Results come in the order of the input.
        prop_assert_eq!(case.run(&dataset), expected);
    }

    #[test]
    fn reduce_by_key_sums_like_an_ordered_map(input in some_pairs(), (split, parts) in sizes()) {
        let case = Case::new(split, parts);
        let dataset = case.pairs("a", &input).reduce_by_key(|a, b| a + b);
        let mut expected = BTreeMap::new();
        for (key, number) in &input {
            *expected.entry(key.clone()).or_insert(0) += number;
        }
        prop_assert_eq!(sorted(case.run(&dataset)), expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn combine_by_key_may_change_the_type(input in some_pairs(), (split, parts) in sizes()) {
        let case = Case::new(split, parts);
        let dataset = case.pairs("a", &input).combine_by_key(
            |number| (number, 1u64),
            |held: &mut (i64, u64), number| { held.0 += number; held.1 += 1 },
            |held, (sum, count)| { held.0 += sum; held.1 += count },
        );
        let mut expected: BTreeMap<String, (i64, u64)> = BTreeMap::new();
        for (key, number) in &input {
            let held = expected.entry(key.clone()).or_default();
            *held = (held.0 + number, held.1 + 1);
        }
        prop_assert_eq!(sorted(case.run(&dataset)), expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn group_by_key_brings_all_values_together(input in some_pairs(), (split, parts) in sizes()) {
        let case = Case::new(split, parts);
        let dataset = case.pairs("a", &input).group_by_key();
        let mut expected: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for (key, number) in &input {
            expected.entry(key.clone()).or_default().push(*number);
        }
        let found: Vec<_> = case.run(&dataset).into_iter().map(|(key, values)| (key, sorted(values))).collect();
        let expected: Vec<_> = expected.into_iter().map(|(key, values)| (key, sorted(values))).collect();
        prop_assert_eq!(sorted(found), expected);
    }

    #[test]
    fn reduce_groups_may_leave_values_unread(input in some_pairs(), (split, parts) in sizes()) {
        let case = Case::new(split, parts);
        let dataset = case.pairs("a", &input).reduce_groups::<(String, i64), _>(|key, values, out| {
            let first = values.next().map(|value| value.signum().abs());
            if key != "a" {
                values.for_each(|_| ());
            }
            out.emit((key, first.unwrap_or(-1)));
        });
        let keys: BTreeSet<_> = input.iter().map(|(key, _)| key.clone()).collect();
        let found = sorted(case.run(&dataset));
        prop_assert!(found.iter().all(|(_, first)| (0..=1).contains(first)));
        prop_assert_eq!(found.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), keys.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn joins_pair_what_has_the_same_key(left in some_pairs(), right in some_pairs(), (split, parts) in sizes()) {
        let keys: BTreeSet<&String> = left.iter().chain(&right).map(|(key, _)| key).collect();
        let (mut inner, mut left_outer, mut full) = (Vec::new(), Vec::new(), Vec::new());
        for key in keys {
            let of = |side: &[(String, i64)]| side.iter().filter(|(k, _)| k == key).map(|(_, n)| *n).collect::<Vec<_>>();
            let (l, r) = (of(&left), of(&right));
            let pad = |side: &[i64]| if side.is_empty() { vec![None] } else { side.iter().map(|n| Some(*n)).collect() };
            for (a, b) in pad(&l).into_iter().flat_map(|a| pad(&r).into_iter().map(move |b| (a, b))) {
                full.push((key.clone(), (a, b)));
                if let Some(a) = a {
                    left_outer.push((key.clone(), (a, b)));
                    inner.extend(b.map(|b| (key.clone(), (a, b))));
                }
            }
        }
        let case = Case::new(split, parts);
        let (a, b) = (case.pairs("a", &left), case.pairs("b", &right));
        prop_assert_eq!(sorted(case.run(&a.join(&b))), sorted(inner));
        let (a, b) = (case.pairs("a", &left), case.pairs("b", &right));
        prop_assert_eq!(sorted(case.run(&a.left_join(&b))), sorted(left_outer));
        let (a, b) = (case.pairs("a", &left), case.pairs("b", &right));
        prop_assert_eq!(sorted(case.run(&a.full_join(&b))), sorted(full));
    }

    #[test]
    fn sort_by_key_is_a_total_order_over_all_partitions(input in some_pairs(), (split, parts) in sizes()) {
        let case = Case::new(split, parts);
        let dataset = case.pairs("a", &input).flat_map::<((i64, String), ()), _>(|(k, n), out| out.emit(((n, k), ()))).sort_by_key().keys();
        let expected = sorted(input.iter().map(|(k, n)| (*n, k.clone())).collect());
        prop_assert_eq!(case.run(&dataset), expected);
    }

    #[test]
    fn distinct_keeps_each_record_once(input in some_pairs(), (split, parts) in sizes()) {
        let case = Case::new(split, parts);
        let expected: BTreeSet<_> = input.iter().cloned().collect();
        prop_assert_eq!(sorted(case.run(&case.pairs("a", &input).distinct())), expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn union_has_the_records_of_both(left in some_pairs(), right in some_pairs(), (split, parts) in sizes()) {
        let case = Case::new(split, parts);
        let both = case.pairs("a", &left).union(&case.pairs("b", &right));
        let mut expected = BTreeMap::new();
        for (key, number) in left.iter().chain(&right) {
            *expected.entry(key.clone()).or_insert(0) += number;
        }
        let mut all = left.clone();
        all.extend(right);
        prop_assert_eq!(case.run(&both), all);
        let both = case.pairs("a", &left).union(&both.filter(|_| false)).union(&case.pairs("b", &[]));
        prop_assert_eq!(case.run(&both), left);
    }

    #[test]
    fn take_gives_the_first_records(input in some_pairs(), count in 0u64..50, (split, parts) in sizes()) {
        let case = Case::new(split, parts);
        let first = case.run(&case.pairs("a", &input).take(count));
        prop_assert_eq!(&first[..], &input[..input.len().min(count as usize)]);
        let case = Case::new(split, parts);
        let least = case.run(&case.pairs("a", &input).sort_by_key().keys().take(count));
        let mut keys = sorted(input.iter().map(|(key, _)| key.clone()).collect());
        keys.truncate(count as usize);
        prop_assert_eq!(least, keys);
    }

    #[test]
    fn custom_partitions_hold_what_the_function_says(input in some_pairs(), (split, parts) in sizes()) {
        let case = Case::new(split, parts);
        let numbered = case.pairs("a", &input)
            .partition_by(|key, partitions| key.len() as u32 % partitions)
            .fold_pieces::<(u64, u64), _, _, _, _>(|_| (0, 0), |seen, (key, _), _| { seen.0 |= 1 << key.len(); seen.1 += 1 }, |seen, out| out.emit(seen));
        let found = case.run(&numbered);
        prop_assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), input.len() as u64);
        // No length of keys is in two partitions.
        prop_assert_eq!(found.iter().fold(0, |all, (lengths, _)| { assert_eq!(all & lengths, 0); all | lengths }), input.iter().fold(0, |all, (key, _)| all | 1 << key.len()));
    }
}

#[test]
fn a_dataset_that_is_joined_with_itself_pairs_with_itself() {
    let case = Case::new(1000, 2);
    let pairs = case.pairs("a", &[("x".to_owned(), 1), ("y".to_owned(), 2)]);
    let expected = [("x".to_owned(), (1, 1)), ("y".to_owned(), (2, 2))];
    assert_eq!(sorted(case.run(&pairs.join(&pairs))), expected);
}

#[test]
fn counts_and_counters_are_told() {
    let case = Case::new(20, 1);
    let odd = case.plan.counter("odd numbers");
    let input: Vec<_> = (0..100).map(|number| (format!("k{number}"), number)).collect();
    let seen = case.pairs("a", &input).filter(move |(_, number)| {
        odd.add(number as u64 & 1);
        true
    });
    seen.count("records");
    let run = super::run_with(&case.plan, cramped(20, 1)).unwrap();
    assert_eq!(run.counters["odd numbers"], 50);
    let mut text = Vec::new();
    run.results[0].write(&mut text).unwrap();
    assert_eq!(text, b"records\t100\n");
}

#[test]
fn the_only_result_of_many_tasks_is_one_result_in_their_order() {
    let numbers = |case: &Case| {
        let input: Vec<_> = (0..500).rev().map(|number| (format!("k{number:03}"), number)).collect();
        case.pairs("a", &input).sort_by_key().partitions(5)
    };
    let case = Case::new(20, 1);
    let sorted = numbers(&case).keys().collect("keys");
    let run = super::run_with(&case.plan, cramped(20, 1)).unwrap();
    let expected: Vec<String> = (0..500).map(|number| format!("k{number:03}")).collect();
    assert_eq!(run.collected(&sorted).unwrap(), expected);

    let case = Case::new(20, 1);
    numbers(&case).count("keys");
    let run = super::run_with(&case.plan, cramped(20, 1)).unwrap();
    assert_eq!(run.results.len(), 1);
    assert_eq!(run.results[0].body, crate::plan::results::ResultBody::Count(500));
}

mod classic {
    //! The classic traits.

    use super::*;
    use crate::{
        mapreduce::{Combiner, Mapper, Partitioner, Reducer},
        plan::{Emitter, Values},
    };

    struct Words;

    impl Mapper<String> for Words {
        type Key = String;
        type Value = u64;

        fn map(&self, line: &str, out: &mut Emitter<'_, (String, u64)>) {
            line.split_whitespace().for_each(|word| out.emit((word, 1)));
        }
    }

    struct Sum;

    impl Combiner<u64> for Sum {
        fn combine(&self, held: &mut u64, value: u64) {
            *held += value;
        }
    }

    impl Reducer<String, u64> for Sum {
        type Output = (String, u64);

        fn reduce(&self, key: &str, values: &mut Values<'_, u64>, out: &mut Emitter<'_, (String, u64)>) {
            let mut sum = 0;
            values.for_each(|value| sum += value);
            out.emit((key, sum));
        }
    }

    struct ByLength;

    impl Partitioner<String> for ByLength {
        fn partition(&self, key: &str, partitions: u32) -> u32 {
            key.len() as u32 % partitions
        }
    }

    #[test]
    fn mapper_combiner_reducer_and_partitioner_count_words() {
        let folder = tempfile::tempdir().unwrap();
        let lines: Vec<String> = (0..200).map(|line| format!("a bb{} a", line % 3)).collect();
        let path = text_file(&folder, "in", &lines);
        let expected =
            [("a", 400), ("bb0", 67), ("bb1", 67), ("bb2", 66)].map(|(word, count)| (word.to_owned(), count));
        let plan = Plan::new();
        let words = plan.text_file(&path).map_with(Words);
        let results = [
            words.reduce_with(Sum).collect("plain"),
            words.combine_and_reduce(Sum, Sum).collect("combined"),
            words.reduce_partitioned(ByLength, Sum).collect("partitioned"),
        ];
        let run = super::super::run_with(&plan, cramped(100, 3)).unwrap();
        for result in results {
            assert_eq!(sorted(run.collected(&result).unwrap()), expected);
        }
    }
}
