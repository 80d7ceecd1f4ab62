"""``python -m senex`` is ``senex``."""

from __future__ import annotations

import sys

from senex.cli import main

if __name__ == "__main__":
    sys.exit(main())
