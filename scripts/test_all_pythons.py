"""Run the Python suite on every supported interpreter that is found, against one wheel.

``test_all_pythons.py [--others] WHEEL [pytest's arguments]`` prints a line for each version: the
counts, or that there is no such interpreter. Some versions this machine has not may be had in a
tree of Debian (``debian_tree.py``), which is made where that is possible. One more runs at the same
time than there are processors, as each waits now and then. What pytest said is kept beside the
environments.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import debian_tree

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / ".venvs"
REQUIREMENTS = [ROOT / "requirements" / name for name in ("test.txt", "constraints.txt")]
MINE = f"{sys.version_info.major}.{sys.version_info.minor}"
TOLD_LINES = 60
# The abi3 wheel is for interpreters with a GIL.
ASK = (
    "import platform, sysconfig; print(platform.python_version());"
    "raise SystemExit(sysconfig.get_config_var('Py_GIL_DISABLED'))"
)
# It is made once, by whichever version needs it first.
TREE_LOCK = threading.Lock()


@dataclass(frozen=True)
class Interpreter:
    """An interpreter, and what its commands begin with where it is not this machine's own."""

    python: Path
    through: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        """What to start to have it run with ``arguments``."""
        return [*self.through, str(self.python), *arguments]


def supported() -> list[str]:
    """The versions that the project says it supports."""
    found = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    if not found:
        raise RuntimeError("pyproject.toml names no versions")
    return found


def full_version(interpreter: Interpreter) -> str | None:
    """The version of an interpreter, if it starts and can load the wheel."""
    command = interpreter.command("-c", ASK)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def candidates(version: str) -> Iterator[Path]:
    """Where an interpreter of ``version`` may be: this one, the path, and pyenv's."""
    if version == MINE:
        yield Path(sys.executable)
    for folder in os.get_exec_path():
        yield Path(folder) / f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python3"), reverse=True)


def interpreters(version: str) -> Iterator[tuple[Interpreter, str]]:
    """The interpreters of ``version`` that this machine has, and their full versions.

    A version manager may put a name on the path behind which there is none; that is passed over.
    """
    for candidate in candidates(version):
        interpreter = Interpreter(candidate)
        full = full_version(interpreter) if candidate.exists() else None
        if full is not None and full.startswith(f"{version}."):
            yield interpreter, full


def from_tree(version: str, wheel: Path) -> tuple[Interpreter, str]:
    """The interpreter of ``version`` in a tree of Debian, and its full version.

    Raises ``NotPossibleError`` where there can be none, and ``BrokenError`` where there should be.
    """
    if version not in debian_tree.VERSIONS:
        raise debian_tree.NotPossibleError(f"Debian {debian_tree.SUITE} has none")
    with TREE_LOCK:
        debian_tree.make()
    through = tuple(debian_tree.through(ROOT, wheel.parent))
    interpreter = Interpreter(Path(f"/usr/bin/python{version}"), through)
    full = full_version(interpreter)
    if full is None:
        raise debian_tree.BrokenError(f"{' '.join(interpreter.command())} does not start")
    return interpreter, full


def environment(python: Interpreter, version: str, full: str, wheel: Path) -> Interpreter:
    """The interpreter of a virtual environment with the tests' requirements and the wheel.

    Raises ``CalledProcessError`` where there is none to be made, as without ``ensurepip``.
    """
    folder = ENVIRONMENTS / version
    content = b"".join(path.read_bytes() for path in REQUIREMENTS)
    made_from = f"{full} {python.python} {hashlib.sha256(content).hexdigest()}"
    stamp = folder / "made-from"
    inside = Interpreter(folder / "bin" / "python", python.through)
    pip = inside.command("-m", "pip", "--quiet", "--disable-pip-version-check", "install")
    if not stamp.exists() or stamp.read_text() != made_from:
        subprocess.run(python.command("-m", "venv", "--clear", str(folder)), check=True)
        subprocess.run([*pip, "--requirement", str(REQUIREMENTS[0])], check=True)
        stamp.write_text(made_from)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", str(wheel)], check=True)
    return inside


def tell(text: str) -> None:
    """Print lines in one piece: versions run at the same time."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def counts(output: str) -> str:
    """What pytest counted, from its last line; the interpreter's end may say more after it."""
    found = re.findall(r"^=* ?(\d+ \w+.*) in \d", output, re.MULTILINE)
    return str(found[-1]) if found else "no counts"


def usable_environment(
    python: Interpreter, version: str, full: str, wheel: Path
) -> Interpreter | None:
    """What ``environment`` returns; a line and None where there is none to be made."""
    try:
        return environment(python, version, full, wheel)
    except subprocess.CalledProcessError as error:
        tell(f"Python {full:8} failed: no environment for the tests of {python.python}: {error}")
        return None


def passes(version: str, wheel: Path, arguments: list[str]) -> bool:
    """Run the suite on one version and print its line; whether nothing failed."""
    is_missing = True
    for python, full in interpreters(version):
        is_missing = False
        inside = usable_environment(python, version, full, wheel)
        if inside is not None:
            return passes_in(inside, version, full, wheel, arguments)
    return is_missing and passes_in_tree(version, wheel, arguments)


def passes_in_tree(version: str, wheel: Path, arguments: list[str]) -> bool:
    """Run the suite on a version that this machine does not have; whether nothing failed.

    A tree that cannot be made on this machine is no failure, and one that could not be made only
    in continuous integration.
    """
    missing = f"Python {version:8} missing: neither on the path nor in pyenv's folder"
    try:
        python, full = from_tree(version, wheel)
    except debian_tree.NotPossibleError as error:
        tell(f"{missing}, nor in a tree of Debian: {error}")
        return True
    except debian_tree.BrokenError as error:
        tell(f"{missing}, and a tree of Debian failed: {error}")
        return os.environ.get("CI") != "true"
    inside = usable_environment(python, version, full, wheel)
    return inside is not None and passes_in(inside, version, full, wheel, arguments)


def passes_in(
    inside: Interpreter, version: str, full: str, wheel: Path, arguments: list[str]
) -> bool:
    """Run the suite in an environment and print its line; whether nothing failed."""
    begin = time.monotonic()
    done = subprocess.run(
        inside.command("-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments),
        cwd=ROOT,
        env={**os.environ, "PTPD_WHEEL": str(wheel)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - begin
    log = ENVIRONMENTS / f"{version}.log"
    log.write_text(done.stdout)
    verdict = "" if done.returncode == 0 else f", status {done.returncode}; all in {log}"
    told = [f"Python {full:8} {counts(done.stdout)} in {seconds:.0f} s{verdict}"]
    if done.returncode != 0:
        told += done.stdout.splitlines()[-TOLD_LINES:]
    tell("\n".join(told))
    return done.returncode == 0


def main() -> None:
    """Test on each version."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--others", action="store_true", help=f"leave out {MINE}, which runs this")
    parser.add_argument("wheel", type=Path)
    options, arguments = parser.parse_known_args()
    wheel = options.wheel.resolve(strict=True)
    versions = [version for version in supported() if not (options.others and version == MINE)]
    ENVIRONMENTS.mkdir(exist_ok=True)
    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:
        results = list(pool.map(lambda version: passes(version, wheel, arguments), versions))
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
