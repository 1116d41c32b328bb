//! What the charts of a report are drawn from.

pub(super) mod collect;
mod content;
pub(super) mod few;
pub(super) mod slots;

pub use content::{
    Band, Charts, Mark, OperationChart, ResourceChart, Slot, Zone, few_samples, usual_thresholds,
};
