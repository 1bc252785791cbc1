//! `CAST(x AS type FORMAT 'pattern')`: dates and timestamps to text and back by the patterns of SQL:2016.

mod check;
mod pattern;
mod print;
mod read;
#[cfg(test)]
mod tests;

use super::{integers::unexpected, text::cut, times};
use crate::{
    functions::{
        SessionFacts,
        datetime::{
            civil::{MICROS_PER_DAY, datetime_of, days_of, micros_of},
            zone::Zone,
        },
    },
    types::HiveType,
};
use chrono::{NaiveDate, NaiveDateTime};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Date32Array, StringArray, TimestampMicrosecondArray},
        datatypes::{Date32Type, TimestampMicrosecondType},
    },
    common::Result,
};
use pattern::Pattern;
use std::sync::Arc;

/// A cast by a pattern, ready for arrays.
#[derive(Debug, Clone)]
pub(super) struct Formatted {
    from: HiveType,
    to: HiveType,
    pattern: Pattern,
    facts: SessionFacts,
}

impl Formatted {
    /// `None` where there is no such cast or the pattern is not one for it.
    pub fn new(from: &HiveType, to: &HiveType, pattern: &str, facts: &SessionFacts) -> Option<Formatted> {
        let pattern = Pattern::compile(pattern)?;
        let is_known = if from.is_datetime() && to.is_text() {
            check::can_print(&pattern)
        } else {
            let is_target = matches!(to, HiveType::Date | HiveType::Timestamp);
            from.is_text() && is_target && check::can_read(&pattern)
        };
        is_known.then(|| Formatted { from: from.clone(), to: to.clone(), pattern, facts: facts.clone() })
    }

    pub fn cast(&self, array: &ArrayRef) -> Result<ArrayRef> {
        match &self.from {
            HiveType::Date => {
                let days = array.as_primitive::<Date32Type>().iter();
                Ok(self.print(days.map(|days| datetime_of(i64::from(days?).checked_mul(MICROS_PER_DAY)?))))
            }
            HiveType::Timestamp => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().iter();
                Ok(self.print(micros.map(|micros| datetime_of(micros?))))
            }
            HiveType::TimestampLocalTz => {
                let local = times::to_timestamp(array, &self.from, self.facts.timezone.into())?;
                let micros = local.as_primitive::<TimestampMicrosecondType>().iter();
                Ok(self.print(micros.map(|micros| datetime_of(micros?))))
            }
            from if from.is_text() => Ok(self.read(array.as_string())),
            from => Err(unexpected(from)),
        }
    }

    fn print(&self, times: impl Iterator<Item = Option<NaiveDateTime>>) -> ArrayRef {
        let mut text = String::new();
        let mut builder = datafusion::arrow::array::StringBuilder::new();
        for time in times {
            let Some(time) = time else {
                builder.append_null();
                continue;
            };
            text.clear();
            print::print(&self.pattern, time, &mut text);
            builder.append_value(&text);
        }
        cut(&builder.finish(), &self.to)
    }

    fn read(&self, texts: &StringArray) -> ArrayRef {
        let today = self.today();
        let read = |text: Option<&str>| read::read(&self.pattern, text?.trim(), today);
        let times = texts.iter().map(read);
        if self.to == HiveType::Date {
            return Arc::new(times.map(|time| Some(days_of(time?.date()))).collect::<Date32Array>());
        }
        Arc::new(times.map(|time| time.map(micros_of)).collect::<TimestampMicrosecondArray>())
    }

    fn today(&self) -> NaiveDate {
        let now = self.facts.now.naive_utc();
        Zone::from(self.facts.timezone).local(now).unwrap_or(now).date()
    }
}
