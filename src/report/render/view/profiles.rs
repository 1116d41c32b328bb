//! What belongs to one profile: `develop_wall_time` and `develop_memory` are one row, `develop`.

use super::{Cell, operations::Operation};
use crate::{
    profiler::calls::{MEMORY, WALL_TIME},
    text::display::Name,
    units::Unit,
};

/// A row of the table of operations.
pub(super) struct Row<'a> {
    /// What it is called.
    pub name: Name,
    /// The operation that its figures are of.
    pub operation: &'a Operation,
    /// How much memory the calls took, where it is a profile's.
    memory: Option<&'a Operation>,
}

impl<'a> Row<'a> {
    /// The rows of `operations`, in their order.
    pub fn of_all(operations: &'a [Operation]) -> Vec<Self> {
        let named = |name: &str| operations.iter().find(|operation| operation.key == name);
        let profile = |operation: &'a Operation| {
            let name = operation.key.strip_suffix(WALL_TIME)?;
            let memory = named(&format!("{name}{MEMORY}"))?;
            let is_one = operation.unit.is_time() && matches!(memory.unit, Unit::Data(_));
            is_one.then_some((name, memory))
        };
        let memories: Vec<usize> = operations
            .iter()
            .filter_map(|operation| Some(profile(operation)?.1.number))
            .collect();
        operations
            .iter()
            .filter(|operation| !memories.contains(&operation.number))
            .map(|operation| match profile(operation) {
                Some((name, memory)) => Self {
                    // Where something else is called so, a profile keeps its longer name.
                    name: if named(name).is_none() {
                        Name::new(name)
                    } else {
                        operation.name.clone()
                    },
                    operation,
                    memory: Some(memory),
                },
                None => Self {
                    name: operation.name.clone(),
                    operation,
                    memory: None,
                },
            })
            .collect()
    }

    /// The memory that a call usually took, and at most.
    pub fn memory(&self) -> Cell {
        let Some(memory) = self.memory else {
            return Cell::None;
        };
        let show = |value: Option<f64>| value.map(|value| memory.unit.show(value).to_string());
        match (show(memory.p50.or(memory.mean)), show(memory.max)) {
            (Some(usual), Some(most)) => Cell::Pair(format!("{usual}, max {most}")),
            (Some(usual), None) => Cell::Pair(usual),
            _ => Cell::None,
        }
    }
}
