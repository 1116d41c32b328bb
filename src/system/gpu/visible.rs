//! Which GPUs CUDA shows to this process, by the environment variables that it reads itself.

use std::{env, ffi::OsString};

/// Names the GPUs that CUDA may show, by index or by UUID.
pub const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

/// Tells in which order CUDA counts them.
pub const ORDER: &str = "CUDA_DEVICE_ORDER";

/// What the environment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The value of [`VISIBLE`].
    pub visible: Option<OsString>,
    /// The value of [`ORDER`].
    pub order: Option<OsString>,
}

impl Environment {
    /// As it is now. Nobody may be changing it meanwhile.
    #[must_use]
    pub fn read() -> Self {
        Self {
            visible: env::var_os(VISIBLE),
            order: env::var_os(ORDER),
        }
    }
}

/// A GPU of the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    /// Its UUID, which begins with `GPU-`.
    pub uuid: String,
    /// Its model.
    pub name: String,
    /// How fast it is compared to others, where that is known.
    pub speed: Option<f64>,
    /// Whether it is divided. As a whole it cannot be worked on then.
    pub is_divided: bool,
    /// Its parts, MIG devices, by their places and UUIDs, which begin with `MIG-`.
    pub parts: Vec<(u32, String)>,
}

/// Where a GPU or a part of one is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The GPU, as the driver counts them.
    pub gpu: u32,
    /// The part of it.
    pub part: Option<u32>,
}

/// The GPUs that CUDA shows, in its order; the first is the one that programs work on unless they ask
/// for another. `gpus` come in the order of the bus, as the driver tells them.
///
/// As CUDA does, an entry that names nothing ends the list, and one that comes twice empties it.
#[must_use]
pub fn visible(gpus: &[Gpu], environment: &Environment) -> Vec<Place> {
    let Some(variable) = &environment.visible else {
        let all = order(gpus, environment);
        return all.into_iter().filter_map(|at| place(gpus, at)).collect();
    };
    let variable = variable.to_string_lossy();
    let entries = variable.split(',').map(str::trim);
    if variable.trim_start().starts_with("GPU-") {
        named(entries, |entry| {
            let at = only(gpus.iter().map(|gpu| &gpu.uuid), entry, "GPU-")?;
            place(gpus, at)
        })
    } else if variable.trim_start().starts_with("MIG-") {
        let parts: Vec<(Place, &String)> = gpus
            .iter()
            .zip(0..)
            .flat_map(|(gpu, at)| {
                let part = move |(part, uuid)| {
                    (
                        Place {
                            gpu: at,
                            part: Some(part),
                        },
                        uuid,
                    )
                };
                gpu.parts
                    .iter()
                    .map(move |(place, uuid)| part((*place, uuid)))
            })
            .collect();
        named(entries, |entry| {
            let at = only(parts.iter().map(|(_, uuid)| *uuid), entry, "MIG-")?;
            Some(parts[at].0)
        })
    } else {
        let order = order(gpus, environment);
        named(entries, |entry| {
            place(gpus, *order.get(leading_number(entry)?)?)
        })
    }
}

/// The places that `entries` name, up to the first that names none.
fn named<'a>(
    entries: impl Iterator<Item = &'a str>,
    find: impl Fn(&str) -> Option<Place>,
) -> Vec<Place> {
    let mut places = Vec::new();
    for place in entries.map_while(find) {
        if places.contains(&place) {
            return Vec::new();
        }
        places.push(place);
    }
    places
}

/// The only one of `uuids` that begins with `entry`.
fn only<'a>(uuids: impl Iterator<Item = &'a String>, entry: &str, prefix: &str) -> Option<usize> {
    let mut found = uuids
        .enumerate()
        .filter(|(_, uuid)| entry.starts_with(prefix) && uuid.starts_with(entry));
    let (at, _) = found.next()?;
    found.next().is_none().then_some(at)
}

/// The number that a text begins with: CUDA takes `1gpu` for 1.
fn leading_number(text: &str) -> Option<usize> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|character: char| !character.is_ascii_digit());
    text[..end.unwrap_or(text.len())].parse().ok()
}

/// The GPU at a place in the driver's order, or the first of its parts. CUDA shows a process one part
/// at most unless it is named.
fn place(gpus: &[Gpu], at: usize) -> Option<Place> {
    let gpu = u32::try_from(at).ok()?;
    let part = gpus[at].parts.first().map(|(part, _)| *part);
    (part.is_some() || !gpus[at].is_divided).then_some(Place { gpu, part })
}

/// The places of the GPUs in CUDA's order: that of the bus, or the fastest first. How CUDA compares
/// different models it does not say; those of one model stay in the order of the bus.
fn order(gpus: &[Gpu], environment: &Environment) -> Vec<usize> {
    let mut order: Vec<usize> = (0..gpus.len()).collect();
    if environment
        .order
        .as_ref()
        .is_some_and(|order| order == "PCI_BUS_ID")
    {
        return order;
    }
    let speed = |gpu: &Gpu| {
        let first = gpus.iter().find(|other| other.name == gpu.name);
        first.and_then(|first| first.speed)
    };
    let speeds: Option<Vec<f64>> = gpus.iter().map(speed).collect();
    if let Some(speeds) = speeds {
        order.sort_by(|a, b| speeds[*b].total_cmp(&speeds[*a]));
    }
    order
}
