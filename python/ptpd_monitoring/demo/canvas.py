"""Colours, type and a few strokes that the contact sheet is drawn with."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ptpd_monitoring.demo.preview import Thumbnail

Colour = tuple[int, int, int]

GROUND: Colour = (24, 23, 22)
CARD: Colour = (35, 33, 31)
WELL: Colour = (20, 19, 18)
RULE: Colour = (72, 67, 62)
FAINT: Colour = (139, 131, 122)
TEXT: Colour = (226, 219, 208)
BRIGHT: Colour = (250, 244, 234)
ACCENT: Colour = (224, 166, 94)
COOL: Colour = (134, 158, 172)


@lru_cache(maxsize=16)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load the typeface that Pillow itself carries, so that every machine draws the same sheet."""
    return ImageFont.load_default(size=size)


@lru_cache(maxsize=1024)
def _has_glyph(letter: str) -> bool:
    missing, drawn = (bytes(font(32).getmask(text)) for text in ("\U0010fffd", letter))
    return letter.isspace() or drawn != missing


def drawable(text: str) -> str:
    """Text in the letters that the typeface has: accents go where they must, others become "?"."""
    letters = (
        letter if _has_glyph(letter) else unicodedata.normalize("NFKD", letter)[:1]
        for letter in text
    )
    return "".join(letter if _has_glyph(letter) else "?" for letter in letters)


class Canvas:
    """A picture to draw on, in pixels from the upper left."""

    def __init__(self, width: int, height: int, ground: Colour = GROUND) -> None:
        """Start with an even ground."""
        self.picture = PillowImage.new("RGB", (width, height), ground)
        self._draw = ImageDraw.Draw(self.picture)

    def text(
        self,
        at: tuple[float, float],
        text: str,
        size: int,
        colour: Colour = TEXT,
        anchor: str = "ls",
    ) -> None:
        """Text with its baseline at a point; anchors as Pillow names them."""
        self._draw.text(at, drawable(text), font=font(size), fill=colour, anchor=anchor)

    def label(self, at: tuple[float, float], text: str, size: int, colour: Colour = FAINT) -> None:
        """Small capitals, spaced out."""
        x, y = at
        for letter in drawable(text).upper():
            self._draw.text((x, y), letter, font=font(size), fill=colour, anchor="ls")
            x += font(size).getlength(letter) + 0.14 * size

    def text_width(self, text: str, size: int) -> float:
        """Width of a line of text."""
        return font(size).getlength(drawable(text))

    def box(self, box: tuple[float, float, float, float], colour: Colour, radius: int = 0) -> None:
        """Fill a rectangle, its corners rounded by a radius."""
        self._draw.rounded_rectangle(box, radius=radius, fill=colour)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: int = 1) -> None:
        """Straight strokes from point to point."""
        self._draw.line(list(points), fill=colour, width=width, joint="curve")

    def dot(
        self, at: tuple[float, float], radius: float, colour: Colour, hole: Colour | None = None
    ) -> None:
        """Draw a disc, or a ring around another colour."""
        x, y = at
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        if hole is not None:
            self.dot(at, radius * 0.55, hole)

    def picture_in(self, box: tuple[int, int, int, int], pixels: Thumbnail) -> None:
        """Put a picture in the middle of a box, reduced where it has to be."""
        left, top, right, bottom = box
        image = PillowImage.fromarray(pixels)
        image.thumbnail((right - left, bottom - top), PillowImage.Resampling.LANCZOS)
        self.picture.paste(
            image, ((left + right - image.width) // 2, (top + bottom - image.height) // 2)
        )

    def shortened(self, text: str, size: int, width: float) -> str:
        """Text that fits a width, with an ellipsis where something had to go."""
        if self.text_width(text, size) <= width:
            return text
        while text and self.text_width(text + "…", size) > width:
            text = text[:-1]
        return text.rstrip() + "…"
