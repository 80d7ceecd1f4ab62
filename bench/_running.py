"""What the rows share that run the whole of senex: a folder for it, and waiting for what it does."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WITHIN = 90.0
_LOOK = 0.005


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder the bundled servers' account can reach."""
    with tempfile.TemporaryDirectory(prefix="senex-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def until(found: Callable[[], Any]) -> Any:
    """What is found, once it is."""
    deadline = time.monotonic() + _WITHIN
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"what was waited for did not come ({found.__qualname__}, line {found.__code__.co_firstlineno})"
            )
        time.sleep(_LOOK)
    return answer
