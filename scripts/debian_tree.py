"""A tree of Debian `sid` beside the environments, for the Pythons that this machine does not have.

``debian_tree.py make`` makes it by debootstrap unless it is there, ``debian_tree.py run COMMAND``
runs a command in it, in the present folder. Both need root. What is mounted for a command is so in
a namespace of its own and vanishes with it, however it ends. PTPD_DEBIAN_TREE names another place.

Status 0: done; 2: it cannot be had on this machine, and why is printed; 1: it failed.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITE = "sid"
TREE = Path(os.environ.get("PTPD_DEBIAN_TREE", ROOT / ".venvs" / f"debian-{SUITE}")).resolve()
VERSIONS = ("3.14", "3.15")
# Some tests build the stand-in for a library in C.
PACKAGES = ("gcc", "libc6-dev", "tzdata", *(f"python{version}-venv" for version in VERSIONS))
UNSHARE = ("unshare", "--mount", "--propagation", "private")
# What debootstrap has of its own for a tree's search path, the host's being of no use in it.
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KERNELS = ("/proc", "/sys", "/dev")
# How this machine reaches the package registries.
NETWORK = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/pip.conf",
    "/etc/ssl/certs",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)
NETWORK_VARIABLES = re.compile(r"PIP_.*|.*_CA_BUNDLE|SSL_CERT_(FILE|DIR)")


class NotPossibleError(Exception):
    """Why there can be no such tree on this machine."""


class BrokenError(Exception):
    """What went wrong where there should be one."""


def mirror(addresses: str) -> str:
    """The address of Debian's packages, of those that apt would fetch for an update."""
    for address in re.findall(r"'(\S+?)/*/dists/", addresses):
        found = address
        if address.startswith("mirror+file:"):
            listed = Path(address.removeprefix("mirror+file:"))
            lines = listed.read_text().split() if listed.exists() else []
            found = next((line for line in lines if "://" in line), "")
        if found.rstrip("/").endswith("/debian"):
            return found
    raise NotPossibleError("apt's sources name no mirror of Debian")


def apts(*command: str) -> str:
    """What one of apt's programs says of its configuration."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        raise NotPossibleError("there is no apt, whose mirror could be taken") from None
    return done.stdout


def check() -> None:
    """Raise ``NotPossibleError`` where no tree can be made, or run in."""
    if sys.platform != "linux":
        raise NotPossibleError("this is no Linux")
    if os.geteuid() != 0:
        raise NotPossibleError("only root may")
    try:
        done = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    except OSError:
        raise NotPossibleError("there is no unshare") from None
    if done.returncode != 0:
        raise NotPossibleError(f"mounts of our own are not allowed: {done.stderr.strip()}")


def make() -> Path:
    """Make the tree unless it is there; raises ``NotPossibleError`` or ``BrokenError``."""
    check()
    made_from = f"{SUITE} {' '.join(PACKAGES)}\n"
    stamp = TREE / "made-from"
    if stamp.exists() and stamp.read_text() == made_from:
        return TREE
    if shutil.which("debootstrap") is None:
        raise NotPossibleError("there is no debootstrap, which is a package of Debian")
    address = mirror(apts("apt-get", "--print-uris", "update"))
    variables = dict(os.environ)
    for scheme in ("http", "https"):
        if proxy := apts("apt-config", "shell", "is", f"Acquire::{scheme}::Proxy").strip():
            variables[f"{scheme}_proxy"] = proxy.removeprefix("is=").strip("'")
    # A run that was ended half-way leaves one without a stamp. Nothing is ever mounted in it here.
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.parent.mkdir(exist_ok=True)
    log = TREE.with_suffix(".log")
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    with log.open("w") as output:
        done = subprocess.run(
            # It mounts /proc in the tree, and leaves it there if it is killed.
            [*UNSHARE, *command, SUITE, str(TREE), address],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=variables,
            check=False,
        )
    if done.returncode != 0:
        last = "".join(log.read_text().splitlines(keepends=True)[-3:]).strip()
        raise BrokenError(f"debootstrap ended with {done.returncode}; all in {log}: {last}")
    stamp.write_text(made_from)
    return TREE


def through(*shared: Path) -> list[str]:
    """What to put before a command to have it run in the tree, with these folders in it."""
    script = str(Path(__file__).resolve())
    return [*UNSHARE, sys.executable, script, "enter", *map(str, shared), "--"]


def network_paths() -> Iterator[str]:
    """What of this machine's files a program needs that reaches the registries as this one does."""
    yield from NETWORK
    for name, value in os.environ.items():
        if NETWORK_VARIABLES.fullmatch(name):
            yield from (word for word in re.split(r"[\s:]+", value) if word.startswith("/"))


def enter(shared: Sequence[str], command: Sequence[str]) -> None:
    """Become ``command`` in the tree; the namespace of mounts has to be one's own."""
    here = Path.cwd()
    home = str(Path.home())
    cache = f"{home}/.cache/pip"
    for path in KERNELS:
        mount(path, "--rbind")
    for path in dict.fromkeys([*network_paths(), cache, *shared]):
        if Path(path).exists():
            mount(path, "--bind")
    os.chroot(TREE)
    Path(home).mkdir(parents=True, exist_ok=True)
    os.chdir(here)
    # An interpreter ignores them, and what it starts would.
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    kept = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
    os.execvpe(command[0], command, {**kept, "PATH": SEARCH_PATH})  # noqa: S606


def mount(path: str, how: str) -> None:
    """Have a file or a folder of this machine at the same place in the tree."""
    source = Path(path).resolve()
    place = TREE / path.lstrip("/")
    # A link there is followed outside of the tree, where it is absolute.
    if not (place.parent / place.name).resolve().is_relative_to(TREE):
        place.unlink()
    if source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    elif not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.touch()
    subprocess.run(["mount", how, str(source), str(place)], check=True)


def main() -> None:
    """Do what the command line says."""
    match sys.argv[1:]:
        case ["make"]:
            command = []
        case ["run", _, *_]:
            command = sys.argv[2:]
        case ["enter", *rest] if "--" in rest:
            at = rest.index("--")
            enter(rest[:at], rest[at + 1 :])
        case _:
            sys.exit(__doc__)
    try:
        make()
    except NotPossibleError as error:
        sys.stdout.write(f"no tree of Debian {SUITE}: {error}\n")
        sys.exit(2)
    except BrokenError as error:
        sys.exit(f"no tree of Debian {SUITE}: {error}")
    if command:
        prefix = through(ROOT)
        os.execvp(prefix[0], [*prefix, *command])  # noqa: S606


if __name__ == "__main__":
    main()
