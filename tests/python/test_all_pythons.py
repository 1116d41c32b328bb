"""The script that runs this suite on every supported Python: what it finds, and what it says."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "test_all_pythons.py"
SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
MINE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("all_pythons", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "all_pythons", module)
    monkeypatch.syspath_prepend(SCRIPT.parent)
    spec.loader.exec_module(module)
    return module


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / name
    made.write_text(f"#!/bin/sh\n{text}\n")
    made.chmod(0o755)
    return made


def test_versions_that_are_missing_are_told_and_are_no_failure(tmp_path: Path) -> None:
    wheel = tmp_path / "some.whl"
    wheel.touch()
    # A version manager's placeholder for a version that is not there.
    program(tmp_path / "shims", "python3.12", "echo 3.12.0; exit 127")
    done = subprocess.run(
        [sys.executable, SCRIPT, wheel, "--others"],
        env={**os.environ, "PATH": str(tmp_path / "shims"), "PYENV_ROOT": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=True,
    )
    others = [version for version in SUPPORTED if version != MINE]
    # They run at the same time, so in any order.
    lines = sorted(done.stdout.splitlines())
    assert [line.split()[:3] for line in lines] == [["Python", v, "missing:"] for v in others]


def test_a_placeholder_is_passed_over_for_an_interpreter_that_starts(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "shims", "python3.99", "exit 127")
    program(tmp_path / "wrong", "python3.99", "echo 3.9.9")
    free_threaded = "echo 3.99.2; exit 1"
    program(tmp_path / "free-threaded", "python3.99", free_threaded)
    right = program(tmp_path / "right", "python3.99", "echo 3.99.1")
    managed = tmp_path / "pyenv" / "versions" / "3.98.4" / "bin"
    folders = [tmp_path / name for name in ("empty", "shims", "wrong", "free-threaded", "right")]
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert list(script.interpreters("3.99")) == [(script.Interpreter(right), "3.99.1")]
    assert list(script.interpreters("3.98")) == []
    python = program(managed, "python3", "echo 3.98.4")
    assert list(script.interpreters("3.98")) == [(script.Interpreter(python), "3.98.4")]
    assert list(script.interpreters("3.97")) == []


@pytest.mark.parametrize(
    ("output", "counts"),
    [
        ("...\n2420 passed, 1 skipped in 406.21s (0:06:46)\n", "2420 passed, 1 skipped"),
        ("FAILED a\n5 failed, 2420 passed, 1 skipped in 4.21s", "5 failed, 2420 passed, 1 skipped"),
        ("3 errors in 0.50s", "3 errors"),
        ("Segmentation fault", "no counts"),
        ("", "no counts"),
    ],
)
def test_the_counts_are_those_of_pytests_last_line(
    script: ModuleType, output: str, counts: str
) -> None:
    assert script.counts(output) == counts


# An interpreter for the tests of the script: it makes an environment with itself in it, unless it
# has no ensurepip, and pip and pytest are whatever the test wants them to be.
INTERPRETER = """
[ "$1" = -c ] && echo 3.99.{patch}
case "$2" in
    venv) {venv} ;;
    pip) {pip} ;;
    pytest) echo "{said}"; exit {status} ;;
esac
"""
MAKES_ENVIRONMENT = 'mkdir -p "$4/bin" && cp "$0" "$4/bin/python"'


@pytest.fixture
def interpreter(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    folders: list[str] = []
    monkeypatch.setattr(script, "ENVIRONMENTS", tmp_path / "environments")
    script.ENVIRONMENTS.mkdir()
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))

    def make(
        venv: str = MAKES_ENVIRONMENT,
        pip: str = ":",
        said: str = "1 passed in 0.1s",
        status: int = 0,
    ) -> Path:
        patch = len(folders) + 1
        text = INTERPRETER.format(patch=patch, venv=venv, pip=pip, said=said, status=status)
        made = program(tmp_path / f"path {patch}", "python3.99", text)
        folders.append(str(made.parent))
        monkeypatch.setenv("PATH", os.pathsep.join([*folders, os.defpath]))
        return made

    return make


def test_an_interpreter_that_makes_no_environment_is_passed_over(
    script: ModuleType, interpreter: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    interpreter(venv="exit 1")
    interpreter(pip="exit 1")
    interpreter()
    assert script.passes("3.99", Path("some.whl"), [])
    *told, last = capsys.readouterr().out.splitlines()
    assert [line.split()[1:3] for line in told] == [["3.99.1", "failed:"], ["3.99.2", "failed:"]]
    assert last.startswith("Python 3.99.3   1 passed in ")


def test_a_version_of_which_no_interpreter_makes_an_environment_has_failed(
    script: ModuleType, interpreter: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    made = interpreter(venv="exit 1")
    assert not script.passes("3.99", Path("some.whl"), [])
    said = capsys.readouterr().out
    assert said.startswith(f"Python 3.99.1   failed: no environment for the tests of {made}: ")
    assert said.count("\n") == 1


def test_a_failing_suite_has_failed_and_is_shown(
    script: ModuleType, interpreter: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    interpreter(said="FAILED test_a.py\n1 failed, 2 passed in 0.1s", status=1)
    assert not script.passes("3.99", Path("some.whl"), [])
    first, *rest = capsys.readouterr().out.splitlines()
    log = script.ENVIRONMENTS / "3.99.log"
    assert first.startswith("Python 3.99.1   1 failed, 2 passed in ")
    assert first.endswith(f"status 1; all in {log}")
    assert (
        rest == ["FAILED test_a.py", "1 failed, 2 passed in 0.1s"] == log.read_text().splitlines()
    )


@pytest.mark.parametrize(
    ("error", "in_ci"),
    [("NotPossibleError", "true"), ("BrokenError", ""), ("BrokenError", "true")],
)
def test_only_a_tree_that_should_be_there_fails_and_only_in_continuous_integration(
    script: ModuleType,
    error: str,
    in_ci: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def make() -> None:
        raise getattr(script.debian_tree, error)("some reason")

    monkeypatch.setattr(script.debian_tree, "make", make)
    monkeypatch.setattr(script.debian_tree, "VERSIONS", ("3.99",))
    monkeypatch.setenv("CI", in_ci)
    is_failure = (error, in_ci) == ("BrokenError", "true")
    assert script.passes("3.99", Path("some.whl"), []) != is_failure
    said = capsys.readouterr().out
    assert said.startswith("Python 3.99     missing: neither on the path nor in pyenv's folder, ")
    assert said.endswith("some reason\n")


def test_a_version_that_only_the_tree_has_is_tested_in_it(
    script: ModuleType,
    interpreter: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = interpreter(said="3 passed in 0.1s")
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setattr(script.debian_tree, "VERSIONS", ("3.99",))
    monkeypatch.setattr(script.debian_tree, "make", lambda: tmp_path)
    # What stands for the tree has another name for the interpreter, and tells of each command.
    enter = program(
        tmp_path / "in tree",
        "enter",
        f'shift; program=$1; shift; echo "$@" >> "{tmp_path}/told"\n'
        f'[ "$program" = /usr/bin/python3.99 ] && program="{made}"; exec "$program" "$@"',
    )
    monkeypatch.setattr(script.debian_tree, "through", lambda *shared: [str(enter), str(shared)])
    assert script.passes("3.99", tmp_path / "some.whl", ["-x"])
    assert capsys.readouterr().out.startswith("Python 3.99.1   3 passed in ")
    told = [line.split()[1] for line in (tmp_path / "told").read_text().splitlines()]
    assert told == ["import", "venv", "pip", "pip", "pytest"]
