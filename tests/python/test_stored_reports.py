"""Reports of stored histories: what the code makes of them now is what it made of them before.

How they are made, and stored anew where a change is meant, says ``tests/stored_reports/make_reports.py``.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import make_reports
from cases import CASES
from differences import differences
from page_text import page_text

# What the command line needs, and clocks that stand still.
for module in ("click", "pyarrow", "rich", "time_machine"):
    pytest.importorskip(module)

pytestmark = pytest.mark.skipif(
    not hasattr(time, "tzset"), reason="this system's zone cannot be set"
)

MOST_TOLD = 40


def listed(name: str, found: Sequence[str]) -> str:
    lines = [f"{len(found)} differences in the reports of {name}", *found[:MOST_TOLD]]
    if len(found) > MOST_TOLD:
        lines.append(f"and {len(found) - MOST_TOLD} more")
    lines.append(f"if they are meant: python {make_reports.__file__} --renew {name}")
    return "\n".join(lines)


@pytest.mark.parametrize("name", make_reports.all_names())
def test_reports_are_those_that_were_stored(name: str, tmp_path: Path) -> None:
    make_reports.make_all(name, tmp_path)
    expected, got = make_reports.expected_files(name), make_reports.stored_files(tmp_path / name)
    suffixes = {Path(path).suffix for path in expected}
    assert {".json", ".csv", ".md", ".txt"} <= suffixes
    found = list(differences(expected, got))
    assert not found, listed(name, found)


def test_no_history_is_left_out() -> None:
    histories = {path.name.split(".")[0] for path in make_reports.HISTORIES.glob("*.xz")}
    stored = {path.name.split(".")[0] for path in make_reports.EXPECTED.glob("*.xz")}
    assert len(CASES) > 20
    assert histories == set(CASES)
    assert stored == set(make_reports.all_names())


@pytest.mark.parametrize("name", CASES)
def test_days_begin_at_midnight_of_the_zone_and_now_stands_still(name: str) -> None:
    case = CASES[name]
    expected = make_reports.expected_files(name)
    for zone in case.zones:
        day = case.days[0]
        report = json.loads(expected[f"{zone.replace('/', '-')}/day {day}/dict.json"])
        midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
        assert report["period"]["start"] == midnight.isoformat()
        now = case.now.astimezone(ZoneInfo(zone))
        assert report["generated_at"] == now.replace(tzinfo=None).isoformat()


def changed(text: str) -> str:
    """The text with another digit in the place of its first one."""
    return re.sub(r"\d", lambda found: str(int(found[0]) ^ 1), text, count=1)


def test_another_digit_in_any_stored_file_is_told_with_the_name_of_the_file() -> None:
    expected = make_reports.expected_files("single-sample")
    with_digits = [name for name, text in expected.items() if changed(text) != text]
    assert len(with_digits) > 100
    for name in with_digits:
        found = list(differences(expected, expected | {name: changed(expected[name])}))
        assert found
        assert all(one.startswith(f"{name}: ") for one in found)


REPORT = """{
 "date": "2026-06-15",
 "operations": {
  "coat": {
   "count": 36,
   "mean": 18.5,
   "unit": "seconds"
  }
 }
}"""


@pytest.mark.parametrize(
    ("name", "text", "change", "told"),
    [
        (
            "dict.json",
            REPORT,
            ("18.5", "18.75"),
            ("['operations']['coat']['mean']", "18.5", "18.75"),
        ),
        ("dict.json", REPORT, ("36", "36.0"), ("['operations']['coat']['count']", "36", "36.0")),
        (
            "dict.json",
            REPORT,
            ('"mean": 18.5,', '"most": 18.5,'),
            ("['operations']['coat']['mean']", "18.5", "no such key"),
        ),
        (
            "dict.json",
            REPORT,
            ('"mean": 18.5,', '"mean": 18.5, "most": 20.0,'),
            ("['operations']['coat']['most']", "no such key", "20.0"),
        ),
        (
            "report.csv",
            "operation,count,mean\r\ncoat,36,18.5\r\n",
            ("18.5", ""),
            ("row 1 (coat), mean", "18.5", ""),
        ),
        (
            "report.md",
            "# Day\n\n- Samples: **684**\n",
            ("684", "685"),
            ("line 3", "- Samples: **684**", "- Samples: **685**"),
        ),
    ],
)
def test_a_difference_is_told_by_its_file_and_place(
    name: str, text: str, change: tuple[str, str], told: tuple[str, str, str]
) -> None:
    found = list(differences({name: text}, {name: text.replace(*change)}))
    place, expected, got = told
    assert f"{name}: {place}\n    expected {expected}\n    got      {got}" in found


def test_a_lost_line_of_a_table_is_told() -> None:
    expected = {"commands/report.txt": "operation  p95\ncoat  1.00 s\nexpose  2.00 s\n"}
    got = {"commands/report.txt": "operation  p95\nexpose  2.00 s\n"}
    (found,) = differences(expected, got)
    assert found.splitlines() == [
        "commands/report.txt: lines from 2",
        "    expected ",
        "        coat  1.00 s",
        "    got      no such line",
    ]


def test_another_order_of_keys_is_told() -> None:
    one, other = {"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}
    expected, got = ({"x.json": json.dumps(it)} for it in (one, other))
    (found, *_) = differences(expected, got)
    assert found == "x.json: the order of keys\n    expected a, b\n    got      b, a"


def test_a_file_that_is_missing_or_new_is_told() -> None:
    assert list(differences({"a.md": "x"}, {"b.md": "x"})) == [
        "a.md: is no longer made",
        "b.md: was not made before",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.json", '{"mean": %s, "unit": "s"}'),
        ("x.csv", "operation,mean\r\nexpose,%s\r\n"),
        ("x.jsonl", '{"mean": %s}\n'),
    ],
)
def test_the_last_digits_of_a_number_may_differ_between_processors_and_no_more(
    name: str, text: str
) -> None:
    expected = {name: text % "0.5317846227575231"}
    assert not list(differences(expected, {name: text % "0.5317846227575235"}))
    assert list(differences(expected, {name: text % "0.5317846327575231"}))
    assert list(differences(expected, {name: text % "0.53"}))


def test_layout_and_line_ends_count() -> None:
    assert list(differences({"x.json": '{"a": 1}'}, {"x.json": '{"a":1}'}))
    assert list(differences({"x.csv": "a,b\r\n1,2\r\n"}, {"x.csv": "a,b\n1,2\n"}))
    assert list(differences({"x.txt": "a \n"}, {"x.txt": "a\n"}))


def test_a_lost_figure_of_a_page_or_its_charts_shows() -> None:
    page = (
        "<style>td { color: red }</style><h1>Day &amp; night</h1><table><tr><th>p95</th>"
        "<td><b>1.00</b> s</td></tr></table><svg aria-label='x'><text>0.5 s</text><path d='M0 0'/>"
        "<desc>2 samples</desc></svg>"
    )
    assert page_text(page) == "Day & night\n| p95 | 1.00 s |\n0.5 s\n2 samples\n"
    lost = page.replace("<td><b>1.00</b> s</td>", "<td></td>").replace("0.5 s", "")
    assert page_text(lost) == "Day & night\n| p95 |  |\n2 samples\n"


def test_what_is_stored_comes_back_and_is_the_same_archive_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_reports, "EXPECTED", tmp_path)
    files = {"UTC/größe.json": "[1]", "UTC/day/report.csv": "a,b\r\n", "UTC/day/report.md": ""}
    make_reports.store("some", files)
    first = (tmp_path / "some.tar.xz").read_bytes()
    assert make_reports.expected_files("some") == files
    make_reports.store("some", dict(reversed(files.items())))
    assert (tmp_path / "some.tar.xz").read_bytes() == first
