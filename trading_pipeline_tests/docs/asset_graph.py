"""Draw docs/asset-graph.svg from the definitions: stages are strips, tables are nodes.

`python -m trading_pipeline_tests.docs.asset_graph` writes it again after a change of the graph.
"""

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from trading_pipeline.assets import all_assets

TARGET = Path(__file__).resolve().parents[2] / "docs" / "asset-graph.svg"
# Which stages stand side by side, from top to bottom. A stage missing here is an error.
ROWS = (
    ("bars",),
    ("regimes", "labels"),
    ("features", "memory", "splits"),
    ("sweeps",),
    ("ensemble",),
    ("backtest", "gate"),
    ("selloffs",),
    ("predictions", "outcomes"),
    ("drift", "scans", "reports"),
)
WIDTH = 1000
NODE_HEIGHT, STRIP_HEIGHT, ROW_STEP, LINE_STEP = 26, 58, 112, 64
CHARACTER, PADDING, GAP, STRIP_GAP = 7.0, 20, 10, 22

STYLE = """
    svg { --paper: #ffffff; --strip: #f3f5f8; --edge: #8a94a3; --node: #ffffff;
          --line: #b9c1cc; --ink: #1b2430; --stage: #0b5cad; }
    @media (prefers-color-scheme: dark) {
      svg { --paper: #0d1117; --strip: #161c26; --edge: #7c8796; --node: #212a37;
            --line: #465162; --ink: #e8edf4; --stage: #7cb8ff; } }
    text { font: 12px ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif; fill: var(--ink); }
    .stage { font-weight: 600; fill: var(--stage);
             paint-order: stroke; stroke: var(--strip); stroke-width: 4px; }
    .strip { fill: var(--strip); stroke: var(--line); }
    .node { fill: var(--node); stroke: var(--line); }
    .edge { fill: none; stroke: var(--edge); stroke-width: 1.3; }
    .head { fill: var(--edge); }
"""


@dataclass(frozen=True, slots=True)
class Box:
    """A node's place in the picture."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self):
        """The horizontal middle."""
        return self.x + self.width / 2


def graph():
    """Return each table with the tables it reads."""
    return {
        ".".join(key.path): {".".join(read.path) for read in asset.asset_deps[key]}
        for asset in all_assets()
        for key in asset.keys
    }


def reduced(reads):
    """Return the graph without the arrows that follow from other arrows."""
    above = {}

    def ancestors(table):
        if table not in above:
            above[table] = reads[table].union(*map(ancestors, reads[table]))
        return above[table]

    return {
        table: {read for read in direct if not any(read in ancestors(other) for other in direct)}
        for table, direct in reads.items()
    }


def depth(reads, table):
    """Return the length of the longest way to a table."""
    return max((1 + depth(reads, read) for read in reads[table]), default=0)


def placed(reads):
    """Return the box of each table, and of each stage (x, y, width)."""
    tables = {stage: [] for row in ROWS for stage in row}
    for table in sorted(reads, key=lambda name: (depth(reads, name), name)):
        tables[table.split(".")[0]].append(table)
    nodes, strips, y = {}, {}, 12
    for row in ROWS:
        lines = {stage: _lines(tables[stage]) for stage in row}
        spans = {stage: max(map(_span, lines[stage])) + 2 * GAP for stage in row}
        x = (WIDTH - sum(spans.values()) - STRIP_GAP * (len(row) - 1)) / 2
        for stage in row:
            height = STRIP_HEIGHT + LINE_STEP * (len(lines[stage]) - 1)
            strips[stage] = Box(x, y, spans[stage], height)
            for number, line in enumerate(lines[stage]):
                at = x + GAP
                top = y + STRIP_HEIGHT - NODE_HEIGHT - 8 + LINE_STEP * number
                for table in line:
                    nodes[table] = Box(at, top, _width(table), NODE_HEIGHT)
                    at += _width(table) + GAP
            x += spans[stage] + STRIP_GAP
        y += max(strips[stage].height for stage in row) + ROW_STEP - STRIP_HEIGHT
    return nodes, strips


def _lines(tables):
    """Return a stage's tables in lines that fit the picture."""
    lines = [[]]
    for table in tables:
        if lines[-1] and _span([*lines[-1], table]) > WIDTH - 6 * GAP:
            lines.append([])
        lines[-1].append(table)
    return lines


def _span(line):
    return sum(map(_width, line)) + GAP * (len(line) - 1)


def _width(table):
    return len(table.split(".")[1]) * CHARACTER + PADDING


def _edge(source, target):
    if source.y < target.y:
        x1, y1, x2, y2 = source.middle, source.y + NODE_HEIGHT, target.middle, target.y - 5
        bend = min(60.0, (y2 - y1) / 2)
        path = f"M{x1:.1f} {y1:.1f} C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f}"
        return f"{path} {x2:.1f} {y2:.1f}"
    if source.y > target.y:
        x1, y1, x2, y2 = source.middle, source.y, target.middle, target.y + NODE_HEIGHT + 5
        return (
            f"M{x1:.1f} {y1:.1f} C{x1:.1f} {y1 - 40:.1f} {x2:.1f} {y2 + 40:.1f} {x2:.1f} {y2:.1f}"
        )
    # Side by side: below the strip, from bottom to bottom.
    x1, x2, y = source.middle, target.middle, source.y + NODE_HEIGHT
    drop = y + 14 + 0.06 * abs(x2 - x1)
    return f"M{x1:.1f} {y:.1f} C{x1:.1f} {drop:.1f} {x2:.1f} {drop:.1f} {x2:.1f} {y + 5:.1f}"


def svg(reads):
    """Return the picture."""
    nodes, strips = placed(reads)
    height = max(box.y + box.height for box in strips.values()) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        ' aria-label="The asset graph: stages and their tables">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="6"'
        ' markerHeight="6" orient="auto"><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" rx="10" style="fill: var(--paper)"/>',
    ]
    for box in strips.values():
        parts.append(
            f'<rect class="strip" x="{box.x:.1f}" y="{box.y}" width="{box.width:.1f}"'
            f' height="{box.height}" rx="8"/>'
        )
    for table, direct in sorted(reduced(reads).items()):
        for read in sorted(direct):
            line = _edge(nodes[read], nodes[table])
            parts.append(
                f'<path class="edge" marker-end="url(#head)" d="{line}">'
                f"<title>{escape(read)} to {escape(table)}</title></path>"
            )
    for stage, box in strips.items():
        parts.append(f'<text class="stage" x="{box.x + 10:.1f}" y="{box.y + 17}">{stage}</text>')
    for table, box in nodes.items():
        parts.append(
            f'<rect class="node" x="{box.x:.1f}" y="{box.y}" width="{box.width:.1f}"'
            f' height="{NODE_HEIGHT}" rx="6"/>'
            f'<text x="{box.middle:.1f}" y="{box.y + 17}" text-anchor="middle">'
            f"{escape(table.split('.')[1])}</text>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(svg(graph()), encoding="utf-8")
    print(TARGET)
