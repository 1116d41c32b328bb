//! The `PTPD_MONITORING_*` variables, read and validated.

use std::{env, ffi::OsString, path::PathBuf, str::FromStr, sync::Arc};

use super::misspelt::{self, Misspelt};
use crate::{
    error::{Error, Result},
    home,
    system::gpu,
};

/// What the name of each variable begins with.
pub const PREFIX: &str = "PTPD_MONITORING_";

/// The names of the variables behind the prefix.
const NAMES: [&str; 11] = [
    "MAX_HISTORY",
    "MAX_OPERATIONS",
    "MAX_ENDPOINTS",
    "CPU_THRESHOLD",
    "MEMORY_THRESHOLD",
    "DISK_THRESHOLD",
    "CACHE_SIZE",
    "CACHE_TTL",
    "CACHE_MAX_BYTES",
    "HISTORY",
    "RETENTION_DAYS",
];

/// Names that are set for others to read: the version and the name of the program.
const OF_THE_PROGRAM: [&str; 2] = ["VERSION", "SERVICE"];

const COUNT: &str = "a whole number of at least 1";

/// What configures the global instances.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `PTPD_MONITORING_MAX_HISTORY`: samples kept of each operation, and requests kept.
    pub max_history: usize,
    /// `PTPD_MONITORING_MAX_OPERATIONS`: operations kept apart.
    pub max_operations: usize,
    /// `PTPD_MONITORING_MAX_ENDPOINTS`: endpoints kept apart.
    pub max_endpoints: usize,
    /// `PTPD_MONITORING_CPU_THRESHOLD`: percent.
    pub cpu_threshold: f64,
    /// `PTPD_MONITORING_MEMORY_THRESHOLD`: percent.
    pub memory_threshold: f64,
    /// `PTPD_MONITORING_DISK_THRESHOLD`: percent.
    pub disk_threshold: f64,
    /// `PTPD_MONITORING_CACHE_SIZE`: entries.
    pub cache_size: usize,
    /// `PTPD_MONITORING_CACHE_TTL`: seconds; zero or less means never.
    pub cache_ttl: f64,
    /// `PTPD_MONITORING_CACHE_MAX_BYTES`: bytes; no such bound unless set.
    pub cache_max_bytes: Option<usize>,
    /// `PTPD_MONITORING_HISTORY`: the file of the history; none unless set.
    pub history: Option<PathBuf>,
    /// `PTPD_MONITORING_RETENTION_DAYS`: days that a history keeps.
    pub retention_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_history: crate::monitor::DEFAULT_MAX_HISTORY,
            max_operations: crate::recording::overflow::DEFAULT_MAX_OPERATIONS,
            max_endpoints: crate::recording::overflow::DEFAULT_MAX_ENDPOINTS,
            cpu_threshold: 80.0,
            memory_threshold: 80.0,
            disk_threshold: 90.0,
            cache_size: 1_000,
            cache_ttl: 3_600.0,
            cache_max_bytes: None,
            history: None,
            retention_days: crate::history::DEFAULT_DAYS,
        }
    }
}

impl Settings {
    /// Reads the process's environment. An unset or blank variable means the default.
    pub fn from_environment() -> Result<Self> {
        Self::from_lookup(|variable| env::var_os(variable))
    }

    /// The same of the variables that are `wanted`, named as the fields are. The others may be wrong,
    /// and count as unset.
    pub fn some_from_environment(wanted: &[impl AsRef<str>]) -> Result<Self> {
        Self::some_from_lookup(wanted, |variable| env::var_os(variable))
    }

    /// Reads the variables that are `wanted`, named as the fields are, of those that `lookup` knows.
    pub fn some_from_lookup<T: Into<OsString>>(
        wanted: &[impl AsRef<str>],
        lookup: impl Fn(&str) -> Option<T>,
    ) -> Result<Self> {
        Self::from_lookup(|variable| {
            let name = variable.strip_prefix(PREFIX)?;
            let mut wanted = wanted.iter().map(AsRef::as_ref);
            wanted
                .any(|wanted| name.eq_ignore_ascii_case(wanted))
                .then(|| lookup(variable))?
        })
    }

    /// Reads the variables that `lookup` knows.
    pub fn from_lookup<T: Into<OsString>>(lookup: impl Fn(&str) -> Option<T>) -> Result<Self> {
        let defaults = Self::default();
        let source = Source(|variable: &str| lookup(variable).map(Into::into));
        Ok(Self {
            max_history: source.count("MAX_HISTORY", defaults.max_history)?,
            max_operations: source.count("MAX_OPERATIONS", defaults.max_operations)?,
            max_endpoints: source.count("MAX_ENDPOINTS", defaults.max_endpoints)?,
            cpu_threshold: source.percent("CPU_THRESHOLD", defaults.cpu_threshold)?,
            memory_threshold: source.percent("MEMORY_THRESHOLD", defaults.memory_threshold)?,
            disk_threshold: source.percent("DISK_THRESHOLD", defaults.disk_threshold)?,
            cache_size: source.count("CACHE_SIZE", defaults.cache_size)?,
            cache_ttl: source.read(
                "CACHE_TTL",
                defaults.cache_ttl,
                "a finite number of seconds (zero or less: entries never expire)",
                |ttl| ttl.is_finite(),
            )?,
            cache_max_bytes: source.optional_count("CACHE_MAX_BYTES")?,
            history: source
                .value("HISTORY")
                .map(PathBuf::from)
                .map(home::expanded),
            retention_days: source.read(
                "RETENTION_DAYS",
                defaults.retention_days,
                "a whole number of days from 1 to 4294967295",
                |days| *days >= 1,
            )?,
        })
    }
}

/// How many characters the name of a release may have.
pub const MAX_VERSION_LENGTH: usize = 200;

/// `PTPD_MONITORING_VERSION`: what the program calls its release, which each history notes. `None` if
/// that is not said; the beginning of a name that is too long.
#[must_use]
pub fn version_from_environment() -> Option<Arc<str>> {
    let source = Source(|variable: &str| env::var_os(variable));
    let name = source.value("VERSION")?.to_string_lossy().into_owned();
    let name: String = name.trim().chars().take(MAX_VERSION_LENGTH).collect();
    Some(name.into())
}

/// The name of a release that a program gave.
pub fn version(name: &str) -> Result<Arc<str>> {
    let trimmed = name.trim();
    if trimmed.is_empty() || trimmed.chars().nth(MAX_VERSION_LENGTH).is_some() {
        let given = format!("{name:?}");
        return Err(Error::argument("version", given, "1 to 200 characters"));
    }
    Ok(trimmed.into())
}

/// The variables of the process's environment that seem to be meant for us and that nobody reads, in
/// order.
#[must_use]
pub fn misspelt_in_environment() -> Vec<Misspelt> {
    let is_blank = |value: &OsString| value.to_string_lossy().trim().is_empty();
    let set = env::vars_os().filter(|(_, value)| !is_blank(value));
    misspelt_among(set.filter_map(|(name, _)| name.into_string().ok()))
}

/// Those among `variables`.
pub fn misspelt_among(variables: impl IntoIterator<Item = String>) -> Vec<Misspelt> {
    let known: Vec<String> = NAMES
        .iter()
        .chain(&OF_THE_PROGRAM)
        .map(|name| format!("{PREFIX}{name}"))
        .chain([gpu::LIBRARY_VARIABLE.to_owned()])
        .collect();
    let variables = variables
        .into_iter()
        .filter(|name| !is_of_an_orchestrator(name));
    misspelt::among(variables, PREFIX, &known)
}

/// Whether Kubernetes and Docker set such a variable, where a service is called `ptpd-monitoring`.
fn is_of_an_orchestrator(variable: &str) -> bool {
    let Some(name) = variable.strip_prefix(PREFIX) else {
        return false;
    };
    ["PORT", "SERVICE_HOST", "SERVICE_PORT"].contains(&name)
        || ["PORT_", "SERVICE_PORT_"]
            .iter()
            .any(|start| name.starts_with(start))
}

struct Source<L>(L);

impl<L: Fn(&str) -> Option<OsString>> Source<L> {
    /// A value as it is, unless it is blank.
    fn value(&self, name: &str) -> Option<OsString> {
        let value = (self.0)(&format!("{PREFIX}{name}"))?;
        (!value.to_string_lossy().trim().is_empty()).then_some(value)
    }

    fn count(&self, name: &str, default: usize) -> Result<usize> {
        self.read(name, default, COUNT, |n| *n >= 1)
    }

    fn optional_count(&self, name: &str) -> Result<Option<usize>> {
        self.find(name, COUNT, |n| *n >= 1)
    }

    fn percent(&self, name: &str, default: f64) -> Result<f64> {
        self.read(name, default, "a number from 0 to 100", |percent| {
            (0.0..=100.0).contains(percent)
        })
    }

    fn read<T: FromStr>(
        &self,
        name: &str,
        default: T,
        allowed: &'static str,
        is_allowed: impl Fn(&T) -> bool,
    ) -> Result<T> {
        Ok(self.find(name, allowed, is_allowed)?.unwrap_or(default))
    }

    fn find<T: FromStr>(
        &self,
        name: &str,
        allowed: &'static str,
        is_allowed: impl Fn(&T) -> bool,
    ) -> Result<Option<T>> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let variable = format!("{PREFIX}{name}");
        let value = value.to_string_lossy().into_owned();
        match value.trim().parse() {
            Ok(parsed) if is_allowed(&parsed) => Ok(Some(parsed)),
            _ => Err(Error::InvalidSetting {
                variable,
                value,
                allowed,
            }),
        }
    }
}
