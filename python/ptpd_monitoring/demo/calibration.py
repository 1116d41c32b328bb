"""Calibrating the paper: print tablets, read them, fit the curve, prove it on one more tablet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ptpd_monitoring.demo.curve import LinearisationCurve, generate_curve, straight_line_error
from ptpd_monitoring.demo.negative import invert
from ptpd_monitoring.demo.paper import PaperProcess, ScanConditions, print_and_scan
from ptpd_monitoring.demo.tablet import STEPS, detect_tablet, draw_tablet, extract_densities

if TYPE_CHECKING:
    from collections.abc import Callable

    from ptpd_monitoring.demo.tone import Floats, Image

Scan = npt.NDArray[np.uint16]

# A person lays a print on the scanner a little askew, and never twice alike.
PRINTS = (
    ScanConditions(seed=11, angle_degrees=-1.3, offset=(-8, 20)),
    ScanConditions(seed=12, angle_degrees=0.8, offset=(10, -14)),
    ScanConditions(seed=13, angle_degrees=2.1, offset=(0, 5)),
    ScanConditions(seed=14, angle_degrees=-0.4, offset=(5, 0)),
    ScanConditions(seed=15, angle_degrees=1.6, offset=(-4, -9)),
)
PROOF = ScanConditions(seed=21, angle_degrees=-0.7, offset=(6, 11))


class Stage(Protocol):
    """Runs a function under observation and returns what it returns."""

    def __call__(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """Run the function with the arguments."""


@dataclass(frozen=True)
class Calibration:
    """A paper's curve, and the evidence for it.

    Attributes:
        curve: tones to values.
        scan: one print of the tablet as it is.
        proof_scan: a print of the tablet through the curve.
        proof_densities: (21,) read from that.
        error_before, error_after: largest distance from a straight line of lightness, in L*.

    """

    curve: LinearisationCurve
    scan: Scan
    proof_scan: Scan
    proof_densities: Floats
    error_before: float
    error_after: float


def print_tablet(values: Image, process: PaperProcess, conditions: ScanConditions) -> Scan:
    """Print a drawn tablet through the paper and scan it."""
    return print_and_scan(invert(values), process, conditions)


def calibrate(process: PaperProcess, stage: Stage) -> Calibration:
    """Fit the curve to five prints of the tablet, and measure a sixth that was made through it."""
    drawn = stage(draw_tablet)
    scans = [stage(print_tablet, drawn, process, conditions) for conditions in PRINTS]
    densities = [stage(extract_densities, stage(detect_tablet, scan)) for scan in scans]
    curve: LinearisationCurve = stage(generate_curve, densities)
    linearised = stage(draw_tablet, curve(np.linspace(0.0, 1.0, STEPS)))
    proof = stage(print_tablet, linearised, process, PROOF)
    proof_densities = stage(extract_densities, stage(detect_tablet, proof))
    return Calibration(
        curve,
        scans[0],
        proof,
        proof_densities,
        straight_line_error(curve.densities),
        straight_line_error(proof_densities),
    )
