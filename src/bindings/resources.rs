//! `ResourceMonitor`.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyDict, PyTuple},
};

use super::{
    arguments::{self, Given, Number, names::SampleInterval},
    clock,
    history::{
        attached::{self, Attached},
        history,
    },
    logging::warn,
    models::{Readings, ResourceUsage},
    python::{code::PythonCode, initialized::Ready, once::intern, pickling},
    report::notebook,
};
use crate::{
    error::Error,
    system::{
        alerts::{Alert, Resource, Thresholds},
        cpu::{MIN_INTERVAL, Meter, SystemCounters},
        disk, gpu, memory,
        watch::{DEFAULT_INTERVAL, Watch},
    },
    time::Clock,
    units::{GB, MB},
};

/// How often a first CPU interval is measured before giving up. One is enough unless a quota is
/// set or lifted during it.
const FIRST_INTERVALS: usize = 3;

/// Usage of processors, memory, disk and GPU, and alerts where it is high.
///
/// Percentages are 0..100, memory is in MB (2**20 bytes), disk space in GB (2**30 bytes).
/// Inside a container, processors and memory are those that its control group allows.
///
/// The thresholds are percentages from 0 to 100, readable and writable; anything else is a
/// ``ValueError`` or ``TypeError`` that names it. ``clock`` replaces the system's clocks in tests.
///
/// With a ``history``, a :class:`History` or the path of one, the thread that writes it also takes
/// readings for it, every ``sample_interval`` seconds.
#[pyclass(frozen, subclass, weakref, dict, module = "ptpd_monitoring")]
pub struct ResourceMonitor {
    ready: Ready,
    thresholds: Mutex<Thresholds>,
    state: Mutex<State>,
    /// What takes readings for a history.
    watch: OnceLock<(Arc<Watch>, Attached)>,
}

struct State {
    clock: Clock,
    cpu: Meter<SystemCounters>,
}

impl State {
    /// The processors' own counters go with the system's clocks, be others staged or not.
    fn new(clock: Clock, of_cpu: Clock) -> Self {
        let cpu = Meter::new(of_cpu, SystemCounters::default());
        Self { clock, cpu }
    }
}

#[pymethods]
impl ResourceMonitor {
    // Takes everything, so that a subclass can override `__init__` alone with other arguments.
    #[new]
    #[pyo3(
        signature = (*_args, **_kwargs),
        text_signature = "(cpu_threshold=80.0, memory_threshold=80.0, disk_threshold=90.0, *, history=None, sample_interval=10.0, clock=None)"
    )]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            ready: Ready::YES,
            thresholds: Mutex::default(),
            state: Mutex::new(State::new(clock::usual(), Clock::System)),
            watch: OnceLock::new(),
        }
    }

    #[pyo3(signature = (
        cpu_threshold = Given::NOTHING,
        memory_threshold = Given::NOTHING,
        disk_threshold = Given::NOTHING,
        *,
        history = None,
        sample_interval = Number::new(DEFAULT_INTERVAL),
        clock = None
    ))]
    fn __init__(
        slf: &Bound<'_, Self>,
        cpu_threshold: Given<'_>,
        memory_threshold: Given<'_>,
        disk_threshold: Given<'_>,
        history: Option<&Bound<'_, PyAny>>,
        sample_interval: Number<SampleInterval>,
        clock: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let mut thresholds = Thresholds::default();
        for (resource, given) in [
            (Resource::Cpu, cpu_threshold),
            (Resource::Memory, memory_threshold),
            (Resource::Disk, disk_threshold),
        ] {
            if let Given(Some(value)) = given {
                let percent = arguments::percent(resource.threshold_name(), &value)?;
                thresholds.set(resource, percent)?;
            }
        }
        let interval = interval(&sample_interval)?;
        let history = history::from_argument(history)?;
        let is_named = clock.is_some_and(|clock| !clock.is_none());
        let clock = clock::argument(clock)?;
        let of_cpu = if is_named {
            clock.clone()
        } else {
            Clock::System
        };
        let state = State::new(clock.clone(), of_cpu);
        if let Some(history) = history
            && slf.get().watch.get().is_none()
        {
            let watch = Arc::new(Watch::new(clock, interval));
            let attached = Attached::new(&history, "resources", &watch)?;
            // Whoever was quicker has one that does as well.
            let _ = slf.get().watch.set((watch, attached));
        }
        *slf.get().thresholds.lock() = thresholds;
        *slf.get().state.lock() = state;
        Resource::ALL
            .into_iter()
            .try_for_each(|resource| Self::show_threshold(slf, resource, thresholds.get(resource)))
    }

    /// The CPU usage, in percent, above which there is an alert.
    #[getter]
    fn cpu_threshold(&self) -> f64 {
        self.thresholds.lock().get(Resource::Cpu)
    }

    #[setter]
    fn set_cpu_threshold(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::set_threshold(slf, Resource::Cpu, value)
    }

    /// The memory usage, in percent, above which there is an alert.
    #[getter]
    fn memory_threshold(&self) -> f64 {
        self.thresholds.lock().get(Resource::Memory)
    }

    #[setter]
    fn set_memory_threshold(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::set_threshold(slf, Resource::Memory, value)
    }

    /// The disk usage, in percent, above which there is an alert.
    #[getter]
    fn disk_threshold(&self) -> f64 {
        self.thresholds.lock().get(Resource::Disk)
    }

    #[setter]
    fn set_disk_threshold(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::set_threshold(slf, Resource::Disk, value)
    }

    /// The CPU usage, in percent, since this monitor was last asked or, the first time, since it
    /// was made; within 0.1 s of the last answer the same answer.
    ///
    /// Only a monitor that is younger than 0.1 s and has never answered waits for the rest of
    /// that time, while other threads run. Raises ``OSError`` where the system does not tell.
    fn get_cpu_usage(&self, py: Python<'_>) -> PyResult<f64> {
        for _ in 0..FIRST_INTERVALS {
            let wait = self.state.lock().cpu.wait_needed();
            if let Some(wait) = wait {
                py.detach(|| thread::sleep(wait));
                py.check_signals()?;
            }
            let usage = self.state.lock().cpu.percent()?;
            if let Some(usage) = usage {
                return Ok(usage);
            }
        }
        let reason = io::Error::other("the kind of CPU accounting keeps changing");
        Err(Error::io("CPU usage", reason).into())
    }

    /// The memory as a dict ``percent``, ``used_mb``, ``available_mb``, ``total_mb``. Raises
    /// ``OSError`` where the system does not tell.
    fn get_memory_usage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let memory = memory::current()?;
        let usage = PyDict::new(py);
        usage.set_item(intern!(py, "percent"), memory.percent())?;
        usage.set_item(intern!(py, "used_mb"), memory.used as f64 / MB)?;
        usage.set_item(intern!(py, "available_mb"), memory.available as f64 / MB)?;
        usage.set_item(intern!(py, "total_mb"), memory.total as f64 / MB)?;
        Ok(usage)
    }

    /// The file system that holds ``path`` (``str`` or ``os.PathLike``) as a dict ``percent``,
    /// ``used_gb``, ``free_gb``, ``total_gb``. ``percent`` is of what an ordinary user can have.
    ///
    /// Raises ``FileNotFoundError`` for a path that does not exist, another ``OSError`` for one
    /// that cannot be reached.
    #[pyo3(signature = (path = Given::NOTHING), text_signature = "($self, path='/')")]
    fn get_disk_usage<'py>(
        &self,
        py: Python<'py>,
        path: Given<'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let path = match path {
            Given(Some(path)) => arguments::path("path", &path)?,
            Given(None) => PathBuf::from("/"),
        };
        // A network file system may not answer for a long time.
        let disk = py.detach(|| disk::usage(&path))?;
        let usage = PyDict::new(py);
        usage.set_item(intern!(py, "percent"), disk.percent())?;
        usage.set_item(intern!(py, "used_gb"), disk.used as f64 / GB)?;
        usage.set_item(intern!(py, "free_gb"), disk.free as f64 / GB)?;
        usage.set_item(intern!(py, "total_gb"), disk.total as f64 / GB)?;
        Ok(usage)
    }

    /// A GPU as a dict ``gpu_percent``, ``memory_percent``, ``memory_used_mb``,
    /// ``memory_total_mb``, each ``None`` where the GPU does not tell it; ``None`` if there is
    /// no such GPU.
    ///
    /// Without an index it is the one that this process works on: the first that CUDA shows to it,
    /// by ``CUDA_VISIBLE_DEVICES`` (indices, UUIDs of GPUs or MIG devices) and
    /// ``CUDA_DEVICE_ORDER``. A MIG device tells no ``gpu_percent``. With an index, it is one of all
    /// that the machine has, in the driver's order; a negative one is a ``ValueError``.
    ///
    /// The first call in a process loads the driver's library, or the one that the environment
    /// variable ``PTPD_MONITORING_NVML_LIBRARY`` names.
    #[pyo3(signature = (index = Given::NOTHING), text_signature = "($self, index=...)")]
    fn get_gpu_usage<'py>(
        &self,
        py: Python<'py>,
        index: Given<'py>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let index = index
            .0
            .map(|index| arguments::index("index", &index))
            .transpose()?;
        let read = || index.map_or_else(gpu::read_own, gpu::read);
        let reading = with_gpus(py, read)?.flatten();
        let Some(reading) = reading else {
            return Ok(None);
        };
        let memory = reading.memory.ok();
        let usage = PyDict::new(py);
        usage.set_item(intern!(py, "gpu_percent"), reading.utilisation.ok())?;
        let percent = memory.map(|memory| memory.percent());
        usage.set_item(intern!(py, "memory_percent"), percent)?;
        let used = memory.map(|memory| memory.used as f64 / MB);
        usage.set_item(intern!(py, "memory_used_mb"), used)?;
        let total = memory.map(|memory| memory.total as f64 / MB);
        usage.set_item(intern!(py, "memory_total_mb"), total)?;
        Ok(Some(usage))
    }

    /// How many GPUs the machine has; zero without a working driver.
    fn gpu_count(&self, py: Python<'_>) -> PyResult<u32> {
        Ok(with_gpus(py, gpu::count)?.unwrap_or(0))
    }

    /// One reading of all resources, the disk being that of ``/``, as a ``ResourceUsage``.
    fn check_resources<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, ResourceUsage>> {
        let py = slf.py();
        let _python = PythonCode::begin(py);
        let cpu = slf.call_method0(intern!(py, "get_cpu_usage"))?;
        let memory = slf.call_method0(intern!(py, "get_memory_usage"))?;
        let disk = slf.call_method0(intern!(py, "get_disk_usage"))?;
        let gpu = slf.call_method0(intern!(py, "get_gpu_usage"))?;
        let gpu = gpu.is_truthy()?.then_some(gpu);
        let of_gpu = |name| match &gpu {
            Some(gpu) => gpu.get_item(name)?.extract::<Option<f64>>(),
            None => Ok(None),
        };
        let number = |usage: &Bound<'_, PyAny>, name| usage.get_item(name)?.extract::<f64>();
        let readings = Readings {
            cpu_percent: cpu.extract()?,
            memory_percent: number(&memory, intern!(py, "percent"))?,
            memory_used_mb: number(&memory, intern!(py, "used_mb"))?,
            memory_available_mb: number(&memory, intern!(py, "available_mb"))?,
            disk_percent: number(&disk, intern!(py, "percent"))?,
            disk_used_gb: number(&disk, intern!(py, "used_gb"))?,
            disk_free_gb: number(&disk, intern!(py, "free_gb"))?,
            gpu_percent: of_gpu(intern!(py, "gpu_percent"))?,
            gpu_memory_mb: of_gpu(intern!(py, "memory_used_mb"))?,
        };
        ResourceUsage::of(py, readings, slf.get().wall())
    }

    /// Checks the resources and returns a list with one dict for each that is above its
    /// threshold: ``resource`` (``cpu``, ``memory``, ``disk``), ``usage`` and ``threshold`` in
    /// percent, ``severity`` (``critical`` from 95, else ``warning``) and ``message``.
    fn get_alerts_for_high_usage<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let py = slf.py();
        let _python = PythonCode::begin(py);
        let usage = slf.call_method0(intern!(py, "check_resources"))?;
        let percent = |name| usage.getattr(name)?.extract::<f64>();
        let usages = [
            (Resource::Cpu, percent(intern!(py, "cpu_percent"))?),
            (Resource::Memory, percent(intern!(py, "memory_percent"))?),
            (Resource::Disk, percent(intern!(py, "disk_percent"))?),
        ];
        let thresholds = *slf.get().thresholds.lock();
        usages
            .into_iter()
            .filter_map(|(resource, usage)| thresholds.check(resource, usage))
            .map(|alert| alert_dict(py, alert))
            .collect()
    }

    /// A global instance travels as a reference to that of whoever loads it; no other one does.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        pickling::to_global(slf.as_any())
    }

    // For notebooks.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let thresholds = *self.thresholds.lock();
        let cpu = self.state.lock().cpu.peek();
        notebook::of_resources(py, cpu, &thresholds)
    }

    /// The :class:`History` that readings are taken for, or None.
    #[getter]
    fn history<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        attached::attribute_of(slf, slf.get().watch.get().map(|(_, attached)| attached))
    }

    #[setter]
    fn set_history(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        attached::set_attribute_of(slf, value)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let name = slf.get_type().name()?;
        let thresholds = *slf.get().thresholds.lock();
        Ok(format!(
            "{name}(cpu_threshold={:?}, memory_threshold={:?}, disk_threshold={:?})",
            thresholds.get(Resource::Cpu),
            thresholds.get(Resource::Memory),
            thresholds.get(Resource::Disk),
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.ready.is_set() {
            return Ok(());
        }
        match self.watch.get() {
            Some((_, attached)) => attached.traverse(&visit),
            None => Ok(()),
        }
    }
}

impl ResourceMonitor {
    fn set_threshold(
        slf: &Bound<'_, Self>,
        resource: Resource,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        // Converting may run Python code, which must not happen under the lock.
        let percent = arguments::percent(resource.threshold_name(), value)?;
        slf.get().thresholds.lock().set(resource, percent)?;
        Self::show_threshold(slf, resource, percent)
    }

    /// Shows a threshold among the instance's own attributes, as a plain one would be: that is
    /// where `unittest.mock.patch.object` looks for what it has to put back.
    fn show_threshold(slf: &Bound<'_, Self>, resource: Resource, percent: f64) -> PyResult<()> {
        slf.getattr(intern!(slf.py(), "__dict__"))?
            .set_item(resource.threshold_name(), percent)
    }

    fn wall(&self) -> i64 {
        self.state.lock().clock.wall()
    }
}

/// The interval between readings for a history.
fn interval(seconds: &Number<SampleInterval>) -> Result<Duration, Error> {
    const LONGEST: f64 = 86_400.0;
    if seconds.0 >= MIN_INTERVAL.as_secs_f64() && seconds.0 <= LONGEST {
        return Ok(Duration::from_secs_f64(seconds.0));
    }
    let expected = "a number of seconds from 0.1 to 86400";
    let given = format!("{:?}", seconds.0);
    Err(Error::argument("sample_interval", given, expected))
}

fn alert_dict(py: Python<'_>, alert: Alert) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "resource"), alert.resource.key())?;
    dict.set_item(intern!(py, "usage"), alert.usage)?;
    dict.set_item(intern!(py, "threshold"), alert.threshold)?;
    dict.set_item(intern!(py, "severity"), alert.severity.key())?;
    dict.set_item(intern!(py, "message"), alert.to_string())?;
    Ok(dict)
}

/// Asks the driver, which may take its time, while other threads run. `None` without one; that
/// it is broken is told once.
fn with_gpus<T: Send>(py: Python<'_>, ask: impl FnOnce() -> T + Send) -> PyResult<Option<T>> {
    static TOLD: AtomicBool = AtomicBool::new(false);

    if gpu::known_failure().is_some() {
        return Ok(None);
    }
    gpu::look_into_environment();
    let answer = py.detach(ask);
    match gpu::known_failure() {
        None => Ok(Some(answer)),
        Some(gpu::NoGpus::Absent(_)) => Ok(None),
        Some(gpu::NoGpus::Broken(reason)) => {
            if !TOLD.swap(true, Ordering::Relaxed) {
                warn(py, "GPU usage is not available: %s", &reason.clone())?;
            }
            Ok(None)
        }
    }
}
