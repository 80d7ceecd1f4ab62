"""Fetching from the package registry, by the installer this machine has."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

LOCK = Path(__file__).parents[2] / "requirements.lock"


def source_of(package: str, folder: Path) -> Path:
    """Download and unpack the source distribution of an installed package; gives its folder.

    The installer checks the archive against the lock's hashes.
    """
    version = importlib.metadata.version(package)
    entry = re.compile(rf"^{package}=={re.escape(version)} .*?(?=^\S)", re.MULTILINE | re.DOTALL)
    locked = entry.search(LOCK.read_text("utf-8"))
    if locked is None:
        raise SystemExit(f"{LOCK.name} does not know {package} {version}")
    wanted = folder / "wanted.txt"
    wanted.write_text(locked[0], encoding="utf-8")
    options = ["--no-deps", "--no-binary", package, "--require-hashes", "-q", "-d", str(folder)]
    subprocess.run([*_pip(), "download", *options, "-r", str(wanted)], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extraction_filter = getattr(tarfile, "data_filter", None)  # Python before 3.11.4 has none
        opened.extractall(folder)  # noqa: S202  the lock knows its hash
    return folder / archive.name.removesuffix(".tar.gz")


def install(requirement: str, folder: Path) -> Path:
    """Install a package and what it needs into a new virtual environment; gives its ``bin``.

    What is installed here already is used from here.
    """
    ours = str(importlib.metadata.distribution("tastytrade").locate_file(""))
    if _has_pip():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        installer = [str(folder / "bin" / "python"), "-m", "pip", "install"]
    else:
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(folder)], check=True)
        installer = ["uv", "pip", "install", "--python", str(folder / "bin" / "python")]
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(f"{ours}\n", encoding="utf-8")
    subprocess.run([*installer, "-q", requirement], check=True)
    return folder / "bin"


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None or shutil.which("uv") is None


def _pip() -> list[str]:
    if _has_pip():
        return [sys.executable, "-m", "pip"]
    return ["uv", "tool", "run", "pip"]
