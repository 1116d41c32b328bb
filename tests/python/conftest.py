"""What tests of several rooms share, and what becomes of a test that runs in several threads."""

from __future__ import annotations

import functools
import inspect
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is up to what else the machine does.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# With `--parallel-threads` a test runs in several threads at the same time. In these files none can,
# or nothing would come of it. For a single test there is the marker `thread_unsafe`.
ALONE = {
    **dict.fromkeys(
        [
            "test_all_pythons.py",
            "test_cli_top.py",
            "test_debian_tree.py",
            "test_demo_command.py",
            "test_examples.py",
            "test_exit.py",
            "test_guide.py",
            "test_history_crash.py",
            "test_history_forks.py",
            "test_history_processes.py",
            "test_history_stops.py",
            "test_launcher.py",
            "test_notebooks.py",
            "test_pytest_plugin.py",
            "test_reentry.py",
            "test_report_html.py",
            "test_reset.py",
            "test_resources_gpu.py",
            "test_staged_clocks.py",
            "test_standing_alone.py",
            "test_standing_in.py",
            "test_stored_reports.py",
            "test_wheel.py",
        ],
        "starts processes, which share nothing with the threads",
    ),
    **dict.fromkeys(
        ["test_cli_files.py", "test_export_files.py", "test_fork.py"],
        "forks, and a child has none of the other threads",
    ),
    **dict.fromkeys(
        ["test_flat_memory.py", "test_garbage.py", "test_leaks.py"],
        "watches the memory and the objects of the whole process",
    ),
    "test_collection_while_made.py": "sets when the whole process collects",
    **dict.fromkeys(
        [
            "test_benchmarks.py",
            "test_cli.py",
            "test_cli_history.py",
            "test_cli_periods.py",
            "test_cli_reports.py",
            "test_cli_top.py",
            "test_demo.py",
        ],
        "is about Python code that runs in one thread",
    ),
}
if sys.version_info[:2] == (3, 11):
    # What inspect.signature gives of native methods goes through the parser.
    ALONE["test_documented_api.py"] = "this parser counts its depth for all threads together"
# Far fewer than there are: with less, something took nearly all of them for unsafe.
LEAST_IN_PARALLEL = 1_200


@pytest.fixture
def set_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the local time zone of the process for the length of a test."""
    if not hasattr(time, "tzset"):
        pytest.skip("this system's zone cannot be set")

    def use(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield use
    monkeypatch.undo()
    time.tzset()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Prepares the tests for several threads, if they are to run in them."""
    if config.getoption("parallel_threads", 1) in {1, "1"}:
        return
    here = Path(__file__).parent
    if gone := [name for name in ALONE if not (here / name).exists()]:
        raise pytest.UsageError(f"there is no {' and no '.join(gone)} to run alone")
    for item in items:
        reason = ALONE.get(item.path.name) or reason_by_fixtures(item)
        if reason:
            item.add_marker(pytest.mark.thread_unsafe(reason=reason))
        elif isinstance(item, pytest.Function):
            item.obj = with_fixtures_of_its_own(item)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fails where the whole suite was to run in several threads, and hardly a test does."""
    config = session.config
    plugin = config.pluginmanager.get_plugin("_run-parallel")
    is_whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not (
        config.option.keyword or config.option.markexpr or config.option.deselect
    )
    if config.getoption("parallel_threads", 1) in {1, "1"} or not is_whole:
        return
    if (found := len(plugin.run_in_parallel)) < LEAST_IN_PARALLEL:
        raise pytest.UsageError(
            f"only {found} tests run in several threads, which should be {LEAST_IN_PARALLEL} or more"
        )


def reason_by_fixtures(item: pytest.Item) -> str | None:
    """Why several threads cannot share what cleans up after a test, if there is such a fixture."""
    found = getattr(item, "_fixtureinfo", None)
    for name, definitions in found.name2fixturedefs.items() if found else ():
        last = definitions[-1]
        if (
            last.scope == "function"
            and inspect.isgeneratorfunction(last.func)
            and not is_of_a_plugin(last)
        ):
            return f"the fixture {name} is one for all threads, as it cleans up"
    return None


def is_of_a_plugin(definition: pytest.FixtureDef[Any]) -> bool:
    return definition.func.__module__.startswith(("_pytest.", "pytest_"))


def with_fixtures_of_its_own(item: pytest.Function) -> Callable[..., None]:
    """The test with its own clock, monitor and so on in each thread, as its figures are exact.

    Fixtures of pytest and of a whole file are shared; those that clean up do not come here.
    """
    definitions = item._fixtureinfo.name2fixturedefs
    test = item.obj

    def is_made_anew(name: str) -> bool:
        definition = definitions[name][-1] if name in definitions else None
        return (
            definition is not None
            and definition.scope == "function"
            and not is_of_a_plugin(definition)
            and not inspect.isgeneratorfunction(definition.func)
            and "request" not in definition.argnames
        )

    def make(name: str, made: dict[str, Any]) -> Any:
        if name not in made:
            if name == "tmp_path":
                made[name] = Path(tempfile.mkdtemp(dir=item.funcargs[name]))
            elif is_made_anew(name):
                definition = definitions[name][-1]
                given = {argument: make(argument, made) for argument in definition.argnames}
                made[name] = definition.func(**given)
            else:
                made[name] = item.funcargs[name]
        return made[name]

    if not any(is_made_anew(name) for name in inspect.signature(test).parameters):
        return test

    def run(**given: Any) -> None:
        made = {name: value for name, value in given.items() if not is_made_anew(name)}
        test(**{name: make(name, made) for name in given})

    # What a test calls is looked up in its globals, so as to find what several threads cannot.
    namesake = types.FunctionType(run.__code__, test.__globals__, closure=run.__closure__)
    return functools.update_wrapper(namesake, test)
