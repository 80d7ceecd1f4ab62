"""Secret files: written where they stand, mended after a crash, watched; and each thing wrong with one has its code."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

from daemon.secret_files import Held, said_else
from daemon.tools.secrets.checks import check
from daemon.tools.secrets.logins import as_owner, with_login
from daemon.tools.secrets.places import Places, mend, read, rewrite
from senex.domain.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AWAY = "postgresql://user:canary@127.0.0.1:1/x"
WHOLE = {
    "database_url": AWAY,
    "redis_url": "redis://daemon:canary@127.0.0.1:1/0",
    "encryption_keys": Fernet.generate_key().decode(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Secrets of an installation whose servers are away."""
    tmp_path.chmod(0o755)
    for name, text in WHOLE.items():
        put(tmp_path / name, text)
    return tmp_path


def put(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)


def codes(folder: Path) -> dict[str, str]:
    return {one.secret: one.code for one in check(Places({}, folder))}


def test_a_file_is_rewritten_in_itself_and_keeps_its_mode(folder: Path) -> None:
    path = folder / "database_url"
    path.chmod(0o444)
    before = path.stat()

    rewrite(path, "another, longer than what was there")
    rewrite(path, "short")

    after = path.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert path.read_text() == "short"
    assert sorted(one.name for one in folder.iterdir()) == sorted(WHOLE)


def test_what_a_crash_left_half_written_is_finished(folder: Path) -> None:
    path = folder / "database_url"
    path.write_text("half of the ne")
    put(folder / ".database_url.next", "the new one")

    assert mend([path]) == 1

    assert path.read_text() == "the new one"
    assert mend([path]) == 0


def test_a_disk_that_is_full_leaves_the_old_secret(folder: Path) -> None:
    (folder / ".database_url.part").mkdir()  # nothing can be written beside it

    with pytest.raises(UsageProblem) as problem:
        rewrite(folder / "database_url", "new")

    assert problem.value.code == "E_SECRET_WRITE"
    assert (folder / "database_url").read_text() == AWAY


def test_every_file_that_says_the_old_says_the_new(folder: Path) -> None:
    put(folder / "run_console.json", f'{{"url": "{AWAY}", "other": 1}}')
    places = Places({}, folder)

    assert places.replace("user:canary@", "user_next:fresh@") == 2

    assert "canary" not in read(folder / "database_url") + read(folder / "run_console.json")
    assert with_login(AWAY, "a b", "c/d") == "postgresql://a%20b:c/d@127.0.0.1:1/x"


def test_a_file_that_cannot_be_written_is_not_passed_over(folder: Path) -> None:
    put(folder / "run_console.json", f'{{"url": "{AWAY}"}}')
    (folder / ".run_console.json.part").mkdir()

    with pytest.raises(UsageProblem) as problem:
        Places({}, folder).replace("canary", "fresh")

    assert problem.value.code == "E_SECRET_WRITE"


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    # what is done to the file of encryption_keys, and the code
    "gone": (lambda path: path.unlink(), "E_SECRET_MISSING"),
    "empty": (lambda path: path.write_text("\n"), "E_SECRET_EMPTY"),
    "no text": (lambda path: path.write_bytes(b"\xff\xfe\x00"), "E_SECRET_UNREADABLE"),
    "open": (lambda path: path.chmod(0o644), "E_SECRET_OPEN"),
    "no key": (lambda path: path.write_text("canary"), "E_ENCRYPTION_KEY"),
    "a folder": (make_folder, "E_SECRET_UNREADABLE"),
}


@pytest.mark.parametrize("what", WRONG)
def test_each_thing_wrong_with_a_file_has_its_code(folder: Path, what: str) -> None:
    spoil, code = WRONG[what]
    spoil(folder / "encryption_keys")

    found = [one for one in check(Places({}, folder)) if one.secret == "encryption_keys"]

    assert [one.code for one in found] == [code]
    assert "canary" not in found[0].why


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("database_url", AWAY, "E_POSTGRES_AWAY"),
        ("database_url", "canary", "E_SECRET_FORM"),
        ("database_url", "postgresql://127.0.0.1:1/x", "E_SECRET_FORM"),
        ("redis_url", WHOLE["redis_url"], "E_REDIS_AWAY"),
        ("redis_url", "http://canary", "E_SECRET_FORM"),
        ("backup_database_url", "canary", "E_SECRET_FORM"),
        ("redis_users", " ", "E_SECRET_EMPTY"),
    ],
)
def test_what_a_secret_opens_is_tried(folder: Path, name: str, text: str, code: str) -> None:
    put(folder / name, text)
    assert codes(folder)[name] == code


def test_who_rotates_is_told_of_a_file_that_holds_no_address_and_not_what_it_holds(folder: Path) -> None:
    put(folder / "migrator_database_url", "canary")

    with pytest.raises(UsageProblem) as problem, as_owner(Places({}, folder)):
        pass

    assert problem.value.code == "E_SECRET_FORM"
    assert "canary" not in str(problem.value)


def test_a_closed_folder_closes_what_is_in_it(folder: Path) -> None:
    (folder / "encryption_keys").chmod(0o444)
    assert codes(folder)["encryption_keys"] == "E_SECRET_OPEN"
    folder.chmod(0o700)
    assert codes(folder)["encryption_keys"] == ""


def test_a_process_hears_of_a_changed_secret_once_it_stands_still(folder: Path) -> None:
    path = folder / "database_url"
    held = Held({"database_url": path})
    assert held.changed() is None
    path.write_text(AWAY)  # written anew, the same
    assert [held.changed(), held.changed()] == [None, None]

    path.write_text("ha")
    assert held.changed() is None
    path.write_text("half no more")
    assert held.changed() is None

    assert held.changed() == "database_url"


def test_a_secret_that_goes_or_is_emptied_ends_nothing(folder: Path) -> None:
    path = folder / "database_url"
    held = Held({"database_url": path})
    path.write_text("")
    assert [held.changed(), held.changed()] == [None, None]
    path.unlink()
    assert [held.changed(), held.changed()] == [None, None]
    path.write_text(AWAY)
    assert [held.changed(), held.changed()] == [None, None]


async def test_a_file_that_says_something_else_is_noticed(tmp_path: Path) -> None:
    """Empty, mended, gone and there again, without its process."""
    secret = tmp_path / "secret"
    other = tmp_path / "other"
    other.write_text("the same")
    secret.write_text("")
    for change in (lambda: secret.write_text("mended"), secret.unlink, lambda: secret.write_text("again")):
        waiting = asyncio.create_task(said_else([other, secret]))
        await asyncio.sleep(0)  # it looks
        other.touch()
        assert not waiting.done()
        change()
        await waiting
