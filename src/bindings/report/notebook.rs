//! What notebooks show of objects: bounded, without any code of the user's, and nothing that it would
//! change.

use std::{cmp::Reverse, path::Path};

use pyo3::prelude::*;

use crate::bindings::{
    models::CacheStats, monitor::metadata::Core, python::detached::detached_if_long,
};
use crate::{
    history::History,
    quantity,
    report::{
        Glance, MAX_GLANCED, Samples,
        charts::{Charts, ResourceChart},
        render_glance,
        schema::{CacheEntry, Field, Named, Number, OperationEntry, Report},
    },
    system::{
        alerts::{Resource, Thresholds},
        disk, memory,
    },
    units::{GB, MB, Unit},
};
use serde_json::Map;
use std::sync::Arc;

/// How many of the newest samples of an operation its figures are of.
const NEWEST: usize = 10_000;

/// Renders an object, of which `report` has the figures that a report would have.
pub fn glance(
    py: Python<'_>,
    report: Report,
    glance: Glance,
    charts: Option<&Charts>,
) -> PyResult<String> {
    py.detach(|| render_glance(glance, &report.into(), charts))
        .map_err(Into::into)
}

/// The operations of a monitor that have the most samples.
pub fn of_operations(py: Python<'_>, kind: &'static str, core: &Core) -> PyResult<String> {
    let mut operations = core.operations();
    let all = operations.len();
    operations.sort_by_key(|operation| Reverse(operation.len()));
    operations.truncate(MAX_GLANCED);
    let is_cut = operations.iter().any(|operation| operation.len() > NEWEST);
    let entries = operations.iter().filter_map(|operation| {
        let (values, unit) = operation.newest(NEWEST)?;
        let (count, samples) = (values.len(), Samples::Each(values));
        let entry = detached_if_long(py, count, || OperationEntry::of_samples(&samples, &unit));
        Some((Arc::clone(operation.name()), entry))
    });
    let report = Report {
        operations: entries.collect::<Named<_>>().into(),
        ..Report::default()
    };
    let mut facts = vec![("samples kept of each", count(core.max_history()))];
    if all > operations.len() {
        let text = format!("the {} with the most samples", operations.len());
        facts.push(("shown", text));
    }
    if is_cut {
        let text = format!("the newest {} samples of each", count(NEWEST));
        facts.push(("figures of", text));
    }
    if core.overflowed() > 0 {
        let text = format!(
            "{} beyond the bound of operations",
            quantity::count(core.overflowed() as f64)
        );
        facts.push(("samples", text));
    }
    let title = counted(all, "operation");
    glance(py, report, Glance { kind, title, facts }, None)
}

/// A cache, by its `stats`, and the bytes that it holds and may hold.
pub fn of_cache(
    py: Python<'_>,
    stats: &Bound<'_, CacheStats>,
    bytes: [Option<u64>; 2],
) -> PyResult<String> {
    let count_of = |name: &str| -> PyResult<Field<Number>> {
        Ok(stats.getattr(name)?.extract::<u64>()?.into())
    };
    let cache = CacheEntry {
        hits: count_of("hits")?,
        misses: count_of("misses")?,
        evictions: count_of("evictions")?,
        expirations: count_of("expirations")?,
        size: count_of("size")?,
        max_size: count_of("max_size")?,
        total_bytes: Field::optional(bytes[0]),
        max_bytes: Field::optional(bytes[1]),
        ..CacheEntry::default()
    };
    let size: usize = stats.getattr("size")?.extract()?;
    let report = Report {
        cache: cache.into(),
        ..Report::default()
    };
    let entries = if size == 1 { "entry" } else { "entries" };
    let of_cache = Glance {
        kind: "CacheManager",
        title: format!("{} {entries}", count(size)),
        ..Glance::default()
    };
    glance(py, report, of_cache, None)
}

/// Resources as they are now. No driver is asked.
pub fn of_resources(py: Python<'_>, cpu: Option<f64>, thresholds: &Thresholds) -> PyResult<String> {
    let mut now = Map::new();
    let mut add = |figure: &str, value: f64| now.insert(figure.to_owned(), value.into());
    if let Some(cpu) = cpu {
        add("cpu_percent", cpu);
    }
    if let Ok(memory) = memory::current() {
        add("memory_percent", memory.percent());
        add("memory_used_mb", memory.used as f64 / MB);
        add("memory_available_mb", memory.available as f64 / MB);
    }
    if let Ok(disk) = py.detach(|| disk::usage(Path::new("/"))) {
        add("disk_percent", disk.percent());
        add("disk_used_gb", disk.used as f64 / GB);
        add("disk_free_gb", disk.free as f64 / GB);
    }
    let report = Report {
        resources: now.into(),
        ..Report::default()
    };
    let resources = Resource::ALL.map(|resource| {
        let figure = format!("{}_percent", resource.key());
        ResourceChart::of_threshold(&figure, thresholds.get(resource))
    });
    let charts = Charts {
        resources: resources.into(),
        ..Charts::default()
    };
    let of_resources = Glance {
        kind: "ResourceMonitor",
        title: "processors, memory and disk now".to_owned(),
        ..Glance::default()
    };
    glance(py, report, of_resources, Some(&charts))
}

/// A history, whose file is not opened.
pub fn of_history(py: Python<'_>, core: &History) -> PyResult<String> {
    let path = core.path();
    let size = match std::fs::metadata(path) {
        Ok(file) => Unit::Data(1.0).show(file.len() as f64).to_string(),
        Err(_) => "not there yet".to_owned(),
    };
    let state = match core.problem() {
        Some(problem) => problem.to_string(),
        None if core.is_closed() => "closed".to_owned(),
        None => "in order".to_owned(),
    };
    let (waiting, dropped) = core.waiting();
    let mut facts = vec![
        ("file", path.display().to_string()),
        ("size", size),
        ("state", state),
        ("rollups that wait", quantity::count(waiting as f64)),
    ];
    if dropped > 0 {
        facts.push(("rollups dropped", quantity::count(dropped as f64)));
    }
    let name = path.file_name().unwrap_or_default();
    let of_history = Glance {
        kind: "History",
        title: name.to_string_lossy().into_owned(),
        facts,
    };
    glance(py, Report::default(), of_history, None)
}

/// A number as people read it.
pub fn count(number: usize) -> String {
    quantity::count(number as f64)
}

/// So many of something.
pub fn counted(number: usize, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {of}{plural}", count(number))
}
