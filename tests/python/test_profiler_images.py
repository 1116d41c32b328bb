"""Which argument of a profiled call is its image, and how many pixels that has."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from ptpd_monitoring import ImageProcessingProfiler, PerformanceMonitor, _native
from ptpd_monitoring.testing import ManualClock

PHOTO = np.zeros((300, 400), np.uint8)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=1_700_000_000)


@pytest.fixture
def profiler(clock: ManualClock) -> ImageProcessingProfiler:
    return ImageProcessingProfiler(PerformanceMonitor(clock=clock))


def process(*_: object, result: object = None, **__: object) -> object:
    return result


def profile_of(*args: Any, **kwargs: Any) -> dict[str, Any]:
    _, profile = ImageProcessingProfiler().profile_operation(process, *args, **kwargs)
    return profile


class Lazy:
    """An argument that fails when it is looked at, as proxies of web frameworks do."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError("outside of a request")


class Huge:
    """Looks like an image of Pillow's, of more pixels than can be counted."""

    mode = "L"
    size = (2**40, 2**40)

    def getbands(self) -> tuple[str, ...]:
        return ("L",)


class Unloaded:
    """Looks like an image of Pillow's that is a file still, of several frames."""

    mode = "RGB"
    size = (6, 4)

    def getbands(self) -> tuple[str, ...]:
        return ("R", "G", "B")

    @property
    def n_frames(self) -> int:
        raise AssertionError("walks through the file")

    @property
    def __array_interface__(self) -> dict[str, Any]:
        raise AssertionError("loads the file")

    def load(self) -> None:
        raise AssertionError("loads the file")


class Tensor:
    """What PyTorch's tensors and CuPy's arrays show from outside, which cannot be had here."""

    def __init__(self, *shape: Any) -> None:
        self.shape = shape
        self.ndim = len(shape)
        self.dtype = "float32"
        self.device = "cuda:0"

    def __array__(self, *_: object) -> None:
        raise TypeError("can't convert device type tensor to numpy")

    def __dlpack__(self, *_: object) -> None:
        raise AssertionError("copies")


class Cuda:
    """An array on a GPU that tells nothing but the interface of these."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": (4, 6, 3), "typestr": "|u1", "data": (0, True), "version": 3}


class Interface:
    """An array that tells nothing but NumPy's interface."""

    def __init__(self) -> None:
        self.__array_interface__ = np.zeros((4, 6)).__array_interface__


class Exchanged:
    """An array in memory that speaks DLPack and has no shape."""

    def __init__(self, array: np.ndarray, device: int = 1) -> None:
        self.array = array
        self.device = device

    def __dlpack__(self, **named: Any) -> object:
        assert self.device == 1, "would be copied"
        return self.array.__dlpack__(**named)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0


class Page:
    """A page of tifffile's: its axes have letters."""

    shape = (13, 400, 600)
    axes = "SYX"
    dtype = np.dtype("uint16")


class Sparse:
    """What SciPy's sparse matrices show."""

    shape = (4_000, 6_000)
    dtype = np.dtype("float64")

    def tocsr(self) -> Sparse:
        return self


@pytest.mark.parametrize(
    ("value", "pixels"),
    [
        (np.zeros((4, 6)), 24),
        (np.zeros((4, 6, 1), np.uint8), 24),
        (np.zeros((4, 6, 3), np.uint16), 24),
        (np.zeros((4, 6, 4)), 24),
        (np.zeros((4, 6), bool), 24),
        (np.zeros((4, 6), complex), 24),
        (np.ma.masked_array(np.zeros((4, 6)), mask=True), 24),
        (np.zeros((4, 6, 5)), None),
        (np.zeros((2, 4, 6, 3)), None),
        (np.zeros(24), None),
        (np.float64(3), None),
        (np.zeros((0, 6)), None),
        (np.full((4, 6), "text"), None),
        (np.full((4, 6), None), None),
        (np.zeros((40, 60), "M8[s]"), None),
        (np.zeros((3, 40, 60)), 2_400),
        (np.zeros((8, 40, 60, 3), np.uint8), 8 * 2_400),
        (np.zeros((5, 40, 60), np.uint16), 5 * 2_400),
        (np.zeros((40, 60, 6), np.uint8), 2_400),
        (Image.new("L", (6, 4)), 24),
        (Image.new("RGBA", (6, 4)), 24),
        (Unloaded(), 24),
        (Tensor(4, 6), 24),
        (Tensor(8, 3, 40, 60), 8 * 2_400),
        (Cuda(), 24),
        (Interface(), 24),
        (Exchanged(np.zeros((4, 6))), 24),
        (memoryview(np.zeros((4, 6))), 24),
        (Page(), 240_000),
        ([np.zeros((4, 6))] * 4, 4 * 24),
        ((np.zeros((4, 6)), Image.new("L", (5, 5)), "label"), 24 + 25),
        ([[np.zeros((4, 6))], [np.zeros((4, 6))]], 2 * 24),
        (
            {"image": np.zeros((40, 60)), "mask": np.zeros((40, 60)), "kernel": np.ones((3, 3))},
            2_400,
        ),
        ([[1, 2], [3, 4]], None),
        ([0.5] * 100_000, None),
        ([], None),
        ({}, None),
        ("image.png", None),
        (b"\x89PNG", None),
        (5, None),
        (Tensor, None),
        (np, None),
        (Sparse(), None),
        (Tensor("a", "b"), None),
        (Lazy(), None),
        (Huge(), None),
        (mock.MagicMock(), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_pixels_are_those_of_an_argument_or_a_result_that_is_an_image(
    profiler: ImageProcessingProfiler, clock: ManualClock, value: Any, pixels: int | None
) -> None:
    def run(_: object = None, *, image: object = None, result: object = None) -> object:
        clock.advance(2)
        return result

    for arguments, named in [((value,), {}), ((), {"image": value}), ((), {"result": value})]:
        _, profile = profiler.profile_operation(run, *arguments, **named)
        assert profile.get("pixels") == pixels
        assert profile.get("pixels_per_s") == (None if pixels is None else pixels / 2)
        assert "pixels_unknown" not in profile


def test_arrays_of_xarray_are_images_and_their_axes_have_names() -> None:
    xr = pytest.importorskip("xarray")
    bands = np.zeros((13, 4, 6))
    for value, pixels in [
        (xr.DataArray(np.zeros((4, 6))), 24),
        (xr.DataArray(bands, dims=("band", "y", "x")), 24),
        (xr.DataArray(bands, dims=("time", "y", "x")), 13 * 24),
        (xr.Dataset({"red": (("y", "x"), np.zeros((4, 6))), "scale": 5}), 24),
    ]:
        assert profile_of(value)["pixels"] == pixels
        assert profile_of(image=value)["pixels"] == pixels


def test_tables_of_pandas_are_no_images() -> None:
    pd = pytest.importorskip("pandas")
    assert "pixels" not in profile_of(pd.DataFrame(np.zeros((400, 600))), pd.Series([1.0] * 400))


@pytest.mark.parametrize(
    "other",
    [
        *(np.ones((side, side)) for side in (3, 5, 9, 31)),
        np.ones((1, 9)),
        np.eye(3),
        np.zeros((2, 3)),
        np.eye(4),
        np.zeros((4, 2)),
        np.zeros((4, 1, 2), np.float32),
        np.zeros((5_000, 3)),
        np.zeros((21, 3)),
        np.zeros((4, 6, 3)),
        np.zeros((24, 1, 3)),
        np.zeros((256, 3)),
        np.zeros((17, 17, 17, 3)),
        [np.zeros((40, 1, 2), np.int32), np.zeros((50, 1, 2), np.int32)],
        [(0, 0), (399, 0), (399, 299), (0, 299)],
        PHOTO > 0,
        np.ones_like(PHOTO),
        PHOTO[::2, ::2],
        PHOTO[10:-10],
        Image.new("L", (100, 75)),
        {"gamma": 2.2},
        None,
    ],
    ids=lambda value: f"{type(value).__name__}{getattr(value, 'shape', '')}",
)
def test_what_goes_with_an_image_changes_nothing(other: Any) -> None:
    assert profile_of(PHOTO, other)["pixels"] == PHOTO.size
    assert profile_of(PHOTO, kernel=other)["pixels"] == PHOTO.size
    if getattr(other, "shape", None) != PHOTO[10:-10].shape:
        assert profile_of(other, PHOTO)["pixels"] == PHOTO.size
        assert profile_of(other, image=PHOTO)["pixels"] == PHOTO.size


def test_of_images_of_about_the_same_size_the_first_counts() -> None:
    assert profile_of(PHOTO[10:-10], PHOTO)["pixels"] == PHOTO[10:-10].size
    assert profile_of(PHOTO, np.zeros((500, 500)))["pixels"] == PHOTO.size
    assert profile_of(PHOTO, np.zeros((600, 800)))["pixels"] == 600 * 800


@pytest.mark.parametrize(
    "small", [np.ones((5, 5)), np.eye(3), np.zeros((4, 2)), np.zeros((21, 3)), np.zeros((256, 3))]
)
def test_what_goes_with_an_image_is_none_by_itself(small: np.ndarray) -> None:
    assert "pixels" not in profile_of(small, "photo.tif")
    assert profile_of(small, "photo.tif", result=PHOTO)["pixels"] == PHOTO.size


def test_pixels_of_a_call_that_raises_are_counted(profiler: ImageProcessingProfiler) -> None:
    def fail(_: object) -> None:
        raise ValueError

    with pytest.raises(ValueError):
        profiler.profile_operation(fail, np.zeros((6, 8)))
    assert profiler.monitor.get_metrics("fail_wall_time")[0].metadata["pixels"] == 48


# Sizes that cannot be told


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Tensor(float("nan"), 600), "an axis has no known length"),
        (Tensor(None, 224, 224, 3), "an axis has no known length"),
        ([PHOTO, Tensor(float("nan"), 600), PHOTO], "1 of 3 images: an axis has no known length"),
        ([PHOTO] * 10_001, "there are more than 10000 in a list"),
    ],
    ids=["dask", "tensorflow", "one of a list", "endless list"],
)
def test_an_image_of_unknown_size_is_said_to_be_one(value: Any, reason: str) -> None:
    for profile in (profile_of(value), profile_of(PHOTO, value), profile_of(result=value)):
        assert reason in profile["pixels_unknown"]
        assert "pixels" not in profile
    assert profile_of(value, result=PHOTO)["pixels"] == PHOTO.size


def test_an_array_elsewhere_is_not_copied_to_be_measured() -> None:
    assert "pixels" not in profile_of(Exchanged(np.zeros((4, 6)), device=2))


def test_libraries_are_not_imported_to_know_their_images() -> None:
    before = set(sys.modules)
    for value in (Tensor(4, 6), Cuda(), Interface(), Page(), Unloaded()):
        profile_of(value)
    assert not {"torch", "cupy", "dask", "tensorflow", "tifffile"} & (set(sys.modules) - before)


# Sizes that are told


@pytest.mark.parametrize(
    ("size", "pixels"),
    [
        (5_000, 5_000),
        (np.int64(5_000), 5_000),
        ((50, 100), 5_000),
        ([50, 100], 5_000),
        (np.zeros((50, 100)).shape, 5_000),
        (0, None),
        (lambda path, scale=1: 5_000 * scale, 5_000),
        (lambda path, scale=1: (50, 100), 5_000),
        (lambda path, scale=1: None, None),
    ],
)
def test_a_size_that_is_told_counts_and_not_what_is_seen(
    profiler: ImageProcessingProfiler, size: Any, pixels: int | None
) -> None:
    def develop(path: Any, scale: int = 1) -> np.ndarray:
        return PHOTO

    result, profile = profiler.profile_operation(develop, "photo.tif", size=size)
    assert result is PHOTO
    assert profile.get("pixels") == pixels
    decorated = profiler.profile(size=size)(develop)
    assert decorated("photo.tif") is PHOTO
    assert profiler.monitor.get_metrics("develop_wall_time")[-1].metadata.get("pixels") == pixels


def test_a_size_is_told_by_a_function_of_all_arguments(profiler: ImageProcessingProfiler) -> None:
    def develop(path: str, *, scale: int) -> None: ...

    def size(path: str, scale: int) -> int:
        return len(path) * scale

    _, profile = profiler.profile_operation(develop, "1234", scale=5, size=size)
    assert profile["pixels"] == 20


def test_the_image_is_the_argument_that_is_named(profiler: ImageProcessingProfiler) -> None:
    def compare(reference: Any, scan: Any = PHOTO[:100], *more: Any, mask: Any = None) -> None: ...

    for args, named, name, pixels in [
        ((PHOTO, PHOTO[:100]), {}, "scan", 100 * 400),
        ((PHOTO, PHOTO[:100]), {}, "reference", PHOTO.size),
        ((PHOTO,), {}, "scan", 100 * 400),
        ((PHOTO,), {"mask": PHOTO[:50]}, "mask", 50 * 400),
        ((PHOTO, None, PHOTO[:9], PHOTO[:9]), {}, "more", 2 * 9 * 400),
    ]:
        _, profile = profiler.profile_operation(compare, *args, **named, name=name)
        assert profile["pixels"] == pixels
    _, profile = profiler.profile_operation(compare, PHOTO, name="mask")
    assert "pixels" not in profile
    assert profile["pixels_unknown"] == "the argument that name names is no image"


def test_a_method_may_name_its_image(profiler: ImageProcessingProfiler) -> None:
    class Print:
        @profiler.profile(name="scan")
        def develop(self, reference: Any, scan: Any) -> None: ...

    Print().develop(PHOTO, PHOTO[:100])
    (metric,) = profiler.monitor.get_metrics(f"{Print.develop.__qualname__}_wall_time")
    assert metric.metadata["pixels"] == 100 * 400


def test_the_function_has_the_arguments_that_it_asks_for(
    profiler: ImageProcessingProfiler,
) -> None:
    def resize(image: Any, size: Any, name: str = "", operation: str = "") -> Any:
        return size, name, operation

    result, profile = profiler.profile_operation(
        resize, PHOTO, size=(9, 9), name="x", operation="nearest"
    )
    assert result == ((9, 9), "x", "nearest")
    assert (profile["operation"], profile["pixels"]) == ("resize", PHOTO.size)
    result, profile = profiler.profile_operation(dict, size=5, name="x")
    assert result == {"size": 5, "name": "x"}


def test_an_operation_may_be_named(profiler: ImageProcessingProfiler) -> None:
    _, profile = profiler.profile_operation(lambda image: image, PHOTO, operation="nothing")
    assert profile["operation"] == "nothing"
    assert profiler.monitor.operations() == ["nothing_wall_time", "nothing_memory"]


@pytest.mark.parametrize(
    ("told", "error", "text"),
    [
        ({"size": -1}, ValueError, "size"),
        ({"size": 0.5}, TypeError, "size"),
        ({"size": True}, TypeError, "size"),
        ({"size": "large"}, TypeError, "size"),
        ({"size": (1, 2, 3)}, ValueError, "size"),
        ({"size": (1,)}, ValueError, "size"),
        ({"size": (0, 5)}, ValueError, "size"),
        ({"size": ("1", "2")}, TypeError, "size"),
        ({"size": (2**40, 2**40)}, ValueError, "size"),
        ({"name": "photo"}, ValueError, r"name .*\(image, radius\).*'photo'.*operation="),
        ({"name": 0}, TypeError, "name"),
        ({"name": "image", "size": 5}, ValueError, "size and name"),
        ({"operation": 5}, TypeError, "operation"),
    ],
)
def test_what_is_told_wrongly_is_refused_before_anything_runs(
    profiler: ImageProcessingProfiler, told: dict[str, Any], error: type[Exception], text: str
) -> None:
    def blur(image: Any, radius: int = 1) -> None:
        raise AssertionError("must not run")

    with pytest.raises(error, match=text):
        profiler.profile_operation(blur, PHOTO, **told)
    with pytest.raises(error, match=text):
        profiler.profile(**told)(blur)
    assert profiler.monitor.operations() == []


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (lambda image: 1 / 0, "size raised ZeroDivisionError"),
        (lambda image: "large", "size raised TypeError: what size returns must be"),
        (lambda image: -5, "size raised ValueError"),
        (lambda: 5, "size raised TypeError"),
    ],
)
def test_a_function_that_fails_to_tell_a_size_does_not_fail_the_operation(
    profiler: ImageProcessingProfiler, size: Callable[..., Any], text: str
) -> None:
    def blur(image: Any) -> str:
        return "blurred"

    result, profile = profiler.profile_operation(blur, PHOTO, size=size)
    assert result == "blurred"
    assert text in profile["pixels_unknown"]
    assert "pixels" not in profile


class Negative:
    """A class of the program's own that nobody else knows to be an image."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width


def test_a_profiler_may_be_told_what_objects_are_images() -> None:
    def size_of(value: object) -> Any:
        if isinstance(value, Negative):
            return value.height, value.width
        if isinstance(value, np.ndarray) and value.ndim == 2:
            return 0
        return None

    profiler = ImageProcessingProfiler(size_of=size_of)

    def pixels(*args: Any, **kwargs: Any) -> int | None:
        return profiler.profile_operation(process, *args, **kwargs)[1].get("pixels")

    assert pixels(Negative(40, 60)) == 2_400
    assert pixels([Negative(40, 60)] * 3) == 7_200
    assert pixels(result=Negative(40, 60)) == 2_400
    assert pixels(PHOTO, Negative(4, 6)) == 24
    assert pixels(PHOTO) is None
    assert pixels(Image.new("L", (6, 4))) == 24
    assert pixels("photo.tif", 5) is None
    assert pixels(Negative(-4, 6)) is None


def test_the_global_profiler_can_be_told_what_objects_are_images() -> None:
    profiler = ImageProcessingProfiler(PerformanceMonitor())
    assert profiler.size_of is None
    profiler.size_of = lambda value: 77 if isinstance(value, Negative) else None
    _, profile = profiler.profile_operation(process, Negative(4, 6))
    assert profile["pixels"] == 77
    kept = profiler.size_of
    for wrong in (5, "text"):
        with pytest.raises(TypeError, match="size_of must be callable or None"):
            profiler.size_of = wrong
    assert profiler.size_of is kept
    profiler.size_of = None
    _, profile = profiler.profile_operation(process, Negative(4, 6))
    assert "pixels" not in profile


def tell(image: Any) -> int:
    return 77


@pytest.mark.parametrize("size", [5, (2, 3), tell], ids=str)
def test_what_is_told_of_an_operation_can_be_copied(size: Any) -> None:
    told = _native.ProfileOptions("blur", size)
    for copied in (pickle.loads(pickle.dumps(told)), copy.deepcopy(told)):
        _, _, call = ImageProcessingProfiler()._begin((process, PHOTO), {}, copied)
        profile = call.finished(None)
        assert profile["operation"] == "blur"
        assert profile["pixels"] == {5: 5, (2, 3): 6}.get(size, 77)


def test_a_function_that_cannot_tell_objects_does_not_fail_the_operation() -> None:
    profiler = ImageProcessingProfiler(PerformanceMonitor(), size_of=len)
    _, profile = profiler.profile_operation(process, Negative(4, 6))
    assert "size_of raised TypeError" in profile["pixels_unknown"]
    with pytest.raises(TypeError, match="size_of"):
        ImageProcessingProfiler(size_of=5)
