//! NVIDIA GPUs, read through the driver's own library, NVML.

pub mod visible;

use std::{env, ffi::OsString, fmt, sync::OnceLock};

use nvml_wrapper::{Device, Nvml, enum_wrappers::device::Clock, error::NvmlError};

use super::per_process::PerProcess;
use crate::{home, sync::Mutex};
use visible::{Environment, Gpu, Place, visible};

/// Names another library file than the system's, for drivers in unusual places.
pub const LIBRARY_VARIABLE: &str = "PTPD_MONITORING_NVML_LIBRARY";

/// A figure, or the reason why there is none.
pub type Figure<T> = Result<T, String>;

/// Memory of a GPU, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuMemory {
    /// What is allocated.
    pub used: u64,
    /// All of it.
    pub total: u64,
}

impl GpuMemory {
    /// The used share in percent.
    #[must_use]
    pub fn percent(&self) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        100.0 * self.used as f64 / self.total as f64
    }
}

/// Readings of one GPU. Each stands on its own: not every GPU supports every figure.
#[derive(Debug, Clone)]
pub struct GpuReading {
    /// The share of time, in percent, in which the GPU was busy during the driver's last sample.
    pub utilisation: Figure<f64>,
    /// Its memory.
    pub memory: Figure<GpuMemory>,
}

/// Why no GPU can be read in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoGpus {
    /// There is no driver: the usual case on a machine without such a GPU.
    Absent(String),
    /// There is a driver, or one was named, and it does not work.
    Broken(String),
}

impl fmt::Display for NoGpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(reason) | Self::Broken(reason) => f.write_str(reason),
        }
    }
}

/// The driver's library, initialised once a process, since that takes long; a failure is
/// remembered as well.
///
/// A forked child initialises it again and leaves its parent's handle alone: shutting that down
/// would free objects in the driver that both share.
static LIBRARY: PerProcess<Library> = PerProcess::new(Library::named);

struct Library {
    /// The file that the environment names.
    path: Option<OsString>,
    nvml: OnceLock<Result<Nvml, NoGpus>>,
    own: Mutex<Own>,
}

/// The GPU that this process works on. A forked child has one of its own, and so never finds its lock
/// held.
struct Own {
    /// By this, as it was when somebody last looked.
    environment: Environment,
    /// Where those are that CUDA shows; nothing before they were looked for.
    places: Option<Vec<Place>>,
}

impl Library {
    fn named() -> Self {
        Self {
            path: env::var_os(LIBRARY_VARIABLE)
                .filter(|path| !path.is_empty())
                .map(|path| home::expanded(path.into()).into_os_string()),
            nvml: OnceLock::new(),
            own: Mutex::new(Own {
                environment: Environment::read(),
                places: None,
            }),
        }
    }

    fn load(&self) -> Result<Nvml, NoGpus> {
        let mut builder = Nvml::builder();
        if let Some(path) = &self.path {
            builder.lib_path(path);
        }
        builder
            .init()
            .map_err(|error| reason(&error, self.path.as_ref()))
    }
}

fn library() -> Result<&'static Nvml, &'static NoGpus> {
    let library = LIBRARY.get();
    library.nvml.get_or_init(|| library.load()).as_ref()
}

fn reason(error: &NvmlError, named: Option<&OsString>) -> NoGpus {
    match (error, named) {
        (_, Some(path)) => {
            NoGpus::Broken(format!("{LIBRARY_VARIABLE}={}: {error}", path.display()))
        }
        (NvmlError::LibloadingError(_) | NvmlError::DriverNotLoaded, None) => {
            NoGpus::Absent(error.to_string())
        }
        (_, None) => NoGpus::Broken(error.to_string()),
    }
}

/// Why this process has no GPUs to read, if that is known already; never initialises the driver.
///
/// Ask this first where the host program may change its environment meanwhile: the environment is
/// read at the first question in a process, and the others may take too long to stop it for.
#[must_use]
pub fn known_failure() -> Option<&'static NoGpus> {
    LIBRARY.get().nvml.get()?.as_ref().err()
}

/// Looks into the environment for the GPU that this process works on, where the host program cannot be
/// changing it meanwhile. Programs set it at any time before they first use CUDA.
pub fn look_into_environment() {
    let environment = Environment::read();
    let mut own = LIBRARY.get().own.lock();
    if own.environment != environment {
        *own = Own {
            environment,
            places: None,
        };
    }
}

/// How many GPUs there are; zero, too, where the driver is missing or does not work. The first
/// call in a process initialises the driver's library, which can take a second.
#[must_use]
pub fn count() -> u32 {
    library()
        .ok()
        .and_then(|library| library.device_count().ok())
        .unwrap_or(0)
}

/// Readings of the GPU at `index`; `None` where there is no such GPU. The first call in a
/// process initialises the driver's library, which can take a second.
#[must_use]
pub fn read(index: u32) -> Option<GpuReading> {
    match library().ok()?.device_by_index(index) {
        Ok(device) => Some(GpuReading {
            utilisation: utilisation(&device),
            memory: memory(&device),
        }),
        Err(NvmlError::InvalidArg) => None,
        // It is there, or was a moment ago, and does not answer.
        Err(error) => (index < count()).then(|| GpuReading {
            utilisation: Err(error.to_string()),
            memory: Err(error.to_string()),
        }),
    }
}

/// Readings of the GPU that this process works on: the first that CUDA shows to it; `None` where it
/// shows none. Takes as long as [`read`].
#[must_use]
pub fn read_own() -> Option<GpuReading> {
    let nvml = library().ok()?;
    let place = own_place(nvml)?;
    let Some(part) = place.part else {
        return read(place.gpu);
    };
    let part = nvml
        .device_by_index(place.gpu)
        .and_then(|gpu| gpu.mig_device_by_index(part));
    match part {
        Ok(device) => Some(GpuReading {
            utilisation: utilisation(&device),
            memory: memory(&device),
        }),
        Err(error) => {
            // It may have been divided in another way.
            LIBRARY.get().own.lock().places = None;
            Some(GpuReading {
                utilisation: Err(error.to_string()),
                memory: Err(error.to_string()),
            })
        }
    }
}

/// Where the GPU is that this process works on.
fn own_place(nvml: &Nvml) -> Option<Place> {
    let environment = {
        let own = LIBRARY.get().own.lock();
        if let Some(places) = &own.places {
            return places.first().copied();
        }
        own.environment.clone()
    };
    // The driver may take its time.
    let gpus: Vec<Gpu> = (0..nvml.device_count().ok()?)
        .map(|index| gpu(nvml, index))
        .collect();
    let places = visible(&gpus, &environment);
    let place = places.first().copied();
    let mut own = LIBRARY.get().own.lock();
    if own.environment == environment {
        own.places = Some(places);
    }
    place
}

/// What the driver tells of a GPU. What it does not tell names nothing.
fn gpu(nvml: &Nvml, index: u32) -> Gpu {
    let unknown = || Gpu {
        uuid: String::new(),
        name: String::new(),
        speed: None,
        is_divided: false,
        parts: Vec::new(),
    };
    let Ok(device) = nvml.device_by_index(index) else {
        return unknown();
    };
    let is_divided = device.mig_mode().is_ok_and(|mode| mode.current != 0);
    let places = if is_divided {
        device.mig_device_count().unwrap_or(0)
    } else {
        0
    };
    let parts = (0..places).filter_map(|place| {
        let part = device.mig_device_by_index(place).ok()?;
        Some((place, part.uuid().unwrap_or_default()))
    });
    let cores = device.num_cores().ok().map(f64::from);
    let clock = device.max_clock_info(Clock::SM).ok().map(f64::from);
    Gpu {
        uuid: device.uuid().unwrap_or_default(),
        name: device.name().unwrap_or_default(),
        speed: cores.zip(clock).map(|(cores, clock)| cores * clock),
        is_divided,
        parts: parts.collect(),
    }
}

fn utilisation(device: &Device<'_>) -> Figure<f64> {
    let rates = device.utilization_rates().map_err(text)?;
    Ok(f64::from(rates.gpu))
}

fn memory(device: &Device<'_>) -> Figure<GpuMemory> {
    let info = device.memory_info().map_err(text)?;
    Ok(GpuMemory {
        used: info.used,
        total: info.total,
    })
}

fn text(error: NvmlError) -> String {
    error.to_string()
}
