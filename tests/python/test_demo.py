"""The demonstration's image work, against independent implementations and read back from disk."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

pytest.importorskip("PIL")
pytest.importorskip("skimage")

from PIL import Image as PillowImage
from scipy import interpolate, ndimage, optimize
from skimage import color

from ptpd_monitoring.demo import curve as curves
from ptpd_monitoring.demo import negative as negatives
from ptpd_monitoring.demo.calibration import calibrate
from ptpd_monitoring.demo.canvas import drawable
from ptpd_monitoring.demo.filters import gaussian_blur, unsharp_mask
from ptpd_monitoring.demo.paper import PaperProcess, ScanConditions, print_and_scan
from ptpd_monitoring.demo.photographs import (
    Photograph,
    UnreadablePhotographError,
    bundled_photographs,
    decode,
    own_photographs,
    read_bytes,
)
from ptpd_monitoring.demo.preview import simulate_print
from ptpd_monitoring.demo.tablet import (
    STEPS,
    TabletNotFoundError,
    detect_tablet,
    draw_tablet,
    extract_densities,
)
from ptpd_monitoring.demo.tone import lightness, lightness_of_density, luminance

PAPER = PaperProcess()
EVEN_STEPS = np.linspace(0.0, 1.0, STEPS)


def scan_of(values=None, **conditions):
    return print_and_scan(1 - draw_tablet(values), PAPER, ScanConditions(**conditions))


# Tone


def test_luminance_and_lightness_agree_with_cielab():
    every_grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    random = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    for pixels, rgb in ((every_grey, np.stack([every_grey] * 3, axis=-1)), (random, random)):
        expected = color.rgb2lab(rgb)[..., 0] / 100
        # scikit-image weighs the colours with six decimals where BT.709 has four.
        assert lightness(luminance(pixels)) == pytest.approx(expected, abs=1e-4)


def test_sixteen_bit_scans_keep_more_tones_than_eight():
    close = np.array([[30000, 30001, 30002]], dtype=np.uint16)
    assert np.all(np.diff(luminance(close)[0]) > 0)


# Tablet


@pytest.mark.parametrize(
    ("angle", "offset", "grain", "seed"),
    [
        (0.0, (0, 0), 0.0, 1),
        (2.5, (12, -20), 0.02, 2),
        (-2.5, (-9, 25), 0.02, 3),
        (1.1, (0, 0), 0.06, 4),
        (180.6, (5, 5), 0.02, 5),
    ],
)
def test_every_patch_is_found_wherever_the_print_lies(angle, offset, grain, seed):
    scan = scan_of(angle_degrees=angle, offset=offset, grain=grain, seed=seed)
    tablet = detect_tablet(scan)
    assert tablet.edges.shape == (STEPS + 1,)
    assert np.diff(tablet.edges) == pytest.approx(84.0, abs=0.6)
    assert extract_densities(tablet) == pytest.approx(PAPER.density(1 - EVEN_STEPS), abs=0.02)


def test_the_corners_lie_where_the_frame_was_drawn():
    scan = scan_of(angle_degrees=1.7, offset=(7, -11), seed=6)
    drawn = draw_tablet()
    rows, columns = np.nonzero(drawn == 1.0)
    box = [(x, y) for x, y in ((0, 0), (0, 1), (1, 1), (1, 0))]
    away = np.array(
        [
            (
                (columns.min(), columns.max())[x] - (drawn.shape[1] - 1) / 2,
                (rows.min(), rows.max())[y] - (drawn.shape[0] - 1) / 2,
            )
            for x, y in box
        ]
    )
    turn = np.radians(-1.7)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = np.array([(scan.shape[1] - 1) / 2 - 11, (scan.shape[0] - 1) / 2 + 7])
    assert detect_tablet(scan).corners == pytest.approx(away @ rotation.T + centre, abs=2.5)


def test_an_eight_bit_scan_gives_the_same_densities():
    scan = scan_of(angle_degrees=0.5, seed=7)
    deep = extract_densities(detect_tablet(scan))
    shallow = extract_densities(detect_tablet((scan >> 8).astype(np.uint8)))
    assert shallow == pytest.approx(deep, abs=0.01)


NO_TABLET = {
    "blank sheet": lambda: np.full((300, 1200), 60000, dtype=np.uint16),
    "noise": lambda: np.random.default_rng(8).integers(0, 65536, (300, 1200), dtype=np.uint16),
    "tilted too far": lambda: scan_of(angle_degrees=8.0, seed=9),
    "a frame without steps": lambda: scan_of(values=np.full(STEPS, 0.5), seed=10),
    "a cropped strip": lambda: scan_of(seed=11)[:, :700],
}


@pytest.mark.parametrize("name", NO_TABLET)
def test_what_is_no_tablet_is_not_measured(name):
    with pytest.raises(TabletNotFoundError):
        detect_tablet(NO_TABLET[name]())


@pytest.mark.parametrize("name", ["camera", "brick", "grass", "retina"])
def test_a_photograph_is_not_taken_for_a_tablet(name):
    shot = next(shot for shot in bundled_photographs() if shot.name == name)
    with pytest.raises(TabletNotFoundError):
        detect_tablet(decode(read_bytes(shot)))


def test_a_tablet_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"values must have the shape \(21,\), got \(20,\)"):
        draw_tablet(np.zeros(20))


# Curve

densities_of_any_kind = hnp.arrays(np.float64, STEPS, elements=st.floats(0.0, 3.0, width=64))


@given(densities_of_any_kind)
@settings(max_examples=300, deadline=None)
def test_the_curve_is_monotone_and_in_range_whatever_was_measured(densities):
    fitted, _ = curves.isotonic(lightness_of_density(densities), EVEN_STEPS)
    if fitted[-1] - fitted[0] < curves.MIN_RANGE:
        with pytest.raises(ValueError, match="span at least"):
            curves.generate_curve(densities)
        return
    table = curves.generate_curve(densities).table
    assert np.all(np.diff(table) >= 0)
    assert table[0] >= 0
    assert table[-1] <= 1


def test_falling_densities_always_give_a_curve():
    table = curves.generate_curve(np.linspace(1.4, 0.1, STEPS)).table
    assert table[0] == 0
    assert table[-1] == 1


@given(hnp.arrays(np.float64, st.integers(2, 40), elements=st.floats(-50, 50, width=32)))
@settings(deadline=None)
def test_isotonic_fit_agrees_with_scipy(measured):
    positions = np.arange(measured.size, dtype=np.float64)
    values, where = curves.isotonic(measured, positions)
    expected = optimize.isotonic_regression(measured)
    assert values[np.abs(where[:, None] - positions).argmin(axis=0)].size == measured.size
    starts = expected.blocks
    assert values == pytest.approx(expected.x[starts[:-1]], abs=1e-9)
    assert where == pytest.approx((starts[:-1] + starts[1:] - 1) / 2)


# SciPy itself overflows on steps near the smallest number there is.
a_step_up = st.just(0.0) | st.floats(1e-6, 1)


@given(st.lists(st.tuples(st.floats(0.01, 1), a_step_up), min_size=2, max_size=30))
@settings(deadline=None)
def test_monotone_cubic_agrees_with_scipy(steps):
    x, y = np.cumsum(np.array(steps), axis=0).T
    at = np.linspace(x[0], x[-1], 200)
    expected = interpolate.PchipInterpolator(x, y)(at)
    assert curves.monotone_cubic(x, y, at) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("densities", "said"),
    [
        ([1.0, 0.5], "steps at least 3"),
        (np.zeros((0, 21)), "steps at least 3"),
        (np.zeros((2, 2, 21)), "steps at least 3"),
        (1.4, "steps at least 3"),
        ([1.0, np.nan, 0.1], "finite"),
        ([0.5, 0.5, 0.5], "span at least 5"),
        ([0.1, 0.5, 1.4], "span at least 5"),
    ],
)
def test_densities_without_a_curve_in_them_are_refused(densities, said):
    with pytest.raises(ValueError, match=said):
        curves.generate_curve(densities)


def test_straight_line_error_is_the_largest_distance_in_lightness():
    straight = np.linspace(20.0, 90.0, STEPS)
    bent = straight.copy()
    bent[7] += 3.5
    # L* above 8 is 116 Y^(1/3) - 16.
    assert curves.straight_line_error(-3 * np.log10((straight + 16) / 116)) == pytest.approx(
        0, abs=1e-9
    )
    assert curves.straight_line_error(-3 * np.log10((bent + 16) / 116)) == pytest.approx(3.5)


def test_a_tablet_printed_through_the_curve_is_a_straight_line():
    calibration = calibrate(PAPER, lambda function, *arguments: function(*arguments))
    assert calibration.error_before > 10
    assert calibration.error_after < 1.2
    tones = np.linspace(0, 1, 201)
    printed = PAPER.density(1 - calibration.curve(tones))
    assert curves.straight_line_error(printed) < 0.8


def test_applying_the_curve_to_an_image_equals_the_curve():
    fitted = curves.generate_curve(PAPER.density(1 - EVEN_STEPS))
    tones = np.random.default_rng(3).random((50, 60), dtype=np.float32)
    assert curves.apply_curve(tones, fitted) == pytest.approx(fitted(tones), abs=2e-4)
    ends = np.array([[0.0, 1.0]], dtype=np.float32)
    assert curves.apply_curve(ends, fitted).tolist() == [[fitted.table[0], fitted.table[-1]]]


# Negative


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (200, 37)])
@pytest.mark.parametrize("sigma", [0.4, 1.08, 6.0])
def test_blur_agrees_with_scipy_across_the_bands(shape, sigma):
    image = np.random.default_rng(4).random(shape, dtype=np.float32)
    radius = max(1, round(4 * sigma))
    expected = ndimage.gaussian_filter(
        image.astype(np.float64), sigma, mode="nearest", radius=radius
    )
    assert gaussian_blur(image, sigma) == pytest.approx(expected, abs=1e-5)


def test_sharpening_steepens_an_edge_and_leaves_flat_parts_alone():
    edge = np.full((100, 100), 0.25, dtype=np.float32)
    edge[:, 50:] = 0.75
    sharp = unsharp_mask(edge, 1.1, 0.6)
    assert sharp[:, 49].max() < 0.25
    assert sharp[:, 50].min() > 0.75
    assert sharp[:, :40] == pytest.approx(0.25, abs=1e-6)
    assert sharp == pytest.approx(edge + 0.6 * (edge - gaussian_blur(edge, 1.1)), abs=1e-6)


def test_a_radius_of_nothing_is_refused():
    with pytest.raises(ValueError, match="sigma must be above 0 pixels, got 0"):
        gaussian_blur(np.zeros((3, 3), dtype=np.float32), 0)


def test_inverting_loses_none_of_the_65536_tones():
    codes = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    values = (codes / 65535).astype(np.float32)
    assert np.array_equal(negatives.quantise(negatives.invert(values)), 65535 - codes)
    assert np.array_equal(negatives.quantise(negatives.invert(negatives.invert(values))), codes)


@given(st.integers(1, 20000), st.integers(1, 20000), st.sampled_from([36, 360, 720]))
def test_a_print_fills_its_size_and_keeps_its_proportions(columns, rows, ppi):
    width, height = negatives.PrintSize(ppi=ppi).fit(columns, rows)
    long_side, short_side = max(width, height), min(width, height)
    assert long_side <= 10 * ppi
    assert short_side <= 8 * ppi
    assert long_side == 10 * ppi or short_side == 8 * ppi
    assert abs(width * rows - height * columns) <= max(columns, rows)


@pytest.mark.parametrize("shape", [(30, 40), (900, 700)])
def test_resizing_keeps_the_light_of_a_flat_field(shape):
    resized = negatives.resize(np.full(shape, 0.3, dtype=np.float32), negatives.PrintSize(ppi=20))
    assert resized.shape == ((150, 200) if shape == (30, 40) else (200, 156))
    assert resized == pytest.approx(0.3, abs=1e-6)


def test_a_negative_reads_back_with_sixteen_bits_its_size_and_its_resolution(tmp_path):
    pixels = np.random.default_rng(5).integers(0, 65536, (120, 90), dtype=np.uint16)
    path = negatives.write_negative(pixels, tmp_path / "one.tif", 360)
    with PillowImage.open(path) as image:
        assert (image.mode, image.size, image.info["dpi"]) == ("I;16", (90, 120), (360, 360))
        assert np.array_equal(np.asarray(image), pixels)
    negatives.verify_negative(pixels, path, 360)
    assert [found.name for found in tmp_path.iterdir()] == ["one.tif"]


def test_a_negative_that_differs_on_disk_is_noticed(tmp_path):
    pixels = np.zeros((20, 20), dtype=np.uint16)
    path = negatives.write_negative(pixels, tmp_path / "one.tif", 300)
    with pytest.raises(negatives.NegativeWriteError, match="not 360"):
        negatives.verify_negative(pixels, path, 360)
    pixels[3, 3] = 1
    with pytest.raises(negatives.NegativeWriteError, match="other pixels"):
        negatives.verify_negative(pixels, path, 300)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full_disk(self, path, **options):
        Path(path).write_bytes(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PillowImage.Image, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        negatives.write_negative(np.zeros((4, 4), dtype=np.uint16), tmp_path / "one.tif", 360)
    assert list(tmp_path.iterdir()) == []


def test_the_simulated_print_is_a_positive():
    negative = np.repeat(np.linspace(0, 65535, 200).astype(np.uint16)[None, :], 50, axis=0)
    printed = simulate_print(negative, PAPER).astype(int)
    assert np.all(np.diff(printed[25], axis=0) <= 0)
    assert printed[25, 0].min() > 220
    assert printed[25, -1].max() < 70


# Photographs


def encoded(image, kind, **options):
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def test_every_bundled_photograph_is_in_the_wheel_and_has_a_credit():
    shots = bundled_photographs()
    assert len({shot.name for shot in shots}) == len(shots) >= 8
    for shot in shots:
        pixels = decode(read_bytes(shot))
        assert min(pixels.shape[:2]) >= 300
        assert "CC0" in shot.credit or "public domain" in shot.credit


def test_a_photograph_taken_on_its_side_is_turned_upright():
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    assert decode(encoded(PillowImage.new("RGB", (40, 20)), "JPEG", exif=exif)).shape == (40, 20, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "F"])
def test_every_kind_of_pixel_becomes_grey_or_rgb(mode):
    pixels = decode(encoded(PillowImage.new(mode, (7, 5), 0), "TIFF"))
    assert pixels.dtype == np.uint8
    assert pixels.shape in ((5, 7), (5, 7, 3))


def test_sixteen_bit_grey_stays_sixteen_bit():
    deep = np.arange(300, dtype=np.uint16).reshape(15, 20) * 200
    assert np.array_equal(decode(encoded(PillowImage.fromarray(deep), "PNG")), deep)


def test_what_is_transparent_prints_as_paper():
    clear = PillowImage.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert np.all(decode(encoded(clear, "PNG")) == 255)


def test_a_damaged_colour_profile_does_not_cost_the_photograph():
    content = encoded(PillowImage.new("RGB", (4, 4), (9, 8, 7)), "PNG", icc_profile=b"no profile")
    assert decode(content)[0, 0].tolist() == [9, 8, 7]


def test_unreadable_files_are_refused_with_a_reason(tmp_path):
    whole = encoded(PillowImage.effect_noise((200, 200), 50), "JPEG")
    for content, said in (
        (b"words", "not an image that Pillow knows"),
        (whole[: len(whole) // 2], "truncated"),
    ):
        with pytest.raises(UnreadablePhotographError, match=said):
            decode(content)
    (tmp_path / "empty.png").touch()
    with pytest.raises(UnreadablePhotographError, match="empty"):
        read_bytes(Photograph("empty", tmp_path / "empty.png"))
    with pytest.raises(UnreadablePhotographError, match="No such file"):
        read_bytes(Photograph("gone", tmp_path / "gone.png"))


def test_own_photographs_never_share_a_name(tmp_path):
    for name in ("Camera.jpg", "dog.jpg", "dog.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    found = own_photographs(tmp_path, taken=["camera"])
    assert [(shot.name, shot.path.name) for shot in found] == [
        ("Camera 2", "Camera.jpg"),
        ("dog", "dog.jpg"),
        ("dog 2", "dog.png"),
    ]
    with pytest.raises(NotADirectoryError, match="nowhere is not a folder"):
        own_photographs(tmp_path / "nowhere")


def test_names_that_the_typeface_lacks_are_still_drawn_as_something():
    assert drawable("Mikael Häggström") == "Mikael Haggstrom"
    assert drawable("犬 1") == "? 1"
