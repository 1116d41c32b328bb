"""The code in the guide, the page on the history and the README runs as it stands, each block as a program of its own."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = sorted((ROOT / "docs" / "guide").glob("*.md"))
OLD_GUIDE = ROOT / "docs" / "guide.md"
README = ROOT / "README.md"
HISTORY = ROOT / "docs" / "history.md"
DOCUMENTS = (*GUIDE, OLD_GUIDE, HISTORY, README)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OPTIONAL = ("fastapi", "pydantic")


def blocks(document: Path) -> list[tuple[int, str]]:
    """Return each Python block with the number of its first line."""
    text = document.read_text(encoding="utf-8")
    return [(text.count("\n", 0, at.start(1)) + 1, at[1]) for at in BLOCK.finditer(text)]


def name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def whole_guide() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in GUIDE)


def prose(document: Path) -> str:
    return re.sub(
        r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )


def parameters() -> list[object]:
    return [
        pytest.param(document, line, code, id=f"{name(document)}:{line}")
        for document in DOCUMENTS
        for line, code in blocks(document)
    ]


def run(code: str, document: Path, line: int, folder: Path) -> subprocess.CompletedProcess[str]:
    # Blank lines in front, so that a traceback shows the line of the document.
    # Not named as the page, some of which are named as a package that they import.
    script = folder / f"snippet_of_{document.stem}.py"
    script.write_text("\n" * (line - 1) + code, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PTPD_")}
    return subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=folder,
        env=environment | {"PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


# What a page is about is shown by code, but for these.
WITHOUT_SNIPPETS = {
    "README",
    "differences",
    "threads",
    "units-and-time",
}


def test_the_scan_sees_the_snippets_of_the_guide():
    assert sum(len(blocks(page)) for page in GUIDE) >= 25
    assert {page.stem for page in GUIDE if not blocks(page)} == WITHOUT_SNIPPETS
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        fences = re.findall(r"^```", text, re.MULTILINE)
        opened = re.findall(r"^```\w+$", text, re.MULTILINE)
        assert len(fences) == 2 * len(opened), name(document)


def test_a_snippet_that_fails_is_noticed(tmp_path: Path):
    failed = run("assert False, 'as it must'\n", GUIDE[0], 40, tmp_path)
    assert failed.returncode == 1
    assert "line 40" in failed.stderr
    assert "as it must" in failed.stderr


@pytest.mark.parametrize(("document", "line", "code"), parameters())
def test_snippet_runs_as_it_stands(document: Path, line: int, code: str, tmp_path: Path):
    for package in OPTIONAL:
        if f"from {package} import" in code and importlib.util.find_spec(package) is None:
            pytest.skip(f"the snippet is about {package}, which is not installed")
    done = run(code, document, line, tmp_path)
    assert done.returncode == 0, f"{name(document)}, line {line}:\n{done.stderr}"
    # What a `print` is said to show, where that is said in full.
    for shown in re.findall(r"^# ([\[{(].*[\]})])$", code, re.MULTILINE):
        assert shown in done.stdout, done.stdout


# What the Python half of a method calls; the views are documented though their names are private.
INTERNAL = {"_keys", "_begin", "_join", "_values", "_timestamps"}


def test_the_guide_says_what_to_do_without_a_snippet_for_every_public_name():
    import ptpd_monitoring

    text = whole_guide()
    classes = [getattr(ptpd_monitoring, name) for name in ptpd_monitoring.__all__]
    missing = [name for name in ptpd_monitoring.__all__ if name not in text]
    methods = 0
    for owner in classes:
        if not isinstance(owner, type) or owner.__module__ != "ptpd_monitoring":
            continue
        for name in vars(owner):
            if name.startswith("__") or name in INTERNAL:
                continue
            methods += 1
            if f"{name}" not in text:
                missing.append(f"{owner.__name__}.{name}")
    assert methods > 60
    assert missing == []


def test_every_setting_is_in_the_guide():
    source = (ROOT / "src" / "settings" / "environment.rs").read_text(encoding="utf-8")
    variables = set(re.findall(r"PTPD_MONITORING_[A-Z]+_[A-Z]+", source))
    assert len(variables) >= 6
    text = "\n".join(prose(page) for page in GUIDE)
    assert [name for name in sorted(variables) if name not in text] == []
