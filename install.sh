#!/bin/sh
# Install senex into .venv: install.sh [dev]. Needs Python 3.11 to 3.13, or uv; PYTHON=... names one.
# Does nothing when what is installed matches the locks. Talks on stderr only.
set -eu
cd "$(dirname "$0")"
want=${1:-base}
python=${PYTHON:-}

say() { echo "senex: $*" >&2; }
fits() { "$1" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }
about() { "$1" -c 'import sys; print(sys.base_prefix, *sys.version_info[:3])'; }
uv=$(command -v uv || true)

# 1. which Python
if [ -n "$python" ]; then
    fits "$python" || { say "$python is not a Python 3.11 to 3.13; name one that is with PYTHON=..."; exit 2; }
elif [ -x .venv/bin/python ] && fits .venv/bin/python; then
    python=.venv/bin/python
else
    for candidate in python3 python3.13 python3.12 python3.11 python; do
        if fits "$candidate"; then python=$candidate; break; fi
    done
    if [ -z "$python" ] && [ -z "$uv" ]; then
        say "no Python 3.11 to 3.13 was found; install one (Debian: apt install python3 python3-venv), or install uv, and run this again."
        exit 2
    fi
fi

# 2. the virtual environment: made anew when its Python or its folder changed
base=$([ -z "$python" ] || about "$python"; pwd)
if [ ! -x .venv/bin/python ] || [ "$base" != "$(cat .venv/.senex-python 2>/dev/null)" ] || ! fits .venv/bin/python; then
    if [ -n "$python" ] && [ "$python" != .venv/bin/python ]; then home=$python; else
        home=$([ -z "$python" ] || "$python" -c 'import os, sys; print(os.path.join(sys.base_prefix, "bin", "python%d.%d" % sys.version_info[:2]))')
    fi
    if [ -n "$uv" ]; then
        "$uv" venv --quiet --clear --python "${home:->=3.11,<3.14}" .venv >&2
    elif "$home" -c 'import ensurepip, venv' 2>/dev/null; then
        "$home" -m venv --clear .venv >&2
    else
        say "$home has no venv and ensurepip; install them (Debian: apt install python3-venv), or install uv, and run this again."
        exit 2
    fi
    { about .venv/bin/python; pwd; } >.venv/.senex-python
fi

# 3. what the lock names, then senex itself; a stamp remembers what was installed
lock=requirements.lock
[ "$want" = base ] || lock=requirements-$want.lock
[ -f "$lock" ] || { say "there is no $lock; install.sh takes nothing or dev."; exit 2; }
mark=$(cat "$lock" pyproject.toml | cksum)
if [ "$mark" != "$(cat ".venv/.senex-$want" 2>/dev/null)" ]; then
    say "installing $lock into .venv ..."
    if [ -n "$uv" ]; then
        set -- "$uv" pip install --quiet --python .venv/bin/python --no-deps
    else
        export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
        set -- .venv/bin/python -m pip install -qq --no-deps --no-compile
    fi
    if ! { "$@" --require-hashes -r "$lock" && "$@" --no-build-isolation -e .; } >&2; then
        say "the packages of $lock did not install (the lines above say why); check the network and your package index, and run this again."
        exit 3
    fi
    echo "$mark" >".venv/.senex-$want"
fi
