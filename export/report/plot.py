"""Errors over Keras's logits, as a small inline SVG."""

from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 460, 200, 44
DOT = 1.8  # px


def error_plot(points: Sequence[Sequence[float | None]]) -> str:
    """SVG of (logit of Keras, error of the file) pairs; what is not finite is left out."""
    known = [(x, y) for x, y in points if x is not None and y is not None]
    if not known:
        return ""
    left, right = min(x for x, _ in known), max(x for x, _ in known)
    top = max(abs(y) for _, y in known) or 1.0
    width = (right - left) or 1.0

    def across(x: float) -> float:
        return MARGIN + (x - left) / width * (WIDTH - 2 * MARGIN)

    def down(y: float) -> float:
        return HEIGHT / 2 - y / top * (HEIGHT / 2 - MARGIN / 2)

    dots = "".join(f'<circle cx="{across(x):.1f}" cy="{down(y):.1f}" r="{DOT}"/>' for x, y in known)
    marks = "".join(f'<text x="4" y="{down(y) + 4:.0f}">{y:+.1e}</text>' for y in (-top, top))
    marks += "".join(
        f'<text x="{across(x):.0f}" y="{HEIGHT - 4}" text-anchor="middle">{x:.1f}</text>' for x in (left, right)
    )
    zero = f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{HEIGHT / 2}" y2="{HEIGHT / 2}"/>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="logit error over the logit of Keras">'
        f'{zero}<g class=dots>{dots}</g>{marks}<text x="{WIDTH / 2}" y="{HEIGHT - 4}" text-anchor="middle">'
        f"logit of Keras; up: error of the file</text></svg>"
    )
