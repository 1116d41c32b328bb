//! The names of arguments, as types.

/// The name of an argument, as a type, so that conversions know it at no cost.
pub trait Name {
    const NAME: &'static str;
}

macro_rules! names {
    ($($marker:ident = $name:literal),* $(,)?) => {
        $(
            /// Names an argument.
            pub enum $marker {}

            impl Name for $marker {
                const NAME: &'static str = $name;
            }
        )*
    };
}

names! {
    Adjust = "adjust",
    Confidence = "confidence",
    Deep = "deep",
    EncodingName = "encoding",
    Endpoint = "endpoint",
    ErrorText = "error",
    ExcludeDefaults = "exclude_defaults",
    ExcludeNone = "exclude_none",
    ExcludeUnset = "exclude_unset",
    FlushInterval = "flush_interval",
    ExportFormat = "format",
    MaxEndpoints = "max_endpoints",
    MaxHistory = "max_history",
    MaxOperations = "max_operations",
    Method = "method",
    MinChange = "min_change",
    MinSamples = "min_samples",
    Moment = "moment",
    Minutes = "minutes",
    MetricName = "name",
    Mode = "mode",
    NeutralizeFormulas = "neutralize_formulas",
    Operation = "operation",
    OperationName = "operation_name",
    Resolution = "resolution",
    SampleInterval = "sample_interval",
    Session1 = "session1",
    Session2 = "session2",
    SessionId = "session_id",
    Indent = "indent",
    Significance = "significance",
    Status = "status",
    TimeText = "text",
    TimesName = "times",
    ThresholdPercentile = "threshold_percentile",
    Unit = "unit",
    Value = "value",
    Version = "version",
    Version1 = "version1",
    Version2 = "version2",
    Wall = "wall",
    Seconds = "seconds",
}
