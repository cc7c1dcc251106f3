"""Line charts over time as plain SVG, in the colours of the trading page; light and dark by the reader's choice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, PANEL_HEIGHT = 920, 210
LEFT, RIGHT, TOP, BOTTOM = 70, 180, 34, 30
# The first two are the page's own; the rest keep their distance from each other on both grounds.
COLOURS = ("#5aa9ff", "#d9b36c", "#2fc48d", "#ff6673", "#b48cff", "#ff9d4d", "#4fd1d9", "#e57fc1", "#9aa84a", "#8f9bab")
STYLE = """
svg { --bg: #080b10; --panel: #10141b; --line: #232b37; --grid: #171d26; --text: #dbe1ea; --muted: #8f9bab; }
@media (prefers-color-scheme: light) {
svg { --bg: #e6e9ee; --panel: #ffffff; --line: #c9d0d9; --grid: #eceff3; --text: #1a202a; --muted: #5b6675; } }
text { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; fill: var(--text); }
.muted { fill: var(--muted); font-size: 11px; }
.title { font-size: 13px; font-weight: 600; }
.grid { stroke: var(--grid); stroke-width: 1; }
.frame { fill: var(--panel); stroke: var(--line); }
.line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
"""


@dataclass(frozen=True)
class Series:
    name: str
    points: list[tuple[float, float]]  # minutes, value


@dataclass(frozen=True)
class Panel:
    title: str
    unit: str
    series: list[Series]


def steps(top: float, count: int = 4) -> list[float]:
    """Round numbers from zero to at least `top`."""
    raw = max(top, 1e-9) / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.9999)
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)] if top > 0 else [0, 1]


def number(value: float) -> str:
    text = f"{value:,.2f}" if 0 < abs(value) < 10 else f"{value:,.0f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def write_svg(path: Path, title: str, panels: list[Panel]) -> None:
    height = 40 + len(panels) * PANEL_HEIGHT + 10
    minutes = max((t for panel in panels for each in panel.series for t, _ in each.points), default=1.0)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" style="fill: var(--bg)"/>',
        f'<text x="16" y="25" class="title">{escape(title)}</text>',
    ]
    for index, panel in enumerate(panels):
        out += _panel(panel, 40 + index * PANEL_HEIGHT, minutes)
    out.append("</svg>")
    path.write_text("\n".join(out) + "\n")


def _panel(panel: Panel, y: float, minutes: float) -> list[str]:
    width, height = WIDTH - LEFT - RIGHT, PANEL_HEIGHT - TOP - BOTTOM
    marks = steps(max((v for each in panel.series for _, v in each.points), default=1.0))
    top = marks[-1] or 1

    def at(t: float, v: float) -> str:
        return f"{LEFT + width * t / minutes:.1f},{y + TOP + height * (1 - v / top):.1f}"

    out = [
        f'<rect x="8" y="{y}" width="{WIDTH - 16}" height="{PANEL_HEIGHT - 8}" rx="4" class="frame"/>',
        f'<text x="20" y="{y + 21}" class="title">{escape(panel.title)}<tspan class="muted" dx="8">{escape(panel.unit)}</tspan></text>',
    ]
    for mark in marks:
        line_y = y + TOP + height * (1 - mark / top)
        out.append(f'<line x1="{LEFT}" x2="{LEFT + width}" y1="{line_y:.1f}" y2="{line_y:.1f}" class="grid"/>')
        out.append(f'<text x="{LEFT - 8}" y="{line_y + 4:.1f}" text-anchor="end" class="muted">{number(mark)}</text>')
    for mark in steps(minutes, 6):
        if mark <= minutes * 1.001:
            x = LEFT + width * mark / minutes
            out.append(
                f'<text x="{x:.1f}" y="{y + TOP + height + 16:.1f}" text-anchor="middle" class="muted">{number(mark)}'
                f"{' min' if mark == 0 else ''}</text>"
            )
    for place, each in enumerate(panel.series):
        colour = COLOURS[place % len(COLOURS)]
        points = " ".join(at(t, v) for t, v in each.points)
        out.append(f'<polyline points="{points}" class="line" style="stroke: {colour}"/>')
        key_y = y + TOP + 6 + place * 15
        out.append(f'<rect x="{WIDTH - RIGHT + 14}" y="{key_y - 6}" width="12" height="3" fill="{colour}"/>')
        last = each.points[-1][1] if each.points else 0.0
        out.append(
            f'<text x="{WIDTH - RIGHT + 32}" y="{key_y}">{escape(each.name)}'
            f'<tspan class="muted" dx="6">{number(last)}</tspan></text>'
        )
    return out
