"""Another client against ``senex simulator``: tastytrade-cli, unchanged but for the broker's address.

``python -m tests.conformance.client_check`` installs it into a throw-away
environment, uses it in a terminal as a person would, and looks into the books
after what it did.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import urllib.request
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.conformance.registry import install
from tests.conformance.simulator import environment, simulator
from tests.conformance.terminal import PATIENCE, Terminal

CLIENT = "tastytrade-cli==1.5.0"
_COLUMNS = 9


class Client:
    """The ``tt`` command."""

    def __init__(self, program: Path, variables: dict[str, str]) -> None:
        self._program = program
        self._variables = variables | {"COLUMNS": "200", "TERM": "xterm"}

    def run(self, *arguments: str, **answers: str) -> str:
        """Run a command; each answer is typed when the prompt named by its key appears."""
        shown = Terminal([str(self._program), *arguments], self._variables)
        for name, line in answers.items():
            shown.answer(PROMPTS[name], line)
        print(f"$ tt {' '.join(arguments)}\n{(printed := shown.finish())}")
        return printed


PROMPTS = {
    "account": "Please choose an account: ",
    "price": "Please enter a limit price per ",
    "send": "Send order? Y/n ",
    "close": "Close out a position? y/N ",
    "modify": "Modify an order? y/N ",
    "number": "Enter the number (not the order ID) of the order to modify: ",
    "new_price": "Enter a new price for the order, or nothing to cancel it: $",
}


class Books:
    """The broker's side, read over REST."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self._rest, self._account = ready["rest"], ready["account"]
        secrets = {name: ready[name] for name in ("client_secret", "refresh_token")}
        token = self._ask("/oauth/token", {"grant_type": "refresh_token", **secrets})["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    def orders(self) -> dict[str, str]:
        """Status by order id."""
        return {str(one["id"]): one["status"] for one in self._items("orders")}

    def positions(self) -> dict[str, int]:
        """Quantity by symbol."""
        return {one["symbol"]: int(one["quantity"]) for one in self._items("positions")}

    def show(self, **wanted: object) -> bool:
        """Whether orders or positions come to be as wanted; the market takes a moment to fill and cancel."""
        end = monotonic() + PATIENCE
        while any(getattr(self, what)() != content for what, content in wanted.items()):
            if monotonic() > end:
                return False
            sleep(0.1)
        return True

    def _items(self, what: str) -> list[dict[str, Any]]:
        return list(self._ask(f"/accounts/{self._account}/{what}", None)["data"]["items"])

    def _ask(self, path: str, body: dict[str, str] | None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310  the simulator's own address
            f"{self._rest}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **getattr(self, "_headers", {})},
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=10) as answer:
            return dict(json.load(answer))


def check(client: Client, books: Books, account: str) -> None:
    """List accounts and chains, buy shares, sell a spread and cancel it, look at both sides each time."""
    balance = client.run("pf", "balance", account="1")
    assert f"1) {account}" in balance, "accounts are listed"
    assert "$50000.00" in balance.replace(",", ""), "so is the opening balance"

    chain = client.run("option", "chain", "QQQ", "--dte", "45", "--strikes", "8")
    rows = [line.split("│")[1:-1] for line in chain.splitlines() if line.count("│") == _COLUMNS + 1]
    assert len(rows) == 8, "the chain has the strikes asked for"
    quotes = [[float(cell) for cell in row[2:7]] for row in rows]
    assert all(row[0] < row[1] and row[3] < row[4] for row in quotes), "with quotes on every row"
    strike = f"{quotes[0][2]:g}"

    quote = client.run("trade", "stock", "F", "100", price="20", account="1", send="y")
    assert "+100" in quote, "the order is reviewed"
    assert books.show(positions={"F": 100}), "a buy above the market fills"
    positions = client.run("pf", "positions", account="1", close="n")
    assert re.search(r"│ F +│ +100 │", positions), "and the client lists the position"

    client.run(
        "option", "call", "QQQ", "-1", "--strike", strike, "--width", "5", "--dte", "45", "--gtc",
        price="4.90", account="1", send="y",
    )  # fmt: skip
    (order,) = (number for number, status in books.orders().items() if status != "Filled")
    filled = {number: status for number, status in books.orders().items() if status == "Filled"}
    assert books.show(orders={order: "Live", **filled}), "a spread far from the market works"
    cancelled = client.run("order", "live", account="1", modify="y", new_price="")
    assert order in cancelled, "the working order is listed"
    assert f"Order {order} cancelled successfully!" in cancelled
    assert books.show(orders={order: "Cancelled", **filled}), "the books show it cancelled"
    history = client.run("order", "history", account="1")
    assert re.search(rf"│ {order} .*│ Cancelled ", history), "and so does the client"
    assert books.positions() == {"F": 100}, "nothing else has happened"


def main() -> int:
    """Install, start, use."""
    with tempfile.TemporaryDirectory(prefix="senex-client-") as name:
        folder = Path(name)
        program = install(CLIENT, folder / "client") / "tt"
        with simulator(folder / "state", "--accounts", "2") as ready:
            variables = environment(ready, folder)
            check(Client(program, variables), Books(ready), ready["account"])
    print("tastytrade-cli listed accounts, chain, positions and orders, bought, sold and cancelled.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
