"""A month of trading as a script over plain HTTP: spreads sold, chased, given targets, left to expire.

``python -m tests.contract.simulator_script FOLDER [DAYS]`` plays it against a
simulator process of its own, in lockstep, and leaves the
books in the folder. It imports nothing of senex, so any Python with aiohttp can play it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DAY = 86_400
POSITIONS = 10
SYMBOLS = ("QQQ", "SPY", "IWM", "AAPL", "MSFT")
NICKEL = Decimal("0.05")


@dataclass
class Trader:
    """One client of one simulator, trading by what it reads there."""

    http: aiohttp.ClientSession
    rest: str
    account: str
    headers: dict[str, str]

    async def get(self, path: str, **query: Any) -> Any:
        async with self.http.get(f"{self.rest}{path}", params=query, headers=self.headers) as answer:
            return (await answer.json())["data"]

    async def send(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        async with self.http.request(method, f"{self.rest}{path}", json=body, headers=self.headers) as answer:
            return dict(await answer.json())

    async def clock(self, **body: object) -> dict[str, Any]:
        return await self.send("POST", "/clock", body)

    async def put_spread(self, symbol: str) -> tuple[str, str, Decimal]:
        """A put spread about a month out, 3 % below the price, and its mid."""
        [spot] = (await self.get("/market-data/by-type", equity=symbol))["items"]
        chain = (await self.get(f"/option-chains/{symbol}/nested"))["items"][0]
        expiration = min(chain["expirations"], key=lambda one: abs(one["days-to-expiration"] - 17))
        strikes = sorted(expiration["strikes"], key=lambda one: Decimal(one["strike-price"]))
        below = [one for one in strikes if Decimal(one["strike-price"]) <= Decimal(spot["mid"]) * 97 / 100]
        short, long = below[-1]["put"], below[-3]["put"]
        query = [("equity-option", short), ("equity-option", long)]
        async with self.http.get(
            f"{self.rest}/market-data/by-type", params=query, headers=self.headers
        ) as answer:
            mids = {one["symbol"]: Decimal(one["mid"]) for one in (await answer.json())["data"]["items"]}
        return short, long, (mids[short] - mids[long]).quantize(Decimal("0.01"), ROUND_DOWN)

    async def place(self, short: str, long: str, price: Decimal, *, opens: bool) -> int:
        """Sell a spread for a credit, or buy it back GTC; the order's id."""
        words = ("Sell to Open", "Buy to Open") if opens else ("Buy to Close", "Sell to Close")
        body = {
            "time-in-force": "Day" if opens else "GTC",
            "order-type": "Limit",
            "price": str(price),
            "price-effect": "Credit" if opens else "Debit",
            "legs": [
                {"instrument-type": "Equity Option", "symbol": symbol, "action": action, "quantity": 1}
                for symbol, action in zip((short, long), words, strict=True)
            ],
        }
        answer = await self.send("POST", f"/accounts/{self.account}/orders", body)
        return int(answer["data"]["order"]["id"])

    async def status(self, order: int) -> str:
        return str((await self.get(f"/accounts/{self.account}/orders/{order}"))["status"])

    async def open_one(self, symbol: str) -> None:
        """Sell a spread, asking less every five minutes; once filled, a target for half."""
        short, long, price = await self.put_spread(symbol)
        order = await self.place(short, long, price, opens=True)
        for _ in range(4):
            await self.clock(advance=300)
            if await self.status(order) == "Filled":
                target = max(NICKEL, (price / 2).quantize(Decimal("0.01")))
                await self.place(short, long, target, opens=False)
                return
            price = max(NICKEL, price - NICKEL)
            path = f"/accounts/{self.account}/orders/{order}"
            body = {
                "time-in-force": "Day",
                "order-type": "Limit",
                "price": str(price),
                "price-effect": "Credit",
            }
            answer = await self.send("PUT", path, body)
            order = int(answer["data"]["id"]) if "data" in answer else order
        await self.send("DELETE", f"/accounts/{self.account}/orders/{order}")


@asynccontextmanager
async def simulator(folder: str, *options: str) -> AsyncIterator[Trader]:
    """A process of its own, and a client of it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "senex.simulator", "--port", "0", "--state", folder, *options),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await process.stdout.readline())
        async with aiohttp.ClientSession(trust_env=False) as http:
            asked = {name: ready[name] for name in ("client_secret", "refresh_token")}
            async with http.post(
                f"{ready['rest']}/oauth/token", json={"grant_type": "refresh_token", **asked}
            ) as answer:
                token = (await answer.json())["access_token"]
            yield Trader(http, ready["rest"], ready["account"], {"Authorization": f"Bearer {token}"})
    finally:
        process.terminate()
        await process.wait()


async def play(trader: Trader, days: int) -> None:
    """Open ten positions in the first two sessions, then let the days go by."""
    await trader.clock(speed=0)
    start = date.fromisoformat((await trader.clock(grid=60))["instant"][:10])
    for number in range(POSITIONS):
        await trader.open_one(SYMBOLS[number % len(SYMBOLS)])
        if number == POSITIONS // 2:
            await trader.clock(to="next-session")
    gone = date.fromisoformat((await trader.clock())["instant"][:10]) - start
    for _ in range(days - gone.days):
        await trader.clock(advance=DAY)


async def main(folder: str, days: int) -> None:
    """Play it."""
    async with simulator(folder, "--seed", "5", "--speed", "0") as trader:
        await play(trader, days)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30))
