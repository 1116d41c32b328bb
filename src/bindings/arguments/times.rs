//! Times and durations in both directions.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyDateTime, PyDelta, PyFloat, PyInt, PyTuple},
};

use crate::{
    bindings::python::{
        code::PythonCode,
        errors::{made, refused, wrong_type},
        objects::{attribute, dtype_kind, shown},
    },
    time::{IsoFormatter, TimeRange, Times, Zone, iso_local},
};

/// The UTC microseconds since the Unix epoch of a `datetime`; naive ones are local time, by
/// Python's own rule. Saturates at the ends of the calendar, which callers pass to mean no bound.
pub fn micros(name: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if !value.is_instance_of::<PyDateTime>() {
        return Err(wrong_type(name, "a datetime", value));
    }
    let py = value.py();
    // A `tzinfo` may be written in Python.
    let _python = PythonCode::begin(py);
    let timestamp = value.call_method0("timestamp");
    let seconds = match timestamp.and_then(|seconds| seconds.extract::<f64>()) {
        Ok(seconds) => seconds,
        // There Python cannot convert local time, having no year before the first or after the last.
        Err(error) => match value.getattr("year").and_then(|year| year.extract()) {
            Ok(1) => return Ok(i64::MIN),
            Ok(9999) => return Ok(i64::MAX),
            // A subclass such as the one for "not a time".
            _ => return Err(refused(py, error, || wrong_type(name, "a datetime", value))),
        },
    };
    if seconds.is_nan() {
        return Err(wrong_type(name, "a datetime", value));
    }
    let seconds = if has_local_time_of_its_own(value) {
        let class = py.get_type::<PyDateTime>();
        let local = class.call_method1("timestamp", (value,));
        local.and_then(|local| local.extract()).unwrap_or(seconds)
    } else {
        seconds
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "datetimes end in the year 9999"
    )]
    let micros = (seconds * 1e6).round() as i64;
    // Centuries away from the epoch a float has no single microseconds; the datetime has.
    let own: i64 = value.getattr("microsecond")?.extract()?;
    let off = (own - micros).rem_euclid(1_000_000);
    Ok(match off {
        0..=100 => micros + off,
        999_900.. => micros + off - 1_000_000,
        // Its zone is off by parts of a second.
        _ => micros,
    })
}

/// The UTC nanoseconds since the Unix epoch of a `datetime`, or of a `datetime64`.
pub fn time(name: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = value.py();
    let nanos = if value.is_instance_of::<PyDateTime>() {
        micros(name, value)?.checked_mul(1_000)
    } else {
        let _python = PythonCode::begin(py);
        if dtype_kind(value).as_deref() != Some("M") {
            return Err(wrong_type(name, "a datetime", value));
        }
        let micros = value.call_method1("astype", ("datetime64[us]",))?;
        let micros: i64 = micros.call_method1("astype", ("int64",))?.extract()?;
        if micros == i64::MIN {
            return Err(wrong_type(name, "a datetime", value));
        }
        micros.checked_mul(1_000)
    };
    nanos.ok_or_else(|| {
        let range = "between the years 1678 and 2261";
        let text = format!("{name} must be {range}, got {}", shown(value));
        made(py, PyValueError::new_err(text))
    })
}

/// The seconds of a `timedelta`, if `value` is one.
pub fn timedelta_seconds(value: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    // What nearly every value is, those of `NumPy` included.
    if value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>() {
        return Ok(None);
    }
    let _python = PythonCode::begin(value.py());
    if value.is_instance_of::<PyDelta>() {
        let seconds: f64 = value.call_method0("total_seconds")?.extract()?;
        return Ok((!seconds.is_nan()).then_some(seconds));
    }
    let is_single = || {
        let dimensions = attribute(value, "ndim");
        dimensions.is_some_and(|it| it.extract::<i64>().is_ok_and(|it| it == 0))
    };
    if dtype_kind(value).as_deref() != Some("m") || !is_single() {
        return Ok(None);
    }
    let nanos = value.call_method1("astype", ("timedelta64[ns]",))?;
    let nanos: i64 = nanos.call_method1("astype", ("int64",))?.extract()?;
    Ok((nanos != i64::MIN).then_some(nanos as f64 / 1e9))
}

/// Whether it is naive and of a subclass, such as that of frozen time, which may take another zone than
/// the system's for local, but not where it is shown.
fn has_local_time_of_its_own(value: &Bound<'_, PyAny>) -> bool {
    !value.is_exact_instance_of::<PyDateTime>()
        && value.getattr("tzinfo").is_ok_and(|zone| zone.is_none())
}

/// A `(start, end)` pair of datetimes, both included; `None` is all of time.
pub fn time_range(name: &'static str, value: Option<&Bound<'_, PyAny>>) -> PyResult<TimeRange> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(TimeRange::ALL);
    };
    let refuse = || wrong_type(name, "a (start, end) pair of datetimes", value);
    let _python = PythonCode::begin(value.py());
    // One more than a pair is enough of what may be endless.
    let pair = value
        .try_iter()
        .and_then(|items| items.take(3).collect::<PyResult<Vec<_>>>())
        .map_err(|error| refused(value.py(), error, refuse))?;
    if pair.len() != 2 {
        return Err(refuse());
    }
    let end_of = |at: usize| micros(&format!("{name}[{at}]"), &pair[at]);
    let (start, end) = (end_of(0)?, end_of(1)?);
    if start > end {
        return Err(PyValueError::new_err(format!(
            "{name} must start before it ends, got {}",
            shown(PyTuple::new(value.py(), pair)?.as_any())
        )));
    }
    Ok(TimeRange::from_micros(start, end))
}

/// `time`, in UTC nanoseconds since the Unix epoch, as a naive local `datetime`.
pub fn to_datetime(py: Python<'_>, time: i64) -> PyResult<Bound<'_, PyDateTime>> {
    use chrono::{Datelike, Timelike};
    let (local, fold) = Zone::Local.datetime(time);
    let byte = |part: u32| u8::try_from(part).unwrap_or(u8::MAX);
    PyDateTime::new_with_fold(
        py,
        local.year(),
        byte(local.month()),
        byte(local.day()),
        byte(local.hour()),
        byte(local.minute()),
        byte(local.second()),
        local.nanosecond() / 1_000,
        None,
        fold,
    )
}

/// A `datetime` as ISO 8601 text. A naive one, which is local time, has its offset where clocks show
/// it twice, or where `times` asks for it.
pub fn iso_text(value: &Bound<'_, PyAny>, times: Times) -> PyResult<String> {
    let py = value.py();
    let _python = PythonCode::begin(py);
    let is_naive = value.call_method0("utcoffset")?.is_none();
    if times == Times::Utc || is_naive {
        let time = micros("timestamp", value).ok();
        // Those that no stamp reaches are not in need of it.
        if let Some(time) = time.and_then(|micros| micros.checked_mul(1_000)) {
            if times != Times::Local {
                return Ok(IsoFormatter::new(times).format(time).to_owned());
            }
            if Zone::Local.is_repeated(time) {
                return Ok(iso_local(time));
            }
        }
    }
    value.call_method0("isoformat")?.extract()
}
