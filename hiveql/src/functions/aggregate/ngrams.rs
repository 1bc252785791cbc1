//! ngrams and context_ngrams.

use super::{
    arguments::{count, whole, wrong_type, wrong_value},
    body::Body,
    kernel::AggregateKernel,
    lists::{list, list_type, lists, numbers},
    ngram_counts::NgramCounts,
};
use crate::{
    functions::{Aggregate, AggregateFunction, Arg, FunctionError},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Float64Array, ListArray, StringArray, StructArray},
        buffer::OffsetBuffer,
        datatypes::{DataType, Field, Float64Type},
    },
    common::{Result as DataFusionResult, ScalarValue},
    logical_expr::Accumulator,
};
use std::{mem::size_of, sync::Arc};

pub const NGRAMS: AggregateFunction = AggregateFunction {
    name: "ngrams",
    aliases: &[],
    usage: "_FUNC_(expr, n, k, pf) - Estimates the top-k n-grams in rows that consist of sequences of strings, \
            represented as arrays of strings, or arrays of arrays of strings. 'pf' is an optional precision factor that \
            controls memory usage.",
    extended: "The parameter 'n' specifies what type of n-grams are being estimated. Unigrams are n = 1, and bigrams \
               are n = 2. Generally, n will not be greater than about 5. The 'k' parameter specifies how many of the \
               highest-frequency n-grams will be returned by the UDAF. The optional precision factor 'pf' specifies how \
               much memory to use for estimation; more memory will give more accurate frequency counts.\n",
    resolve: |name, args, _| {
        count(name, args, 3..=4)?;
        let length = whole(name, 1, &args[1], 1)?.unsigned_abs() as usize;
        resolve(name, args, vec![None; length])
    },
};

pub const CONTEXT_NGRAMS: AggregateFunction = AggregateFunction {
    name: "context_ngrams",
    aliases: &[],
    usage: "_FUNC_(expr, array<string1, string2, ...>, k, pf) estimates the top-k most frequent n-grams that fit into \
            the specified context. The second parameter specifies a string of words that specify the positions of the \
            n-gram elements, with a null value standing in for a 'blank' that must be filled by an n-gram element.",
    extended: "The primary expression must be an array of strings, or an array of arrays of strings, such as the \
               return type of the sentences() UDF. The second parameter specifies the context -- for example, \
               array(\"i\", \"love\", null) -- which would estimate the top 'k' words that follow the phrase \
               \"i love\" in the primary expression. The optional fourth parameter 'pf' controls the memory used by \
               the heuristic.\n",
    resolve: |name, args, _| {
        count(name, args, 3..=4)?;
        let context = context(name, &args[1])?;
        resolve(name, args, context)
    },
};

fn resolve(name: &str, args: &[Arg], pattern: Vec<Option<String>>) -> Result<Aggregate, FunctionError> {
    let nested = match &args[0].ty {
        HiveType::Array(element) if element.is_text() => false,
        HiveType::Array(element) => match element.as_ref() {
            HiveType::Array(word) if word.is_text() => true,
            _ => return Err(wrong_type(name, 0, &args[0], "array<string> or array<array<string>>")),
        },
        _ => return Err(wrong_type(name, 0, &args[0], "array<string> or array<array<string>>")),
    };
    let wanted = whole(name, 2, &args[2], 1)?.unsigned_abs() as usize;
    let precision = match args.get(3) {
        Some(precision) => whole(name, 3, precision, 1)?.unsigned_abs() as usize,
        None => 1,
    };
    let words = HiveType::array(HiveType::String);
    let value = if nested { HiveType::array(words.clone()) } else { words.clone() };
    let returns =
        HiveType::array(HiveType::structure([("ngram", words), ("estfrequency", HiveType::Double)]));
    let body = Ngrams { pattern: pattern.into(), nested, wanted, precision, returns: returns.arrow() };
    let kernel = AggregateKernel::own(name, args, returns.arrow(), body);
    let rest = args.iter().skip(1).map(|arg| arg.ty.clone());
    Ok(Aggregate { args: std::iter::once(value).chain(rest).collect(), returns, udf: kernel.into_udf() })
}

/// The constant words of a context; NULL is a blank.
fn context(name: &str, arg: &Arg) -> Result<Vec<Option<String>>, FunctionError> {
    let Some(ScalarValue::List(list)) = &arg.constant else {
        return Err(FunctionError::NotConstant {
            function: name.to_owned(),
            position: 2,
            expected: "array<string>".into(),
        });
    };
    let first = (!list.is_empty() && list.is_valid(0)).then(|| list.value(0));
    // `array(null)` is of no type: nothing but blanks.
    if let Some(blanks) = first.as_ref().filter(|words| *words.data_type() == DataType::Null) {
        return Ok(vec![None; blanks.len()]);
    }
    let words = first.as_ref().and_then(|words| words.as_string_opt::<i32>());
    let Some(words) = words else { return Err(wrong_type(name, 1, arg, "array<string>")) };
    let words: Vec<Option<String>> = words.iter().map(|word| word.map(str::to_owned)).collect();
    if !words.contains(&None) {
        return Err(wrong_value(name, 1, "the context needs at least one NULL to say what is counted"));
    }
    Ok(words)
}

#[derive(Debug, Clone)]
struct Ngrams {
    /// What a sequence must look like: its words, `None` for those that are counted.
    pattern: Arc<[Option<String>]>,
    nested: bool,
    wanted: usize,
    precision: usize,
    returns: DataType,
}

impl Body for Ngrams {
    fn state(&self) -> Vec<(&'static str, DataType)> {
        vec![("words", list_type(DataType::Utf8)), ("frequencies", list_type(DataType::Float64))]
    }

    fn accumulator(&self) -> DataFusionResult<Box<dyn Accumulator>> {
        let counts = NgramCounts::new(self.wanted, self.precision);
        Ok(Box::new(NgramAccumulator { body: self.clone(), counts }))
    }
}

#[derive(Debug)]
struct NgramAccumulator {
    body: Ngrams,
    counts: NgramCounts,
}

impl NgramAccumulator {
    fn add_lists(&mut self, lists: &ListArray) {
        for words in lists.iter().flatten() {
            if self.body.nested {
                self.add_sequences(words.as_list::<i32>());
            } else {
                self.add_words(words.as_string::<i32>());
            }
        }
    }

    fn add_sequences(&mut self, sequences: &ListArray) {
        for words in sequences.iter().flatten() {
            self.add_words(words.as_string::<i32>());
        }
    }

    /// Hive goes through a sequence from its end; that decides which of equally rare n-grams is dropped first.
    fn add_words(&mut self, words: &StringArray) {
        let pattern = Arc::clone(&self.body.pattern);
        let mut found = Vec::with_capacity(pattern.len());
        for start in (0..(words.len() + 1).saturating_sub(pattern.len())).rev() {
            found.clear();
            let fits = pattern.iter().enumerate().all(|(index, expected)| {
                let at = start + index;
                match expected {
                    _ if words.is_null(at) => false,
                    Some(expected) => expected == words.value(at),
                    None => {
                        found.push(words.value(at));
                        true
                    }
                }
            });
            if fits {
                self.counts.add(&found);
            }
        }
    }

    fn blanks(&self) -> usize {
        self.body.pattern.iter().filter(|word| word.is_none()).count()
    }
}

/// The words of all sequences, one after the other.
fn words_of(grams: &[(Vec<&str>, f64)]) -> StringArray {
    grams.iter().flat_map(|(words, _)| words.iter().map(Some)).collect()
}

impl Accumulator for NgramAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        self.add_lists(values[0].as_list::<i32>());
        Ok(())
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        let best = self.counts.best();
        if best.is_empty() {
            return ScalarValue::try_from(&self.body.returns);
        }
        let words = words_of(&best);
        let lengths = OffsetBuffer::from_lengths(best.iter().map(|(words, _)| words.len()));
        let word = Arc::new(Field::new("item", DataType::Utf8, true));
        let grams = ListArray::try_new(word, lengths, Arc::new(words), None)?;
        let frequencies = Float64Array::from_iter_values(best.iter().map(|&(_, frequency)| frequency));
        let fields = vec![
            Field::new("ngram", list_type(DataType::Utf8), true),
            Field::new("estfrequency", DataType::Float64, true),
        ];
        let columns: Vec<ArrayRef> = vec![Arc::new(grams), Arc::new(frequencies)];
        Ok(list(Arc::new(StructArray::try_new(fields.into(), columns, None)?)))
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        let all = self.counts.all();
        let words = words_of(&all);
        let frequencies = Float64Array::from_iter_values(all.iter().map(|&(_, frequency)| frequency));
        Ok(vec![list(Arc::new(words)), list(Arc::new(frequencies))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        let (words, frequencies) = (lists(states, 0)?, lists(states, 1)?);
        let length = self.blanks();
        for row in 0..words.len() {
            let frequencies = numbers::<Float64Type>(frequencies, row);
            if frequencies.is_empty() {
                continue;
            }
            let words = words.value(row);
            let words = words.as_string::<i32>();
            let grams = frequencies.values().iter().enumerate().map(|(index, &frequency)| {
                ((index * length..(index + 1) * length).map(|at| words.value(at)).collect(), frequency)
            });
            self.counts.merge(grams);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.counts.size()
    }
}
