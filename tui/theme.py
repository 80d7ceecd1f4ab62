"""The console's own theme; any Textual theme serves as well (``TEXTUAL_THEME``)."""

from __future__ import annotations

from textual.theme import Theme

SENEX_THEME = Theme(
    name="senex",
    dark=True,
    primary="#7aa2d6",
    secondary="#b48ead",
    accent="#e0af68",
    foreground="#d7dce4",
    background="#12161c",
    surface="#181d25",
    panel="#222935",
    success="#8fbf7f",
    warning="#e0af68",
    error="#e0697a",
    variables={"border": "#364152", "border-blurred": "#2a3340", "footer-background": "#181d25"},
)
