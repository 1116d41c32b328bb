"""Every link in the repository's Markdown, and every path to it in the sources, leads somewhere."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = {"artifacts", "corpus", "demo-output", "dist", "target"}
SOURCES = ("benchmarks", "examples", "fuzz", "python", "scripts", "src", "tests", "wheel-data")
FENCED = re.compile(r"^(```|~~~).*?^\1[`~]*$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#{1,6} +(.+?)[ #]*$", re.MULTILINE)
ANCHOR = re.compile(r"<a +(?:id|name)=\"([^\"]+)\"")
TARGETS = (
    re.compile(r"\]\(<?([^)\s>]+)[^)]*\)"),
    re.compile(r"^\[[^\]]+\]: +<?([^\s>]+)", re.MULTILINE),
    re.compile(r"\b(?:href|src|srcset)=\"([^\"]+)\""),
)
NAMED = re.compile(r"\bdocs/[\w/-]+\.md(?:#[\w-]+)?")


def files(*suffixes: str) -> list[Path]:
    """The files of the repository with one of the suffixes, nothing that was built or installed."""
    found = []
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if not name.startswith(".") and name not in BUILT]
        found += [Path(folder, name) for name in names if name.endswith(suffixes)]
    return sorted(found)


DOCUMENTS = files(".md")


def name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def anchors(document: Path) -> set[str]:
    """The fragments that GitHub understands: of headings, the second of a name with -1, and so on."""
    text = FENCED.sub("", document.read_text(encoding="utf-8"))
    found, seen = set(ANCHOR.findall(text)), Counter[str]()
    for heading in HEADING.findall(text):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def relative_links(document: Path) -> list[str]:
    text = INLINE_CODE.sub("", FENCED.sub("", document.read_text(encoding="utf-8")))
    targets = [target for pattern in TARGETS for target in pattern.findall(text)]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def leads_somewhere(target: str, folder: Path, document: Path) -> bool:
    path, _, fragment = target.partition("#")
    linked = folder / path if path else document
    if not fragment:
        return linked.exists()
    return linked.suffix == ".md" and linked.is_file() and fragment in anchors(linked)


def broken(document: Path) -> list[str]:
    return [
        target
        for target in relative_links(document)
        if not leads_somewhere(target, document.parent, document)
    ]


def test_the_scan_sees_the_documents():
    seen = {name(document) for document in DOCUMENTS}
    assert seen >= {
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "README.md",
        "docs/guide.md",
        "docs/guide/README.md",
        "docs/history.md",
        "fuzz/README.md",
    }
    assert not any("site-packages" in path for path in seen)
    assert sum(len(relative_links(document)) for document in DOCUMENTS) > 100


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_relative_link_and_anchor_exists(document: Path):
    assert broken(document) == []


@pytest.mark.parametrize("index", ["docs/guide/README.md", "docs/guide.md"])
def test_the_guides_index_leads_to_every_page(index: str):
    index = ROOT / index
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in relative_links(index)}
    pages = set((ROOT / "docs" / "guide").glob("*.md"))
    assert len(pages) > 20
    assert {page.name for page in pages - linked - {index}} == set()


def test_every_document_that_a_source_names_exists():
    named = {
        (name(source), path)
        for source in files(".py", ".pyi", ".rs", ".sql", ".sh", ".toml", ".txt", "Makefile")
        if source.relative_to(ROOT).parts[0] in SOURCES or source.parent == ROOT
        for path in NAMED.findall(source.read_text(encoding="utf-8"))
        if source != Path(__file__)
    }
    assert len(named) >= 3
    assert [(at, path) for at, path in named if not leads_somewhere(path, ROOT, ROOT)] == []


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path):
    (tmp_path / "other.md").write_text("# Two words\n\n# Two words\n\n```\n# Code\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        '<a id="old"></a> [a](#old) [b](other.md#two-words) [c](other.md#two-words-1) [d](#gone)\n'
        "[e](other.md#code) [f](missing.md) [g](https://example.org/h#i) `[j](no-link.md)`\n"
        '[k]: missing.txt\n<img src="missing.png"> [l](other.md "with a title")\n'
        "```\n[m](code.md)\n```\n"
    )
    assert broken(page) == ["#gone", "other.md#code", "missing.md", "missing.txt", "missing.png"]
