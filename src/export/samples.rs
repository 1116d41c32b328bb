//! Samples as JSON and CSV.

use std::{borrow::Cow, path::Path};

use serde::{Serialize, Serializer as _, ser::SerializeSeq};
use serde_json::value::RawValue;

use super::{
    csv::{TERMINATOR, encoding, finish, number_text},
    formula::neutralized,
};
use crate::{
    error::{Error, Result},
    time::{IsoFormatter, Times},
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
    /// The one that the end of a file's name says, if it does.
    #[must_use]
    pub fn of_file(path: &Path) -> Option<Self> {
        Self::parse(path.extension()?.to_str()?).ok()
    }

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

/// What becomes of texts in a CSV that a spreadsheet would run as formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formulas {
    /// [`neutralized`] by an apostrophe.
    Neutralized,
    /// Written as they are, for readers that are no spreadsheets.
    Kept,
}

impl Formulas {
    pub(crate) fn cell(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Neutralized => neutralized(text),
            Self::Kept => Cow::Borrowed(text),
        }
    }
}

/// A sample to export, its metadata already a JSON object.
#[derive(Debug, Clone, Copy)]
pub struct ExportedSample<'a> {
    /// The operation's name.
    pub name: &'a str,
    /// The value.
    pub value: f64,
    /// The value's unit.
    pub unit: &'a str,
    /// UTC nanoseconds since the Unix epoch.
    pub time: i64,
    /// The metadata as a JSON object.
    pub metadata: &'a RawValue,
}

#[derive(Serialize)]
struct JsonSample<'a> {
    metric_name: &'a str,
    /// JSON has no NaN and no infinities; serde writes `null` for them.
    value: f64,
    unit: &'a str,
    timestamp: &'a str,
    metadata: &'a RawValue,
}

/// Renders `samples`, in their order. `formulas` matters to CSV alone, and there to the names and
/// units: numbers and times are no formulas, and metadata begins with a brace.
///
/// Where clocks show the local time of a sample twice, [`Times::Local`] writes all of them with their
/// offsets: a mixture cannot be sorted, and is read wrongly.
pub fn render_samples<'a>(
    format: Format,
    formulas: Formulas,
    times: Times,
    samples: impl IntoIterator<Item = ExportedSample<'a>> + Clone,
) -> Result<String> {
    let mut formatter = IsoFormatter::new(times);
    let text = render(format, formulas, &mut formatter, samples.clone())?;
    if formatter.is_ambiguous() {
        let mut formatter = IsoFormatter::new(Times::Offset);
        return render(format, formulas, &mut formatter, samples);
    }
    Ok(text)
}

fn render<'a>(
    format: Format,
    formulas: Formulas,
    times: &mut IsoFormatter,
    samples: impl IntoIterator<Item = ExportedSample<'a>>,
) -> Result<String> {
    match format {
        Format::Json => to_json(times, samples),
        Format::Csv => to_csv(formulas, times, samples),
    }
}

fn to_json<'a>(
    times: &mut IsoFormatter,
    samples: impl IntoIterator<Item = ExportedSample<'a>>,
) -> Result<String> {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut out);
    let mut list = serializer.serialize_seq(None).map_err(encoding)?;
    for sample in samples {
        list.serialize_element(&JsonSample {
            metric_name: sample.name,
            value: sample.value,
            unit: sample.unit,
            timestamp: times.format(sample.time),
            metadata: sample.metadata,
        })
        .map_err(encoding)?;
    }
    SerializeSeq::end(list).map_err(encoding)?;
    String::from_utf8(out).map_err(encoding)
}

fn to_csv<'a>(
    formulas: Formulas,
    times: &mut IsoFormatter,
    samples: impl IntoIterator<Item = ExportedSample<'a>>,
) -> Result<String> {
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(TERMINATOR)
        .from_writer(Vec::new());
    writer
        .write_record(["metric_name", "value", "unit", "timestamp", "metadata"])
        .map_err(encoding)?;
    for sample in samples {
        writer
            .write_record([
                &*formulas.cell(sample.name),
                &number_text(sample.value),
                &formulas.cell(sample.unit),
                times.format(sample.time),
                sample.metadata.get(),
            ])
            .map_err(encoding)?;
    }
    finish(writer)
}
