"""Panels: a titled frame around facts, a gauge, or lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from tui.tones import line, lines, spread, toned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from textual.geometry import Size

Fact = tuple[str, Content | str]


class Panel(Widget):
    """A frame whose content is drawn for its width."""

    def __init__(
        self,
        title: str,
        draw: Callable[[int], Content],
        *,
        id: str | None = None,  # noqa: A002  Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = title
        self._draw = draw
        self._shown: Content | None = None

    def redraw(self) -> None:
        """Paint again if the content differs; lay out again if its height does."""
        if not self.size.width:
            self.refresh(layout=True)
            return
        content = self._draw(self.size.width)
        if self._shown is None or not content.is_same(self._shown):
            taller = self._shown is None or content.plain.count("\n") != self._shown.plain.count("\n")
            self._shown = content
            self.refresh(layout=taller)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002  Textual's call
        """As many lines as the content has at ``width``; it never wraps."""
        return self._draw(width).plain.count("\n") + 1

    def render(self) -> Content:
        """The content at this width."""
        self._shown = self._draw(self.size.width)
        return self._shown


def facts(rows: Sequence[Fact], width: int) -> Content:
    """Labels on the left, figures on the right edge."""
    return lines(
        [
            spread(toned(label, "dim"), value if isinstance(value, Content) else Content(value), width)
            for label, value in rows
        ]
    )


def gauge(used: Decimal | None, extra: Decimal, total: Decimal | None, width: int) -> Content:
    """A bar: `█` used, `▒` what a decision would add, `·` free, `!` what goes beyond the end."""
    if used is None or total is None or total <= 0:
        return toned("░" * max(width, 0), "dim")
    filled = min(int(used / total * width + (1 if used and used / total * width < 1 else 0)), width)
    reach = min(int((used + extra) / total * width), width)
    reach = max(reach, min(filled + 1, width)) if extra > 0 else filled
    over = used + extra > total
    tone = "bad" if over else "warn" if (used + extra) * 5 > total * 4 else "good"
    bar = line(
        toned("█" * filled, tone),
        toned("▒" * (reach - filled), "bad" if over else "accent"),
        toned("·" * (width - reach), "dim"),
    )
    return line(bar.truncate(max(width - 1, 0)), toned("!", "bad")) if over else bar
