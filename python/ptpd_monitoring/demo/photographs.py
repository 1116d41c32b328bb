"""Which photographs there are, and reading one."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageCms, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ptpd_monitoring.demo.tone import Pixels

SUFFIXES = frozenset({".avif", ".bmp", ".jp2", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


class UnreadablePhotographError(Exception):
    """A file that is missing, damaged, or no photograph; the text says which."""


@dataclass(frozen=True)
class Photograph:
    """A file to be printed.

    Attributes:
        name: unique within a run; names the negative.
        path: where it is.
        credit: photographer and licence, empty for the user's own.

    """

    name: str
    path: Path
    credit: str = ""


# Only what the wheel itself carries, and only where scikit-image's documentation names a free
# licence (skimage.data, docstring of each image).
BUNDLED = (
    ("camera", "camera.png", "Lav Varshney, CC0"),
    ("astronaut", "astronaut.png", "NASA, public domain"),
    ("chelsea", "chelsea.png", "Stéfan van der Walt, CC0"),
    ("coffee", "coffee.png", "Rachel Michetti, CC0"),
    ("rocket", "rocket.jpg", "SpaceX, public domain"),
    ("deep field", "hubble_deep_field.jpg", "NASA/HubbleSite, public domain"),
    ("grass", "grass.png", "linolafett, CC0"),
    ("brick", "brick.png", "CC0Textures, CC0"),
    ("retina", "retina.jpg", "Mikael Häggström, CC0"),
)


def bundled_photographs() -> list[Photograph]:
    """List the photographs that the scikit-image wheel carries."""
    folder = resources.files("skimage").joinpath("data")
    return [
        Photograph(name, Path(str(folder.joinpath(file))), credit) for name, file, credit in BUNDLED
    ]


def own_photographs(folder: Path, taken: Sequence[str] = ()) -> list[Photograph]:
    """Every image file directly in a folder, by name.

    Args:
        folder: where to look; files whose names begin with a dot are left out.
        taken: names that are in use; a second one gets a number.

    Raises:
        NotADirectoryError: there is no such folder.

    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    found: list[Photograph] = []
    # Some file systems take "Camera" and "camera" for the same file.
    names = {name.casefold() for name in taken}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        name, number = path.stem, 2
        while name.casefold() in names:
            name, number = f"{path.stem} {number}", number + 1
        names.add(name.casefold())
        found.append(Photograph(name, path))
    return found


def read_bytes(photograph: Photograph) -> bytes:
    """Read the file as it is.

    Raises:
        UnreadablePhotographError: it cannot be opened or is empty.

    """
    try:
        content = photograph.path.read_bytes()
    except OSError as error:
        raise UnreadablePhotographError(error.strerror or str(error)) from error
    if not content:
        raise UnreadablePhotographError("the file is empty")
    return content


def decode(content: bytes) -> Pixels:
    """Upright sRGB pixels of an image file.

    Returns:
        (rows, columns) for a grey image, otherwise (rows, columns, 3); 16 bits where a grey file
        has them, else 8.

    Raises:
        UnreadablePhotographError: Pillow cannot make an image of it.

    """
    try:
        with warnings.catch_warnings():
            # The user chose these files: a scan of a large negative is no attack.
            warnings.simplefilter("ignore", PillowImage.DecompressionBombWarning)
            with PillowImage.open(io.BytesIO(content)) as opened:
                opened.load()
                return _upright_pixels(opened)
    except UnidentifiedImageError as error:
        raise UnreadablePhotographError("not an image that Pillow knows") from error
    # Damaged files surface as any of these, depending on the decoder.
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        PillowImage.DecompressionBombError,
    ) as error:
        raise UnreadablePhotographError(str(error) or type(error).__name__) from error


def _upright_pixels(opened: PillowImage.Image) -> Pixels:
    image = ImageOps.exif_transpose(opened)
    if image.mode.startswith("I"):
        deep: npt.NDArray[np.uint16] = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
        return deep
    if image.has_transparency_data:
        image = _on_white(image.convert("RGBA"))
    if image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode in ("1", "F") else "RGB")
    return np.asarray(_in_srgb(image))


def _on_white(image: PillowImage.Image) -> PillowImage.Image:
    paper = PillowImage.new("RGBA", image.size, "white")
    paper.alpha_composite(image)
    flat = paper.convert("RGB")
    flat.info = image.info
    return flat


def _in_srgb(image: PillowImage.Image) -> PillowImage.Image:
    """Follow an embedded colour profile; a damaged one is no reason to refuse a photograph."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode != "RGB":
        return image
    try:
        converted = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        )
    except (ImageCms.PyCMSError, OSError):
        return image
    return converted if converted is not None else image
