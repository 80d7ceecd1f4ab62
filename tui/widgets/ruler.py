"""The price ruler: where limit and mid lie between natural and opposite, and how wide the approval's band is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from senex.domain.unknown import Unknown
from tui import format as fmt
from tui.tones import line, lines, toned

if TYPE_CHECKING:
    from decimal import Decimal

    from senex.domain.suggestions import Pricing
    from senex.ports.views import SuggestionView

_MIN_WIDTH = 20


def draw_ruler(suggestion: SuggestionView, pricing: Pricing | Unknown, width: int) -> Content:
    """`├──────[══◆══▲══]────┤` : ends are natural and opposite, `◆` mid, `▲` limit, `[ ]` the band."""
    if isinstance(pricing, Unknown) or width < _MIN_WIDTH:
        return toned("├" + "┈" * max(width - 2, 0) + "┤", "dim")
    low = min(pricing.natural, suggestion.band_low)
    high = max(pricing.opposite, suggestion.band_high)
    track = ["─"] * width
    left, right = _at(suggestion.band_low, low, high, width), _at(suggestion.band_high, low, high, width)
    for x in range(left, right + 1):
        track[x] = "═"
    tones = ["accent" if left <= x <= right else "dim" for x in range(width)]
    for value, mark, tone in (
        (suggestion.band_low, "[", "accent"),
        (suggestion.band_high, "]", "accent"),
        (pricing.natural, "├", "warn"),
        (pricing.opposite, "┤", "good"),
        (pricing.mid, "◆", "strong"),
        (suggestion.limit_price, "▲", "accent"),
    ):
        x = _at(value, low, high, width)
        track[x], tones[x] = mark, tone
    return lines(
        [
            line(*(toned(mark, tone) for mark, tone in zip(track, tones, strict=True))),
            _ends(f"├ natural {fmt.price(pricing.natural)}", f"{fmt.price(pricing.opposite)} best ┤", width),
        ]
    )


def _ends(left: str, right: str, width: int) -> Content:
    gap = max(width - len(left) - len(right), 1)
    return line(toned(left, "warn"), Content(" " * gap), toned(right, "good"))


def _at(value: Decimal, low: Decimal, high: Decimal, width: int) -> int:
    if high <= low:
        return 0
    return min(max(int((value - low) / (high - low) * (width - 1)), 0), width - 1)
