"""The application: photographs in, negatives out, every step observed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from ptpd_monitoring.demo.calibration import Calibration, calibrate
from ptpd_monitoring.demo.curve import LinearisationCurve, apply_curve
from ptpd_monitoring.demo.negative import (
    PrintSize,
    invert,
    quantise,
    resize,
    sharpen,
    verify_negative,
    write_negative,
)
from ptpd_monitoring.demo.paper import PaperProcess
from ptpd_monitoring.demo.photographs import (
    Photograph,
    UnreadablePhotographError,
    decode,
    read_bytes,
)
from ptpd_monitoring.demo.preview import (
    Thumbnail,
    negative_thumbnail,
    photograph_thumbnail,
    simulate_print,
)
from ptpd_monitoring.demo.tone import lightness, luminance
from ptpd_monitoring.performance import (
    CacheManager,
    ImageProcessingProfiler,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from pathlib import Path

    from ptpd_monitoring.performance import History

P = ParamSpec("P")
T = TypeVar("T")


class Observer(Protocol):
    """Is told what happens, to show it."""

    def stage(self, text: str) -> None:
        """Learn that a step begins."""

    def finished(self, photograph: Photograph, seconds: float, *, cached: bool) -> None:
        """Learn that a negative is there."""

    def skipped(self, photograph: Photograph, reason: str) -> None:
        """Learn that a photograph could not be read."""


@dataclass(frozen=True)
class PrintSettings:
    """What determines a negative, besides the photograph."""

    size: PrintSize = field(default_factory=PrintSize)
    process: PaperProcess = field(default_factory=PaperProcess)


@dataclass(frozen=True)
class FinishedNegative:
    """A negative on disk, with what the contact sheet shows of it.

    Attributes:
        columns, rows: of the negative, in pixels.
        seconds: that making it took.

    """

    photograph: Photograph
    path: Path
    columns: int
    rows: int
    seconds: float
    original: Thumbnail
    negative: Thumbnail
    printed: Thumbnail


@dataclass(frozen=True)
class Pass:
    """One way through all photographs: what came of it, and the seconds it took."""

    negatives: list[FinishedNegative]
    skipped: list[tuple[Photograph, str]]
    seconds: float


class NegativePipeline:
    """Makes digital negatives and keeps the figures about it.

    Args:
        folder: where the negatives go; it exists.
        settings: size of the prints, and the paper.
        observer: is told of every step.
        history: remembers what is measured.

    """

    def __init__(
        self, folder: Path, settings: PrintSettings, observer: Observer, history: History
    ) -> None:
        """Begin with an empty cache and nothing measured."""
        self.folder = folder
        self.settings = settings
        self.monitor = PerformanceMonitor(history=history)
        self.profiler = ImageProcessingProfiler(self.monitor)
        self.cache = CacheManager(max_size=1000)
        self.resources = ResourceMonitor(history=history, sample_interval=1.0)
        self.report = PerformanceReport(
            self.monitor, resource_monitor=self.resources, cache=self.cache
        )
        self.session_id = f"demo-{datetime.now():%Y%m%d-%H%M%S}"
        self._observer = observer

    def run_stage(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one step under the profiler."""
        name = function.__name__
        self._observer.stage(name.replace("_", " "))
        # A stage that is a method would be named by its class as well.
        return self.profiler.profile(operation=name)(function)(*args, **kwargs)

    def calibrate(self) -> Calibration:
        """Measure the paper; the curve is what every negative needs."""
        with self.monitor.timer("calibration"):
            return calibrate(self.settings.process, self.run_stage)

    def run_pass(
        self, photographs: Sequence[Photograph], curve: LinearisationCurve, name: str
    ) -> Pass:
        """Print every photograph; one that cannot be read is reported and left out."""
        negatives: list[FinishedNegative] = []
        skipped: list[tuple[Photograph, str]] = []
        with self.monitor.timer(name):
            for photograph in photographs:
                try:
                    negatives.append(self.print_photograph(photograph, curve))
                except UnreadablePhotographError as error:  # noqa: PERF203
                    skipped.append((photograph, str(error)))
                    self._observer.skipped(photograph, str(error))
        return Pass(negatives, skipped, float(self.monitor.values(name)[-1]))

    def print_photograph(
        self, photograph: Photograph, curve: LinearisationCurve
    ) -> FinishedNegative:
        """Make a photograph's negative, or take it from the cache where it was made before.

        Raises:
            UnreadablePhotographError: the file is no photograph.

        """
        with self.monitor.timer("print_photograph"):
            content = self.run_stage(read_bytes, photograph)
            key = self._key(photograph, content, curve)
            finished: FinishedNegative | None = self.cache.get(key)
            cached = finished is not None and finished.path.is_file()
            if finished is None or not cached:
                made = self.run_stage(self.make_negative, photograph, content, curve)
                self.cache.set(key, made)
                finished = made
        seconds = float(self.monitor.values("print_photograph")[-1])
        self._observer.finished(photograph, seconds, cached=cached)
        return finished

    def make_negative(
        self, photograph: Photograph, content: bytes, curve: LinearisationCurve
    ) -> FinishedNegative:
        """All the work for one photograph."""
        stage, size, process = self.run_stage, self.settings.size, self.settings.process
        with self.monitor.timer("negative"):
            pixels = stage(decode, content)
            original = stage(photograph_thumbnail, pixels)
            linear = stage(luminance, pixels)
            del pixels
            tones = stage(lightness, stage(resize, linear, size))
            values = stage(apply_curve, tones, curve)
            negative = stage(quantise, stage(sharpen, stage(invert, values), size.ppi))
            # A print of 13 megapixels is 50 MB in each of these.
            del linear, tones, values
            path = stage(write_negative, negative, self.folder / f"{photograph.name}.tif", size.ppi)
            stage(verify_negative, negative, path, size.ppi)
            small, printed = (
                stage(negative_thumbnail, negative),
                stage(simulate_print, negative, process),
            )
        rows, columns = negative.shape
        self.monitor.record_metric(
            "negative_size", rows * columns / 1e6, "Mpx", {"photograph": photograph.name}
        )
        seconds = float(self.monitor.values("negative")[-1])
        return FinishedNegative(photograph, path, columns, rows, seconds, original, small, printed)

    def _key(self, photograph: Photograph, content: bytes, curve: LinearisationCurve) -> Hashable:
        """Known by what is in the file, not by its date; the name only places the negative."""
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        return (digest, curve.digest, self.settings, photograph.name)
