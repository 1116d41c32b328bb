//! Days, periods and time zones.

use chrono::NaiveDate;
use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyDate, PyDateAccess, PyDateTime},
};

use super::times::{micros, time_range};
use crate::{
    bindings::python::{code::PythonCode, errors::wrong_type, objects::attribute},
    time::{TimeRange, Zone},
};

/// The calendar date in `zone` that a `date` argument means.
pub fn calendar_date(date: &Bound<'_, PyAny>, zone: Zone) -> PyResult<NaiveDate> {
    if date.is_instance_of::<PyDateTime>() && !date.getattr("tzinfo")?.is_none() {
        return Ok(zone.date(micros("date", date)?.saturating_mul(1_000)));
    }
    let date = date
        .cast::<PyDate>()
        .map_err(|_| wrong_type("date", "a date or datetime", date))?;
    NaiveDate::from_ymd_opt(
        date.get_year(),
        date.get_month().into(),
        date.get_day().into(),
    )
    .ok_or_else(|| wrong_type("date", "a date that exists", date.as_any()))
}

pub fn period(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<TimeRange> {
    if value.is_none() {
        return Err(wrong_type(name, "a (start, end) pair of datetimes", value));
    }
    time_range(name, Some(value))
}

/// The zone that a `tz` argument names: by text, or as a `zoneinfo.ZoneInfo`.
pub fn zone(tz: Option<&Bound<'_, PyAny>>) -> PyResult<Zone> {
    let Some(tz) = tz.filter(|tz| !tz.is_none()) else {
        return Ok(Zone::Local);
    };
    // As `zoneinfo` calls it, and as pytz does.
    let key = attribute(tz, "key").or_else(|| attribute(tz, "zone"));
    let name = key.as_ref().unwrap_or(tz).extract::<String>();
    let Ok(name) = name.or_else(|_| fixed_offset(tz)) else {
        let expected = "an IANA time zone's name, a ZoneInfo, a timezone of whole hours or None";
        return Err(wrong_type("tz", expected, tz));
    };
    Ok(Zone::named(&name)?)
}

/// The IANA name of a `tzinfo` that is always the same whole hours off UTC.
fn fixed_offset(tz: &Bound<'_, PyAny>) -> PyResult<String> {
    let _python = PythonCode::begin(tz.py());
    let offset = tz.call_method1("utcoffset", (tz.py().None(),))?;
    let seconds: f64 = offset.call_method0("total_seconds")?.extract()?;
    let hours = seconds / 3_600.0;
    if hours.fract() != 0.0 {
        return Err(PyTypeError::new_err("not whole hours"));
    }
    // The sign of these names is that of hours to be added to reach UTC.
    Ok(match hours {
        0.0 => "UTC".to_owned(),
        hours => format!("Etc/GMT{:+}", -hours),
    })
}
