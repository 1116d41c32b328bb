"""A module of the existing package that uses its monitoring."""

from ptpd_calibration.monitoring import get_monitor


def linearise(densities: list[float]) -> list[float]:
    """Scale the densities to 0..1, and time it."""
    with get_monitor().timer("linearise"):
        return [density / max(densities) for density in densities]
