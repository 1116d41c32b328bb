"""Cut the README's pictures out of the demo's report: FOLDER [IMAGES].

FOLDER is what the demo wrote into. Of each colour scheme there is one picture: the headline with
the first operations, and the charts of one of them. Needs Chromium and Pillow.
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
OPERATION = "make_negative_wall_time"
GAP = 24

# From the top of the page to the end of some rows; and the charts of the operation.
BOXES = f"""(() => {{
  const box = (element) => element.getBoundingClientRect();
  const rows = document.querySelectorAll("[aria-labelledby=operations] tbody tr");
  const row = box(rows[Math.min({ROWS}, rows.length) - 1]);
  const found = [...document.querySelectorAll("article")]
    .find((article) => article.querySelector("h3").textContent.includes("{OPERATION}"));
  const charts = box(found);
  return [[0, row.bottom], [charts.top, charts.bottom]];
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
            picture = pictured(browser.picture(), browser.run(BOXES))
            picture.save(Path(images) / f"report-{scheme}.png", optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
