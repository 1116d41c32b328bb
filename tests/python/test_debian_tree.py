"""The tree of Debian for Pythons that this machine lacks: where it comes from, and what it leaves."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "debian_tree.py"
# What a shell of this machine needs in a tree that holds nothing of its own.
SYSTEM = [path for path in ("/usr", "/bin", "/lib", "/lib64") if Path(path).exists()]


def loaded(tree: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("PTPD_DEBIAN_TREE", str(tree))
    spec = importlib.util.spec_from_file_location("debian_tree_of_a_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return loaded(tmp_path / "tree", monkeypatch)


@pytest.fixture
def tree(script: ModuleType) -> Path:
    """An empty tree that commands can be run in."""
    try:
        script.check()
    except script.NotPossibleError as error:
        pytest.skip(f"no tree on this machine: {error}")
    script.TREE.mkdir()
    return script.TREE


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    made = folder / name
    made.write_text(f"#!/bin/sh\n{text}\n")
    made.chmod(0o755)


def update(*addresses: str) -> str:
    """What apt says of an update from these addresses."""
    return "".join(f"'{address}/dists/some/InRelease' some_file 0 \n" for address in addresses)


def test_the_mirror_is_the_one_that_apt_has(script: ModuleType, tmp_path: Path) -> None:
    listed = tmp_path / "mirrors.list"
    listed.write_text(
        "# those near here\nhttps://near.example/debian\nhttps://far.example/debian\n"
    )
    assert script.mirror(update("http://a.test/debian-security", "http://a.test/debian/")) == (
        "http://a.test/debian"
    )
    assert script.mirror(update("http://a.test/tools", "http://b.test:31/x/debian")) == (
        "http://b.test:31/x/debian"
    )
    assert script.mirror(update(f"mirror+file:{listed}")) == "https://near.example/debian"
    for others in ([], ["http://a.test/ubuntu/"], [f"mirror+file:{tmp_path}/none"]):
        with pytest.raises(script.NotPossibleError, match="name no mirror of Debian"):
            script.mirror(update(*others))


@pytest.fixture
def machine(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing stands in the way of a tree; the folder of its programs."""
    folder = tmp_path / "programs"
    program(folder, "unshare", 'shift 3; [ "$1" = true ] || exec "$@"')
    program(folder, "apt-get", f'echo "{update("http://a.example/debian")}"')
    program(folder, "apt-config", "echo \"is='http://proxy.example:3128'\"")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.defpath}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(sys, "platform", "linux")
    return folder


def test_a_tree_is_made_once_and_again_where_a_run_was_ended_half_way(
    script: ModuleType, machine: Path
) -> None:
    told = machine / "told"
    makes = f'echo "$@" "$http_proxy" >> {told}; for tree; do :; done; mkdir {script.TREE}'
    program(machine, "debootstrap", f"{makes} && touch {script.TREE}/made; exit 1")
    with pytest.raises(script.BrokenError, match="debootstrap ended with 1; all in "):
        script.make()
    program(machine, "debootstrap", f"{makes} && [ ! -e {script.TREE}/made ]")
    assert script.make() == script.make() == script.TREE
    first, second = told.read_text().splitlines()
    assert first == second
    assert first.endswith(f" sid {script.TREE} http://a.example/debian http://proxy.example:3128")


def test_why_there_can_be_no_tree_is_said(
    script: ModuleType, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reason() -> str:
        with pytest.raises(script.NotPossibleError) as caught:
            script.make()
        return str(caught.value)

    monkeypatch.setenv("PATH", str(machine))
    assert reason() == "there is no debootstrap, which is a package of Debian"
    program(machine, "unshare", "echo not permitted >&2; exit 1")
    assert reason() == "mounts of our own are not allowed: not permitted"
    (machine / "unshare").unlink()
    assert reason() == "there is no unshare"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert reason() == "only root may"
    assert not script.TREE.exists()


def mounts_in(tree: Path) -> list[str]:
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return [line for line in mounts if str(tree) in line]


def test_a_command_runs_in_the_tree_and_leaves_no_mounts(
    script: ModuleType, tree: Path, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    # A link out of the tree must not be followed by a mount.
    (tree / "etc").mkdir()
    (tree / "etc" / "hosts").symlink_to(tmp_path / "outside")
    command = 'echo "$PWD" "$PATH"; ls /; trap; echo made > file; exit 3'
    done = subprocess.run(
        [*script.through(*map(Path, SYSTEM), shared), "sh", "-c", command],
        cwd=shared,
        capture_output=True,
        text=True,
        check=False,
    )
    first, *names = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (3, "")
    assert first == f"{shared} {script.SEARCH_PATH}"
    assert {"usr", "proc", "dev"} <= set(names) <= {path.name for path in tree.iterdir()}
    assert (shared / "file").read_text() == "made\n"
    assert not (tmp_path / "outside").exists()
    assert mounts_in(tree) == []


def test_a_command_that_is_killed_leaves_no_mounts(
    script: ModuleType, tree: Path, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [*script.through(*map(Path, SYSTEM)), "sh", "-c", "echo in; exec sleep 600"],
        cwd="/",
        stdout=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"in\n"
        running.send_signal(signal.SIGKILL)
    assert mounts_in(tree) == []
