//! How busy the machine is.

use serde::Deserialize;

use super::{Alert, Cell, Document, Scope, Section, Table};
use crate::{
    report::schema::{AlertEntry, Field, Number, ReadingEntry},
    text::display,
    units::{GB, MB, Unit},
};

/// A resource by the figure that its charts are called by, and the figures beside that one.
struct Resource {
    name: &'static str,
    figure: &'static str,
    used: Option<(&'static str, Unit)>,
    free: Option<(&'static str, Unit)>,
}

const RESOURCES: [Resource; 4] = [
    Resource {
        name: "CPU",
        figure: "cpu_percent",
        used: None,
        free: None,
    },
    Resource {
        name: "Memory",
        figure: "memory_percent",
        used: Some(("memory_used_mb", Unit::Data(MB))),
        free: Some(("memory_available_mb", Unit::Data(MB))),
    },
    Resource {
        name: "Disk",
        figure: "disk_percent",
        used: Some(("disk_used_gb", Unit::Data(GB))),
        free: Some(("disk_free_gb", Unit::Data(GB))),
    },
    Resource {
        name: "GPU",
        figure: "gpu_percent",
        used: Some(("gpu_memory_mb", Unit::Data(MB))),
        free: None,
    },
];

/// What a figure is called for people.
#[must_use]
pub fn name_of(figure: &str) -> String {
    let known = RESOURCES.iter().find(|resource| resource.figure == figure);
    if let Some(resource) = known {
        return resource.name.to_owned();
    }
    let others = [
        ("memory_used_mb", "Memory used"),
        ("disk_used_gb", "Disk used"),
        ("gpu_memory_mb", "GPU memory used"),
    ];
    others
        .iter()
        .find(|(other, _)| *other == figure)
        .map_or_else(
            || display::text(&figure.replace('_', " ")),
            |(_, name)| (*name).to_owned(),
        )
}

/// Adds what the report and the charts say of resources, and the alerts.
pub(super) fn add(scope: Scope<'_>, document: &mut Document) {
    let alerts = scope.report.resource_alerts.items().iter();
    document.alerts.extend(alerts.map(alert));
    let charted = scope.charts.map_or(&[][..], |charts| &charts.resources);
    let now = scope.report.resources.get();
    let now = |figure: &str| {
        let value = now.and_then(|now| now.get(figure));
        value
            .and_then(|value| Number::deserialize(value).ok())
            .map(Number::value)
    };
    let threshold = |figure: &str| {
        let charts = charted.iter().find(|chart| chart.figure == figure);
        charts.and_then(|chart| chart.threshold)
    };
    let percent = |value: Option<f64>| Cell::quantity(value, |it| Unit::Percent.show(it));
    let amount = |of: &Option<(&str, Unit)>| {
        let (key, unit) = of.as_ref()?;
        Some(unit.show(now(key)?))
    };
    let rows = RESOURCES.iter().filter_map(|resource| {
        let usage = now(resource.figure)?;
        Some(vec![
            Cell::Text(resource.name.to_owned()),
            percent(Some(usage)),
            percent(threshold(resource.figure)),
            amount(&resource.used).map_or(Cell::None, Cell::Quantity),
            amount(&resource.free).map_or(Cell::None, Cell::Quantity),
        ])
    });
    let columns = [
        ("Resource", false),
        ("In use", true),
        ("Alert above", true),
        ("Used", true),
        ("Free", true),
    ];
    let caption = "Resources when the report was made";
    let now = Table::new(caption, &columns, rows.collect(), usize::MAX);
    let tables: Vec<Table> = [now, readings(scope)].into_iter().flatten().collect();
    if !tables.is_empty() || charted.iter().any(|chart| !chart.slots.is_empty()) {
        document.sections.push(Section {
            id: "resources",
            title: "Resources".to_owned(),
            tables,
            ..Section::default()
        });
    }
}

/// How they went, by the history.
fn readings(scope: Scope<'_>) -> Option<Table> {
    let place = |name: &str| RESOURCES.iter().position(|known| known.figure == name);
    let mut named: Vec<(&str, &ReadingEntry)> = scope.report.resource_readings.entries().collect();
    // The known ones in their order, then what they use.
    named.sort_by_key(|(name, _)| place(name).unwrap_or(RESOURCES.len()));
    let rows = named.into_iter().map(|(name, readings)| {
        let unit = Unit::parse(readings.unit.text().unwrap_or_default());
        let figure = |field: Field<Number>| Cell::quantity(field.number(), |it| unit.show(it));
        vec![
            Cell::Text(name_of(name)),
            Cell::count(readings.count.number()),
            figure(readings.mean),
            figure(readings.p50),
            figure(readings.p95),
            figure(readings.p99),
            figure(readings.max),
        ]
    });
    let columns = [
        ("Resource", false),
        ("Readings", true),
        ("Mean", true),
        ("p50", true),
        ("p95", true),
        ("p99", true),
        ("Max", true),
    ];
    let rows = rows.collect();
    Table::new("Resources in the period", &columns, rows, scope.rows)
}

fn alert(alert: &AlertEntry) -> Alert {
    let text = |field: &Field<String>| field.text().map(display::text);
    let resource = text(&alert.resource).unwrap_or_else(|| "resource".to_owned());
    let usage = alert.usage.number().map(|usage| Unit::Percent.show(usage));
    let threshold = alert
        .threshold
        .number()
        .map(|limit| Unit::Percent.show_short(limit));
    let mut message = match (text(&alert.message), usage) {
        (Some(message), _) => message,
        (None, Some(usage)) => format!("{} usage at {usage}", resource.to_uppercase()),
        (None, None) => format!("{} usage is high", resource.to_uppercase()),
    };
    if let Some(threshold) = threshold {
        message = format!("{message}, above the threshold of {threshold}");
    }
    Alert {
        severity: text(&alert.severity).unwrap_or_else(|| "warning".to_owned()),
        message,
    }
}
