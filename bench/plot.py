"""Draws docs/performance.svg out of docs/performance.toml: each measured ratio as a bar beside its floor."""

import sys
import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

DOCS = Path(__file__).parents[1] / "docs"
LABEL, SCALE, BAR, GAP, TOP = 330, 300, 18, 8, 56
INK, OURS, FLOOR = "#1f2933", "#2b6cb0", "#a0aec0"


def main() -> int:
    figures = tomllib.loads((DOCS / "performance.toml").read_text())
    (DOCS / "performance.svg").write_text(drawn(figures))
    return 0


def drawn(figures: dict[str, list[dict[str, object]]]) -> str:
    """The floor is 1; a longer bar is faster."""
    rows = ['<text x="0" y="18" font-weight="bold">Speed beside the floor of the same run (longer is faster)</text>']
    y = TOP
    for title, bars in figures.items():
        rows.append(f'<text x="0" y="{y}" font-weight="bold">{escape(title)}</text>')
        y += GAP
        for bar in bars:
            rows += _bar(y, str(bar["name"]), float(str(bar["ratio"])))
            y += BAR + GAP
        y += BAR + GAP
    line = LABEL + SCALE
    rows.append(
        f'<line x1="{line}" x2="{line}" y1="{TOP - 20}" y2="{y - BAR - GAP}" stroke="{FLOOR}" stroke-dasharray="4 3"/>'
    )
    rows.append(f'<text x="{line}" y="{TOP - 24}" text-anchor="middle" fill="{INK}">floor = 1</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LABEL + SCALE * 3 // 2} {y}" font-family="sans-serif"'
        f' font-size="13" fill="{INK}">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def _bar(y: int, name: str, ratio: float) -> list[str]:
    width = round(SCALE * ratio)
    return [
        f'<text x="12" y="{y + BAR - 4}">{escape(name)}</text>',
        f'<rect x="{LABEL}" y="{y}" width="{width}" height="{BAR}" fill="{OURS}"/>',
        f'<text x="{LABEL + width + 6}" y="{y + BAR - 4}">{ratio:.2f}</text>',
    ]


if __name__ == "__main__":
    sys.exit(main())
