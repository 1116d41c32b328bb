"""A build backend without requirements, so that tests install the package without a network.

It builds wheels, and the two kinds of editable wheel that are in use: one that puts the source
folder on the path, and, where a file ``editable-by-hook`` lies in the project, one that adds an
import hook behind the others, as setuptools does for projects without a ``src`` folder.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent
_SOURCE = _PROJECT / "src"
_NAME = "ptpd_calibration-1.0"
_HOOK = f"""\
import importlib.util
import sys


class Finder:
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname != "ptpd_calibration":
            return None
        folder = {str(_SOURCE / "ptpd_calibration")!r}
        return importlib.util.spec_from_file_location(
            fullname, folder + "/__init__.py", submodule_search_locations=[folder]
        )


sys.meta_path.append(Finder)
"""


def _write(folder: str, files: dict[str, str]) -> str:
    metadata = "Metadata-Version: 2.1\nName: ptpd-calibration\nVersion: 1.0\n"
    wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record, *others = (f"{_NAME}.dist-info/{name}" for name in ("RECORD", "METADATA", "WHEEL"))
    files = files | dict(zip(others, (metadata, wheel), strict=True))
    files[record] = "".join(f"{name},,\n" for name in [*files, record])
    name = f"{_NAME}-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / name, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name


def build_wheel(
    wheel_directory: str,
    config_settings: object = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel of the package."""
    return _write(
        wheel_directory,
        {
            path.relative_to(_SOURCE).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(_SOURCE.rglob("*.py"))
        },
    )


def build_editable(
    wheel_directory: str,
    config_settings: object = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel that makes the source folder importable."""
    if (_PROJECT / "editable-by-hook").exists():
        files = {
            "__editable___ptpd_calibration_finder.py": _HOOK,
            "__editable__.ptpd_calibration.pth": "import __editable___ptpd_calibration_finder\n",
        }
    else:
        files = {"_ptpd_calibration.pth": f"{_SOURCE}\n"}
    return _write(wheel_directory, files)
