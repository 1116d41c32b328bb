"""Cut the pictures of the README and the guide out of the demo's report: FOLDER [IMAGES].

FOLDER is what the demo wrote into. There are two pictures for each colour scheme: the headline
figures with a few operations for the README; and for the guide the page from its top to some more
operations, with the charts of one of them. Needs Chromium and Pillow.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "python"))

import chromium  # noqa: E402 - a script's own folder is all that is on the path

WIDTH = 1_040
ROWS = 8
FEW_ROWS = 5
OPERATION = "make_negative_wall_time"
GAP = 24

# The parts of each picture, from top to bottom.
BOXES = f"""(() => {{
  const box = (element) => element.getBoundingClientRect();
  const rows = document.querySelectorAll("[aria-labelledby=operations] tbody tr");
  const end = (count) => box(rows[Math.min(count, rows.length) - 1]).bottom;
  const charts = box([...document.querySelectorAll("article")]
    .find((article) => article.querySelector("h3").textContent.includes("{OPERATION}")));
  return {{
    summary: [[box(document.querySelector("[aria-labelledby=headline]")).top, end({FEW_ROWS})]],
    report: [[0, end({ROWS})], [charts.top, charts.bottom]],
  }};
}})()"""


def pictured(page: bytes, boxes: list[list[float]]) -> Image.Image:
    """The parts of the page one below the other."""
    whole = Image.open(io.BytesIO(page)).convert("RGB")
    parts = [whole.crop((0, round(top), WIDTH, round(bottom))) for top, bottom in boxes]
    height = sum(part.height for part in parts) + GAP * len(parts)
    picture = Image.new("RGB", (WIDTH, height), whole.getpixel((0, 0)))
    top = 0
    for part in parts:
        picture.paste(part, (0, top))
        top += part.height + GAP
    return picture


def main(folder: str, images: str = str(ROOT / "docs" / "images")) -> None:
    """Draw a picture for each scheme."""
    path = chromium.executable()
    if path is None:
        raise SystemExit("there is no Chromium on the path")
    with tempfile.TemporaryDirectory() as profile, chromium.started(path, Path(profile)) as browser:
        for scheme in ("light", "dark"):
            browser.show(Path(folder) / "report.html", WIDTH, scheme)
            page = browser.picture()
            for name, boxes in browser.run(BOXES).items():
                picture = pictured(page, boxes)
                picture.save(Path(images) / f"{name}-{scheme}.png", optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
