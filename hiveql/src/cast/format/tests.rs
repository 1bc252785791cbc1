//! Patterns, printed and read.

use super::{check, pattern::Pattern, print::print, read::read};
use crate::functions::datetime::{civil::datetime_of, parse::parse_timestamp};
use chrono::NaiveDate;

fn printed(pattern: &str, time: &str) -> String {
    let pattern = Pattern::compile(pattern).filter(check::can_print).unwrap();
    let mut out = String::new();
    print(&pattern, datetime_of(parse_timestamp(time).unwrap()).unwrap(), &mut out);
    out
}

fn reads(pattern: &str, text: &str) -> Option<String> {
    let compiled = Pattern::compile(pattern).filter(check::can_read).unwrap_or_else(|| panic!("{pattern}"));
    let today = NaiveDate::from_ymd_opt(2019, 6, 1).unwrap();
    read(&compiled, text, today).map(|time| time.format("%Y-%m-%d %H:%M:%S%.f").to_string())
}

fn check_reads(cases: &[(&str, &str, &str)]) {
    for (pattern, text, time) in cases {
        let expected = if time.len() == 10 { format!("{time} 00:00:00") } else { (*time).to_owned() };
        assert_eq!(reads(pattern, text), Some(expected), "{pattern} {text}");
    }
}

#[test]
fn patterns_that_contradict_themselves_are_refused() {
    for pattern in [
        "",
        "eyyyy-ddd",
        "1yyyy-mm-dd",
        "yyyy Y-mm-dd",
        "yyyy R",
        "yyyy",
        "yyyy-mm",
        "yyyy-dd",
        "mm-dd",
        "ddd",
        "yyyy-MM-DDD",
        "yyyy-mm-DD DDD",
        "yyyy-mm-dd HH24 HH12",
        "yyyy-mm-dd HH24 AM",
        "yyyy-mm-dd HH24 SSSSS",
        "yyyy-mm-dd SSSSS AM",
        "yyyy-mm-dd MI SSSSS",
        "yyyy mm-MON dd",
        "yyyy MON, month dd",
        "iyyy-mm-dd",
        "iyyy-id",
        "iyyy-iw",
        "iw-id",
        "yyyy-mm-dd q",
        "yyyy-mm-dd d",
        "yyyy-mm-dd dy",
        "yyyy-mm-dd day",
        "yyyy-mm-dd w",
        "yyyy-mm-dd ww",
        "yyyy-mm-dd tzm",
        "yyy-mm-dd FM,HH12",
        "yyy-mm-dd HH12 tzh:fmtzm",
        "FMFMyyy-mm-dd",
        "FMFXDD-MM-YYYY ff2",
        "yyyy-mm-dd \"open",
    ] {
        assert!(Pattern::compile(pattern).filter(check::can_read).is_none(), "{pattern}");
    }
    for pattern in ["tzm", "tzh", "FM,HH12"] {
        assert!(Pattern::compile(pattern).filter(check::can_print).is_none(), "{pattern}");
    }
}

#[test]
fn times_are_printed_by_every_element() {
    for (pattern, time, text) in [
        ("rr rrrr ddd", "2018-01-03 00:00:00", "18 2018 003"),
        ("yyyy-mm-ddtsssss.ff4z", "2018-02-03 00:00:10.777777", "2018-02-03T00010.7777Z"),
        ("hh24:mi:ss.ff1", "2018-02-03 01:02:03.999999", "01:02:03.9"),
        ("y yyy hh:mi:ss.ffz", "2018-02-03 01:02:03.007007", "8 018 01:02:03.007007Z"),
        ("yy FF", "2018-02-03", "18 0"),
        ("am a.m. pm p.m. AM A.M. PM P.M.", "2018-02-03 01:02:03", "am a.m. am a.m. AM A.M. AM A.M."),
        ("HH12 P.M.", "2019-01-01 00:15:10", "12 A.M."),
        ("HH12 AM", "2019-01-01 12:15:10", "12 PM"),
        ("YYYY-MOnth-DD", "2019-01-01", "2019-JANUARY  -01"),
        ("YYYY-MoNTH-DD", "2019-01-01", "2019-January  -01"),
        ("YYYY-mONTH-DD", "2019-01-01", "2019-january  -01"),
        ("YYYY-MON-Mon-moN", "2019-01-01", "2019-JAN-Jan-jan"),
        ("D: DAY", "2019-01-01", "3: TUESDAY  "),
        ("D: DaY", "2019-01-02", "4: Wednesday"),
        ("D: dy", "2019-01-06", "1: sun"),
        ("YYYY-mm-dd: Q WW W", "2019-12-31", "2019-12-31: 4 53 5"),
        ("IYYY-IW-ID", "2018-12-31", "2019-01-01"),
        ("IY-IW-ID", "2019-12-29", "19-52-07"),
        ("FMyyy-FMmm-dd FMHH12:MI:FMSS", "2019-01-01 01:01:01", "19-1-01 1:01:1"),
        ("FF5/FMFF5/FMFF", "2019-01-01 01:01:01.0333", "03330/03330/0333"),
        ("YYYY-fmMonth-DD", "2019-01-01", "2019-January-01"),
        (r#"hh24:mi " Is " hh12 PM".""#, "2008-01-01 17:00:00", "17:00  Is  05 PM."),
        (r#""the \"DATE\" is" yyyy-mm-dd"#, "2018-01-01", r#"the "DATE" is 2018-01-01"#),
    ] {
        assert_eq!(printed(pattern, time), text, "{pattern}");
    }
}

#[test]
fn years_that_lack_digits_have_those_of_the_current_year() {
    check_reads(&[
        ("y-mm-dd", "0-02-03", "2010-02-03"),
        ("yy-mm-dd", "00-02-03", "2000-02-03"),
        ("yyy-mm-dd", "000-02-03", "2000-02-03"),
        ("yyyy-mm-dd", "9-02-03", "2019-02-03"),
        ("rr-mm-dd", "0-02-03", "2010-02-03"),
        ("rr-mm-dd", "49-02-03", "2049-02-03"),
        ("rrrr-mm-dd", "50-02-03", "1950-02-03"),
        ("IY-IW-ID", "20-01-04", "2020-01-02"),
    ]);
}

#[test]
fn times_are_read_by_every_element() {
    check_reads(&[
        ("yyyy-mm-ddThh24:mi:ss.ff8z", "2018-02-03t04:05:06.5665Z", "2018-02-03 04:05:06.566500"),
        ("yyyyddd", "20184", "2018-01-04"),
        ("YYYY DDD", "2000 60", "2000-02-29"),
        ("yyyy-mm-dd hh:mi:ss A.M.", "2018-02-03 04:05:06 PM", "2018-02-03 16:05:06"),
        ("yyyy-mm-dd sssss", "2018-02-03 3661", "2018-02-03 01:01:01"),
        ("YYYY-MM-DD HH24:MI TZH:TZM", "2019-1-1 14:00--1:-30", "2019-01-01 14:00:00"),
        ("YYYY-MM-DD HH24:MI TZH:TZM", "2019-1-1 14:00-1:30", "2019-01-01 14:00:00"),
        ("yyyy-mm-dd TZM:TZH", "2019-01-01 1 -3", "2019-01-01"),
        ("TZM/YYY-MM-TZH/DD", "0/333-01-11/02", "2333-01-02"),
        ("YYYY-MM-DD HH12:MI A.M..", "2019-01-01 11:00 pm.", "2019-01-01 23:00:00"),
        ("YYYYDDMMHH12MISSFFAMTZHTZM", "20170501123159123456789AM-0130", "2017-01-05 00:31:59.123456789"),
        ("YYYY-MM-DD HH12PM", "2017-05-05 12AM", "2017-05-05"),
        ("yyyy-montH-dd", "2018-febRuary-28", "2018-02-28"),
        ("yyyy-ddMONTH", "2018-4March", "2018-03-04"),
        ("yyyy-MONTHdd", "2018-March4", "2018-03-04"),
        ("dd/MonthT/yyyy", "31/AugustT/2020", "2020-08-31"),
        ("dd/mm/yyyy", "31/02/2019", "2019-02-28"),
        ("IYYY-IW-ID hh24", "2019-52-07 5", "2019-12-29 05:00:00"),
        ("IYYY-IW-dy", "2020-01-Mon", "2019-12-30"),
        ("yyyy-mm-dd hh mi ss.ff7", "2018/01/01 2.2.2.55", "2018-01-01 02:02:02.550"),
        ("FXDD-FMMM-YYYY hh12 am", "01-1-1998 12 PM", "1998-01-01 12:00:00"),
        ("DD-MM-YYYYFX", "01-01-1998", "1998-01-01"),
        ("FXFMDD-MM-YYYY ff2", "1-01-1998 4", "1998-01-01 00:00:00.400"),
        (r#"yyyy"m"mm"d"dd"#, "19m1d1", "2019-01-01"),
        (r#""Year "YYYY "month" MM "day" DD."!""#, "YEaR 3000 mOnTh 3 DaY 1...!", "3000-03-01"),
        (r#"dd/Month"ember"/yyyy"#, "31/Decemberember/2020", "2020-12-31"),
    ]);
}

#[test]
fn text_that_does_not_fit_is_null() {
    for (pattern, text) in [
        ("yyyy-mm-dd  ", "2019-02-03"),
        ("yyyy-mm-dd", "2019-02-03..."),
        ("yyyy-mm-dd", "2019-02-30"),
        ("yyyy-mm-dd", ""),
        ("yyyymmdd", "2019-01-01"),
        ("yyyy-mm-dd hh12:mi:ss", "2019-02-03 14:00:00"),
        ("yyyy-dddsssss", "2019-912345"),
        ("yyyy-mm-dd", "2019-13-23"),
        ("yyyy-mm-dd tzh:tzm", "2019-01-01 +16:00"),
        ("yyyy-mm-dd tzh:tzm", "2019-01-01 +14:60"),
        ("YYYY DDD", "2001 366"),
        ("yyyy-month-dd", "2019-merch-23"),
        ("yyyy-MON-dd", "2018-FEBRUARY-28"),
        ("yyyy-MONTH-dd", "2018-FEB-28"),
        ("iyyy-iw-id", "2019-53-01"),
        ("iyyy-iw-id", "2019-52-08"),
        ("FXDD-MM-YYYY", "15/01/1998"),
        ("FXDD-MM-YYYY", "1-01-1998"),
        ("FXDD-MM-YYYY", "01-01-98"),
        ("FXDD-MM-YYYY hh12 am", "01-01-1998 12 p.m."),
        (r#""Year! "YYYY "m" MM "d" DD."!""#, "Year 3000 m 3 d 1,!"),
    ] {
        assert_eq!(reads(pattern, text), None, "{pattern} {text}");
    }
}
