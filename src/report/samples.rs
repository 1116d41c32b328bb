//! Samples as JSON and CSV.

use serde::{Serialize, Serializer, ser::SerializeSeq};
use serde_json::value::RawValue;

use super::csv::{TERMINATOR, finish, number_text};
use crate::{
    calendar::IsoText,
    error::{Error, Result},
};

/// The formats that samples can be exported in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON array of objects.
    Json,
    /// Comma-separated values with a header, RFC 4180.
    Csv,
}

impl Format {
    /// The format of that name, in any case.
    pub fn parse(name: &str) -> Result<Self> {
        if name.eq_ignore_ascii_case("json") {
            Ok(Self::Json)
        } else if name.eq_ignore_ascii_case("csv") {
            Ok(Self::Csv)
        } else {
            Err(Error::UnsupportedFormat(name.to_owned()))
        }
    }
}

/// A sample to export, its metadata already a JSON object.
#[derive(Debug)]
pub struct ExportedSample<'a> {
    /// The operation's name.
    pub name: &'a str,
    /// The value.
    pub value: f64,
    /// The value's unit.
    pub unit: &'a str,
    /// The local time. Not the stamp itself: reading the zone reads the environment, which the
    /// host program may be changing while samples are rendered beside it.
    pub time: IsoText,
    /// The metadata as a JSON object.
    pub metadata: &'a RawValue,
}

#[derive(Serialize)]
struct JsonSample<'a> {
    metric_name: &'a str,
    /// JSON has no NaN and no infinities; serde writes `null` for them.
    value: f64,
    unit: &'a str,
    #[serde(serialize_with = "as_text")]
    timestamp: IsoText,
    metadata: &'a RawValue,
}

fn as_text<S: Serializer>(time: &IsoText, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// Renders `samples`, in their order.
pub fn render_samples<'a>(
    format: Format,
    samples: impl IntoIterator<Item = ExportedSample<'a>>,
) -> Result<String> {
    match format {
        Format::Json => to_json(samples),
        Format::Csv => to_csv(samples),
    }
}

fn to_json<'a>(samples: impl IntoIterator<Item = ExportedSample<'a>>) -> Result<String> {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut out);
    let mut list = serializer.serialize_seq(None).map_err(encoding)?;
    for sample in samples {
        list.serialize_element(&JsonSample {
            metric_name: sample.name,
            value: sample.value,
            unit: sample.unit,
            timestamp: sample.time,
            metadata: sample.metadata,
        })
        .map_err(encoding)?;
    }
    SerializeSeq::end(list).map_err(encoding)?;
    String::from_utf8(out).map_err(encoding)
}

fn to_csv<'a>(samples: impl IntoIterator<Item = ExportedSample<'a>>) -> Result<String> {
    let mut samples = samples.into_iter().peekable();
    if samples.peek().is_none() {
        return Ok(String::new());
    }
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(TERMINATOR)
        .from_writer(Vec::new());
    writer
        .write_record(["metric_name", "value", "unit", "timestamp", "metadata"])
        .map_err(encoding)?;
    for sample in samples {
        writer
            .write_record([
                sample.name,
                &number_text(sample.value),
                sample.unit,
                &sample.time.to_string(),
                sample.metadata.get(),
            ])
            .map_err(encoding)?;
    }
    finish(writer)
}

fn encoding(error: impl std::fmt::Display) -> Error {
    Error::Encoding(error.to_string())
}
