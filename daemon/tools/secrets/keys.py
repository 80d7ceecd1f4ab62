"""The keys that seal what the database keeps: a new one first, everything sealed anew, the old ones put away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.fernet import Fernet

from daemon.tools.secrets.logins import try_login
from daemon.tools.secrets.places import mend, read, rewrite
from senex.store.logins import reseal
from senex.store.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable

    from daemon.tools.secrets.places import Places
    from senex.store.crew import Crew


def rotate(places: Places, crew: Crew, say: Callable[[str], None]) -> int:
    """Give what is kept a new key; how many logins were sealed anew.

    At every moment each process can open what any other seals: the new key is first known to all,
    then used by all, then alone. Keys that are put away are kept beside the file, for old backups.

    Raises:
        UsageProblem: ``E_ENCRYPTION_KEY``, and what ``places`` and ``try_login`` raise; Unavailable:
            ``E_SECRET_IN_USE``, ``E_POSTGRES_AWAY``. The keys in force open everything in any case.
    """
    mend(places.every())
    path = places.need("encryption_keys")
    database = read(places.find("database_direct_url") or places.need("database_url")).strip()
    try_login(database)
    text = read(path)
    end = "\n" if text.endswith("\n") else ""
    old = [key.strip() for key in text.split(",") if key.strip()]
    reseal(database, Vault(",".join(old)))  # whoever cannot open all of it must not go on
    new = Fernet.generate_key().decode()
    for keys, what in (([*old, new], "known to"), ([new, *old], "used by")):
        say(f"waiting until the new key is {what} every process")
        crew.switch()
        rewrite(path, ",".join(keys) + end)
        crew.wait()
    sealed = reseal(database, Vault(f"{new},{','.join(old)}"))
    _put_away(places, old)
    crew.switch()
    rewrite(path, new + end)
    crew.wait()
    reseal(database, Vault(new))
    say(
        f"{sealed} kept logins are sealed with a new key; the old ones are in {path.name}.retired, for old backups."
    )
    return sealed


def _put_away(places: Places, old: list[str]) -> None:
    path = places.need("encryption_keys")
    retired = path.with_name(f"{path.name}.retired")
    known = retired.read_text(encoding="utf-8").split() if retired.exists() else []
    retired.touch(mode=0o600)
    rewrite(retired, "\n".join([*known, *(key for key in old if key not in known)]) + "\n")
