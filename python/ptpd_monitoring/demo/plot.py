"""The plot of a calibration: lightness of the printed tablet against tone, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ptpd_monitoring.demo.canvas import ACCENT, CARD, COOL, FAINT, RULE, TEXT, Canvas
from ptpd_monitoring.demo.tone import Floats, lightness_of_density

if TYPE_CHECKING:
    from ptpd_monitoring.demo.calibration import Calibration

# Drawn this much larger and then reduced, since Pillow's strokes have jagged edges.
_OVER = 3
_FRAME = (84, 14, 14, 66)


def draw_plot(canvas: Canvas, box: tuple[int, int, int, int], calibration: Calibration) -> None:
    """Draw the plot into a box, (left, top, right, bottom), of a canvas."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    plot = Canvas(width * _OVER, height * _OVER, CARD)
    steps = calibration.curve.steps
    before = lightness_of_density(calibration.curve.densities)
    after = lightness_of_density(calibration.proof_densities)
    darkest, lightest = float(min(before.min(), after.min())), float(max(before.max(), after.max()))

    def places(tones: Floats, lightness: Floats) -> list[tuple[float, float]]:
        x = _FRAME[0] + tones * (width - _FRAME[0] - _FRAME[2])
        y = height - _FRAME[3] - lightness / 100 * (height - _FRAME[1] - _FRAME[3])
        return [(float(a) * _OVER, float(b) * _OVER) for a, b in zip(x, y, strict=True)]

    for level in range(0, 101, 20):
        line = places(np.array([0.0, 1.0]), np.array([level, level]))
        plot.line(line, RULE, 1 * _OVER)
        plot.text((line[0][0] - 12 * _OVER, line[0][1]), f"{level}", 20 * _OVER, FAINT, anchor="rm")
    for tone in np.linspace(0, 1, 6):
        at = places(np.array([tone]), np.array([0.0]))[0]
        plot.text((at[0], at[1] + 26 * _OVER), f"{tone:g}", 20 * _OVER, FAINT, anchor="ms")
    middle = places(np.array([0.5]), np.array([0.0]))[0]
    plot.text(
        (middle[0], middle[1] + 58 * _OVER),
        "tone of the photograph",
        22 * _OVER,
        FAINT,
        anchor="ms",
    )
    plot.text((0, 34 * _OVER), "L*", 24 * _OVER, FAINT)
    plot.line(places(np.array([0.0, 1.0]), np.array([darkest, lightest])), FAINT, 2 * _OVER)
    for values, colour in ((before, COOL), (after, ACCENT)):
        plot.line(places(steps, values), colour, 3 * _OVER)
        for place in places(steps, values):
            plot.dot(place, 6.5 * _OVER, colour, hole=CARD)
    for row, (text, colour) in enumerate((("through the curve", ACCENT), ("as it prints", COOL))):
        at = places(np.array([0.55]), np.array([14.0 - 8.0 * row]))[0]
        plot.dot((at[0], at[1]), 7 * _OVER, colour)
        plot.text((at[0] + 20 * _OVER, at[1]), text, 24 * _OVER, TEXT, anchor="lm")
    canvas.picture.paste(plot.picture.reduce(_OVER), (left, top))
