"""One picture of a whole run: the calibration, a card for each photograph, the credits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ptpd_monitoring.demo.canvas import ACCENT, BRIGHT, CARD, FAINT, RULE, TEXT, WELL, Canvas
from ptpd_monitoring.demo.plot import draw_plot
from ptpd_monitoring.demo.preview import Thumbnail, print_colour
from ptpd_monitoring.demo.tone import luminance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ptpd_monitoring.demo.calibration import Calibration, Scan
    from ptpd_monitoring.demo.paper import PaperProcess
    from ptpd_monitoring.demo.pipeline import FinishedNegative, PrintSettings

WIDTH = 2760
MOST_CARDS = 30

_EDGE = 90
_GAP = 30
_COLUMNS = 3
_CARD = (WIDTH - 2 * _EDGE - (_COLUMNS - 1) * _GAP) // _COLUMNS
_PAD = 24
_INNER_GAP = 12
_THUMBNAIL = (_CARD - 2 * _PAD - 2 * _INNER_GAP) // 3
_CARD_HEIGHT = _PAD + 30 + _THUMBNAIL + 84 + _PAD
_HEADER = 250
_PANEL = 830


def draw_contact_sheet(
    negatives: Sequence[FinishedNegative],
    calibration: Calibration,
    settings: PrintSettings,
    path: Path,
) -> Path:
    """Draw the sheet and write it as a PNG.

    Args:
        negatives: at least one; those after the thirtieth are counted but not shown.
        calibration: of the paper, shown above them.
        settings: that the negatives were made with.
        path: of the PNG.

    """
    shown = negatives[:MOST_CARDS]
    lines = -(-len(shown) // _COLUMNS)
    credits_ = _credits(shown)
    top = _HEADER + _PANEL + _GAP
    bottom = top + lines * (_CARD_HEIGHT + _GAP)
    canvas = Canvas(WIDTH, bottom + 70 + 34 * -(-len(credits_) // 3) + _EDGE)
    _draw_header(canvas, negatives, settings)
    _draw_calibration(canvas, calibration, settings.process, _HEADER)
    for index, negative in enumerate(shown):
        line, column = divmod(index, _COLUMNS)
        _draw_card(
            canvas,
            negative,
            _EDGE + column * (_CARD + _GAP),
            top + line * (_CARD_HEIGHT + _GAP),
            settings,
        )
    _draw_credits(canvas, credits_, len(negatives) - len(shown), bottom)
    canvas.picture.save(path, format="PNG", compress_level=4)
    return path


def _draw_header(
    canvas: Canvas, negatives: Sequence[FinishedNegative], settings: PrintSettings
) -> None:
    size = settings.size
    count = f"{len(negatives)} photograph" + ("s" if len(negatives) != 1 else "")
    facts = (
        count,
        f"up to {size.short_in:g} x {size.long_in:g} in at {size.ppi} ppi",
        "16-bit TIFF",
        "21-step tablet",
    )
    canvas.text((_EDGE - 4, 138), "Digital negatives for platinum/palladium", 84, BRIGHT)
    canvas.text((_EDGE, 196), "   ·   ".join(facts), 32, FAINT)
    canvas.text((WIDTH - _EDGE, 138), "ptpd-monitor demo", 40, ACCENT, anchor="rs")
    seconds = sum(negative.seconds for negative in negatives)
    canvas.text((WIDTH - _EDGE, 196), f"{seconds:.1f} s for the negatives", 32, FAINT, anchor="rs")


def _draw_calibration(
    canvas: Canvas, calibration: Calibration, process: PaperProcess, top: int
) -> None:
    canvas.box((_EDGE, top, WIDTH - _EDGE, top + _PANEL), CARD, radius=14)
    left, inner = _EDGE + 36, top + 36
    scans_width = 1480
    plot_width = WIDTH - 2 * _EDGE - 3 * 36 - scans_width
    rows = (
        (calibration.scan, "The tablet as it prints", calibration.error_before),
        (calibration.proof_scan, "The tablet through the curve", calibration.error_after),
    )
    height = (_PANEL - 2 * 36 - _GAP) // 2
    for index, (scan, title, error) in enumerate(rows):
        y = inner + index * (height + _GAP)
        canvas.text((left, y + 28), title, 32, BRIGHT)
        said = f"up to {error:.1f} L* from a straight line"
        canvas.text((left + scans_width, y + 28), said, 28, ACCENT if index else TEXT, anchor="rs")
        picture = _scan_picture(scan, scans_width / (height - 50), process)
        box = (left, y + 50, left + scans_width, y + height)
        canvas.picture_in(box, picture)
    draw_plot(
        canvas,
        (WIDTH - _EDGE - 36 - plot_width, inner, WIDTH - _EDGE - 36, top + _PANEL - 36),
        calibration,
    )


def _scan_picture(scan: Scan, proportions: float, process: PaperProcess) -> Thumbnail:
    """Colour a scan, trimmed above and below to the place that there is."""
    rows, columns = scan.shape
    trim = max(0, round((rows - columns / proportions) / 2))
    return print_colour(luminance(scan[trim : rows - trim]), process)


def _draw_card(
    canvas: Canvas, negative: FinishedNegative, left: int, top: int, settings: PrintSettings
) -> None:
    canvas.box((left, top, left + _CARD, top + _CARD_HEIGHT), CARD, radius=14)
    pictures = (
        ("photograph", negative.original),
        ("negative", negative.negative),
        ("print", negative.printed),
    )
    x, y = left + _PAD, top + _PAD
    for label, pixels in pictures:
        canvas.label((x, y + 14), label, 18)
        well = (x, y + 30, x + _THUMBNAIL, y + 30 + _THUMBNAIL)
        canvas.box(well, WELL, radius=4)
        canvas.picture_in(well, pixels)
        x += _THUMBNAIL + _INNER_GAP
    baseline = y + 30 + _THUMBNAIL + 50
    seconds = f"{negative.seconds:.2f} s"
    name = canvas.shortened(
        negative.photograph.name, 34, _CARD - 2 * _PAD - canvas.text_width(seconds, 34) - 40
    )
    canvas.text((left + _PAD, baseline), name, 34, BRIGHT)
    canvas.text((left + _CARD - _PAD, baseline), seconds, 34, ACCENT, anchor="rs")
    ppi = settings.size.ppi
    inches = f"{negative.columns / ppi:.1f} x {negative.rows / ppi:.1f} in"
    size = f"{negative.columns} x {negative.rows} px   ·   {inches}"
    canvas.text((left + _PAD, baseline + 38), size, 24, FAINT)
    megapixels = f"{negative.columns * negative.rows / 1e6:.1f} Mpx"
    canvas.text((left + _CARD - _PAD, baseline + 38), megapixels, 24, FAINT, anchor="rs")


def _credits(negatives: Sequence[FinishedNegative]) -> list[str]:
    shots = (negative.photograph for negative in negatives)
    return [f"{shot.name}: {shot.credit}" for shot in shots if shot.credit]


def _draw_credits(canvas: Canvas, credits_: Sequence[str], left_out: int, top: int) -> None:
    canvas.line(((_EDGE, top + 20), (WIDTH - _EDGE, top + 20)), RULE, 2)
    column = (WIDTH - 2 * _EDGE) // 3
    for index, line in enumerate(credits_):
        row, place = divmod(index, 3)
        at = (_EDGE + place * column, top + 70 + row * 34)
        canvas.text(at, canvas.shortened(line, 24, column - 30), 24, FAINT)
    said = "The prints are simulated from the negatives."
    if credits_:
        said = f"Photographs bundled with scikit-image. {said}"
    if left_out:
        said = f"{left_out} more photographs are not shown. {said}"
    below = top + 70 + 34 * -(-len(credits_) // 3) + 14
    canvas.text((_EDGE, below), said, 24, FAINT)
