"""Users of Redis: a second password beside the first, then the first goes, and who still uses it is cut."""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from daemon.tools.secrets.logins import new_password
from daemon.tools.secrets.places import mend, read
from senex.domain.errors import Refused, Unavailable, UsageProblem
from senex.store.crew import PATIENCE
from senex.waiting import wait_while

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daemon.tools.secrets.places import Places
    from senex.store.crew import Crew


def rotate(
    places: Places,
    user: str,
    setting: str,
    passwords: tuple[str, ...],
    say: Callable[[str], None],
    *,
    crew: Crew | None,
    patience: float = PATIENCE,
) -> None:
    """New password for a user of Redis, changed as its daemon user.

    The old one goes once the ``crew`` has been started anew and every connection of the user is younger
    than the new one; without a crew, connections made with the old one are cut.

    Raises:
        UsageProblem, Refused: what ``places`` and ``connected`` raise; Unavailable: ``E_SECRET_IN_USE``.
    """
    mend(places.every())
    address = read(places.need(setting)).strip()
    old = unquote(urlsplit(address).password or "")
    if not old:
        raise UsageProblem("E_SECRET_FORM", f"The file of {setting} holds no password; correct it.")
    new = new_password()
    new_hash = f"#{hashlib.sha256(new.encode()).hexdigest()}"
    with connected(read(places.need("redis_url")).strip()) as admin:
        _note(places, user, lambda known: f"{known} {new_hash}")  # what a restarted server reads knows both
        _change(admin, user, new_hash)
        with connected(address.replace(f":{quote(old)}@", f":{quote(new)}@")):
            pass
        if crew is not None:
            crew.switch()
        places.replace(f"//{user}:{quote(old)}@", f"//{user}:{quote(new)}@")
        places.tell(passwords, new)
        switched = _now(admin)
        if crew is not None:
            say(f"waiting until nobody uses the old password of {user} any more")
            crew.wait()
            _wait(admin, user, switched, patience)
        # every older one, also what a rotation that was interrupted had left in force
        _note(places, user, lambda _: new_hash)
        _change(admin, user, "resetpass", new_hash)
        _cut(admin, user, switched)
    say(f"{user} of Redis has a new password; the old one opens nothing any more.")


@contextmanager
def connected(address: str) -> Iterator[Redis]:
    """A connection that has proved its login.

    Raises:
        Refused: ``E_SECRET_REFUSED``; Unavailable: ``E_REDIS_AWAY``.
    """
    parts = urlsplit(address)
    client = Redis.from_url(address, socket_connect_timeout=2, socket_timeout=5)
    try:
        client.ping()
    except (AuthenticationError, NoPermissionError, ResponseError) as problem:
        client.close()
        raise Refused(
            "E_SECRET_REFUSED",
            f"Redis refuses the user {parts.username}; its file and the server say different things, so put the right "
            "password into the file, or set the user's on the server.",
        ) from problem
    except (RedisError, OSError, ValueError) as problem:
        client.close()
        raise Unavailable(
            "E_REDIS_AWAY",
            f"Redis at {parts.hostname}:{parts.port} does not answer ({type(problem).__name__}); check that it runs.",
        ) from problem
    try:
        yield client
    finally:
        client.close()


def _note(places: Places, user: str, change: Callable[[str], str]) -> None:
    """Change the passwords that a file of users, where one is among the secrets, knows of this one."""
    known = re.compile(rf"(?m)^(user {re.escape(user)} .*?)(#[0-9a-f]{{64}}(?: #[0-9a-f]{{64}})*)")
    places.edit(lambda text: known.sub(lambda found: found[1] + change(found[2]), text))


def _change(admin: Redis, user: str, *rules: str) -> None:
    _do(admin, "ACL", "SETUSER", user, *rules)
    with suppress(ResponseError):  # a user file that is mounted read-only was written above
        _do(admin, "ACL", "SAVE")


def _now(admin: Redis) -> int:
    """The server's own time, in whole seconds."""
    seconds, _ = admin.time()
    return int(seconds)


def _older(admin: Redis, user: str, switched: int) -> list[str]:
    """The connections a user opened before the switch, ours excepted."""
    mine = str(admin.client_id())
    found = []
    for one in admin.client_list():
        opened = _now(admin) - int(one["age"])
        if one.get("user") == user and one["id"] != mine and opened < switched:
            found.append(one["id"])
    return found


def _wait(admin: Redis, user: str, switched: int, patience: float) -> None:
    wait_while(
        lambda: _older(admin, user, switched),
        patience,
        lambda left: Unavailable(
            "E_SECRET_IN_USE",
            f"{len(left)} connections of {user} are still older than its new password, so the old one stays; "
            "restart what does not follow its secret file, then run this again. Both work until then.",
        ),
    )


def _cut(admin: Redis, user: str, switched: int) -> None:
    for number in _older(admin, user, switched):
        with suppress(ResponseError):
            _do(admin, "CLIENT", "KILL", "ID", number)


def _do(admin: Redis, *words: str) -> None:
    admin.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
