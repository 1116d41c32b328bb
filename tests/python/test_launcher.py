"""``python -m ptpd_monitoring``: what a program sees and shows is as with plain Python."""

from __future__ import annotations

import py_compile
import subprocess
import zipfile
from pathlib import Path

import pytest

import environments
from environments import Environment

pytestmark = pytest.mark.timeout(900)

DESCRIBE = """
import pickle
import sys
import threading

class Local:
    pass

def late():
    # `__main__` must still be this module when the script's last line has run.
    threading.main_thread().join()
    assert type(pickle.loads(pickle.dumps(Local()))) is Local
    print("late", flush=True)

if __name__ == "__main__":
    threading.Thread(target=late).start()
    print(sys.argv, __name__, __file__, sys.path[0], __spec__ and __spec__.name, __package__)
    print(__doc__, type(__loader__).__name__, sys.modules["__main__"].Local is Local)
"""

PROGRAMS = {
    "describe.py": DESCRIBE,
    "latin.py": "# coding: latin-1\nprint(ascii('\xe9'))\n",
    "exits.py": "import sys; sys.exit(7)\n",
    "complains.py": "raise SystemExit('no paper')\n",
    "raises.py": """
def inner():
    try:
        {}["paper"]
    except KeyError as error:
        raise ValueError("no paper") from error
inner()
""",
    "interrupted.py": "raise KeyboardInterrupt\n",
    "nested.py": "import runpy\nrunpy.run_path('raises.py')\n",
    "hooked.py": """
import sys, traceback
sys.excepthook = lambda kind, error, trace: print(kind, error, traceback.extract_tb(trace))
raise ValueError("hooked")
""",
    "wrong.py": "def (:\n",
    "fails_below.py": "import missing_module_of_the_program\n",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    workshop = environments.workshop(tmp_path_factory.getbasetemp())
    environment = workshop.environment()
    environment.install(workshop.wheel)
    return environment


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    for name, text in PROGRAMS.items():
        (folder / name).write_text(text, encoding="latin-1")
    (folder / "package").mkdir()
    (folder / "package/__init__.py").touch()
    (folder / "package/__main__.py").write_text(DESCRIBE, encoding="utf-8")
    (folder / "deep").mkdir()
    (folder / "deep/link.py").symlink_to(folder / "describe.py")
    with zipfile.ZipFile(folder / "archive.pyz", "w") as archive:
        archive.writestr("__main__.py", "import sys; print(sys.argv, __name__); sys.exit(3)\n")
    py_compile.compile(str(folder / "exits.py"), cfile=str(folder / "compiled.pyc"))
    return folder


def both_ways(
    environment: Environment, folder: Path, *arguments: str
) -> list[tuple[int, str, str]]:
    def outcome(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
        return done.returncode, done.stdout, done.stderr

    return [
        outcome(environment.run(*launcher, *arguments, cwd=folder, check=False))
        for launcher in ((), ("-m", "ptpd_monitoring"))
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        *([name, "--option", "-m", "argument"] for name in PROGRAMS),
        ["deep/link.py"],
        ["archive.pyz", "argument"],
        ["no_such_script.py"],
        ["-m", "describe", "-x", "argument"],
        ["-m", "package", "argument"],
        ["-m", "exits"],
        ["-m", "no_such_module"],
        ["-m", "deep"],
        ["-m", "sys"],
        ["package", "argument"],
        ["compiled.pyc", "argument"],
        ["deep"],
    ],
    ids=" ".join,
)
def test_launched_program_behaves_as_with_plain_python(
    environment: Environment, programs: Path, arguments: list[str]
) -> None:
    plain, launched = both_ways(environment, programs, *arguments)
    assert launched == plain
    assert any(plain), "a program without any effect compares equal to everything"


def test_native_module_stands_in_for_the_program(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import ptpd_monitoring; assert ptpd_monitoring.installed()\n", encoding="utf-8"
    )
    environment.run("-m", "ptpd_monitoring", tmp_path / "script.py")


@pytest.mark.skipif("sys.version_info < (3, 11)", reason="-P is new in Python 3.11")
def test_safe_path_keeps_the_script_s_folder_off_the_path(
    environment: Environment, programs: Path
) -> None:
    launched = environment.run("-P", "-m", "ptpd_monitoring", "describe.py", cwd=programs)
    plain = environment.run("-P", "describe.py", cwd=programs)
    assert launched.stdout == plain.stdout


@pytest.mark.parametrize("arguments", [[], ["-m"], ["-x", "script.py"]], ids=" ".join)
def test_unusable_command_line_shows_the_usage(
    environment: Environment, arguments: list[str]
) -> None:
    done = environment.run("-m", "ptpd_monitoring", *arguments, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: python -m ptpd_monitoring script.py")


def test_help_is_no_failure(environment: Environment) -> None:
    done = environment.run("-m", "ptpd_monitoring", "--help")
    assert done.stdout.startswith("usage: python -m ptpd_monitoring script.py")
