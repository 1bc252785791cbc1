//! Whether a pattern can be read or printed by: no field twice, none missing, none that contradicts another.

use super::pattern::{Element, Field, Item, Name, Pattern};

/// What an element sets when it is read. Elements that set the same may not stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Year,
    Month,
    Day,
    DayOfYear,
    IsoYear,
    IsoWeek,
    IsoDay,
    Hour,
    HalfDayHour,
    Meridiem,
    Minute,
    Second,
    SecondOfDay,
    Fraction,
    ZoneHour,
    ZoneMinute,
}

const CIVIL: [Slot; 4] = [Slot::Year, Slot::Month, Slot::Day, Slot::DayOfYear];
const WEEK: [Slot; 3] = [Slot::IsoYear, Slot::IsoWeek, Slot::IsoDay];

/// The zone of a timestamp is not known, so that none can be printed.
pub(super) fn can_print(pattern: &Pattern) -> bool {
    !elements(pattern).any(Element::is_zone)
}

pub(super) fn can_read(pattern: &Pattern) -> bool {
    let Some(slots) = elements(pattern).map(slot).collect::<Option<Vec<_>>>() else { return false };
    let has = |slot| slots.contains(&slot);
    let any = |group: &[Slot]| group.iter().any(|slot| has(*slot));
    let all = |group: &[Slot]| group.iter().all(|slot| has(*slot));
    let is_unique = slots.iter().enumerate().all(|(place, slot)| !slots[..place].contains(slot));
    let is_civil = has(Slot::Year)
        && !any(&WEEK)
        && (has(Slot::DayOfYear) != (has(Slot::Month) || has(Slot::Day)))
        && (has(Slot::DayOfYear) || all(&[Slot::Month, Slot::Day]));
    let is_week = all(&WEEK) && !any(&CIVIL);
    let is_half_day = any(&[Slot::HalfDayHour, Slot::Meridiem]);
    let is_clock = is_half_day || any(&[Slot::Hour, Slot::Minute, Slot::Second]);
    let contradicts = (has(Slot::Hour) && is_half_day)
        || (has(Slot::Meridiem) && !has(Slot::HalfDayHour))
        || (has(Slot::SecondOfDay) && is_clock);
    let is_zone = !has(Slot::ZoneMinute) || has(Slot::ZoneHour);
    is_unique && (is_civil || is_week) && !contradicts && is_zone
}

fn elements(pattern: &Pattern) -> impl Iterator<Item = Element> {
    pattern.items.iter().filter_map(|item| match item {
        Item::Element { element, .. } => Some(*element),
        _ => None,
    })
}

/// `None` for what can only be printed.
fn slot(element: Element) -> Option<Slot> {
    Some(match element {
        Element::Number(field, _) => match field {
            Field::Year | Field::RoundYear => Slot::Year,
            Field::Month => Slot::Month,
            Field::Day => Slot::Day,
            Field::DayOfYear => Slot::DayOfYear,
            Field::IsoYear => Slot::IsoYear,
            Field::IsoWeek => Slot::IsoWeek,
            Field::IsoDay => Slot::IsoDay,
            Field::HalfDayHour => Slot::HalfDayHour,
            Field::Hour => Slot::Hour,
            Field::Minute => Slot::Minute,
            Field::Second => Slot::Second,
            Field::SecondOfDay => Slot::SecondOfDay,
            Field::Weekday | Field::Quarter | Field::WeekOfYear | Field::WeekOfMonth => return None,
        },
        Element::Name { name: Name::Month | Name::ShortMonth, .. } => Slot::Month,
        Element::Name { name: Name::Day | Name::ShortDay, .. } => Slot::IsoDay,
        Element::Fraction(_) => Slot::Fraction,
        Element::Meridiem { .. } => Slot::Meridiem,
        Element::ZoneHour => Slot::ZoneHour,
        Element::ZoneMinute => Slot::ZoneMinute,
    })
}
