"""The footer: the keys of this screen, and the screens themselves. Drawn from the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from tui import format as fmt
from tui.actions import BY_SCREEN, GLOBAL, SCREENS, Action, key_label
from tui.tones import line, lines, spread, toned
from tui.widgets.stateful import state_of

if TYPE_CHECKING:
    from textual import events


class KeyBar(Widget):
    """Two lines: what the keys do here, and where the others lead. Clickable."""

    def __init__(self, screen_name: str) -> None:
        super().__init__()
        self._screen = screen_name
        self._spans: list[tuple[int, int, int, Action]] = []

    def render(self) -> Content:
        """Both lines; the last entries give way on a narrow screen."""
        self._spans = []
        here = [action for action in BY_SCREEN[self._screen] if action.footer]
        others = [action for action in GLOBAL if action.footer and action not in SCREENS]
        first = self._row(0, here or others, "")
        waiting = " · ".join(state_of(self).waiting.values())
        if waiting:
            note = toned(f"⋯ {fmt.clean(waiting)} ", "warn").truncate(self.size.width // 2, ellipsis=True)
            first = spread(first, note, self.size.width)
        return lines([first, self._row(1, [*SCREENS, *(others if here else [])], f"go.{self._screen}")])

    def _row(self, y: int, actions: list[Action], current: str) -> Content:
        parts: list[Content] = [Content(" ")]
        x = 1
        for action in actions:
            key = key_label(action, state_of(self).keys)
            size = len(key) + len(action.label) + 1
            if x + size > self.size.width:
                break
            self._spans.append((y, x, x + size, action))
            here = action.id == current
            label = Content.styled(action.label, "bold underline" if here else "$foreground-muted")
            parts += [
                toned(key, "bad" if action.money else "accent").stylize("bold"),
                Content(" "),
                label,
                Content("  "),
            ]
            x += size + 2
        return line(*parts)

    async def on_click(self, event: events.Click) -> None:
        """Do what was clicked."""
        for y, left, right, action in self._spans:
            if event.y == y and left <= event.x < right:
                await self.screen.run_action(action.action)
                return
