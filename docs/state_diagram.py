"""Draws the life of a job from the transition table: a picture (states.svg) and a table in concepts.md.

Run ``python docs/state_diagram.py`` after changing `pg_scheduler.domain.states.TRANSITIONS`; a test fails
while what is checked in is not what this would write.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

from pg_scheduler.domain.states import TRANSITIONS, Fence, JobEvent, JobStatus, Transition

DOCS = Path(__file__).parent
PICTURE = DOCS / "states.svg"
PAGE = DOCS / "concepts.md"
BEGIN, END = (
    "<!-- begin: written by docs/state_diagram.py -->",
    "<!-- end: written by docs/state_diagram.py -->",
)

FENCES = {
    Fence.NONE: "-",
    Fence.EPOCH: "epoch",
    Fence.OWNER: "epoch and owner",
    Fence.LEASE_OVER: "lease is over",
}

WIDTH, HEIGHT = 960, 560
BOX_WIDTH, BOX_HEIGHT = 116, 44
CENTRES = {
    JobStatus.PENDING: (110, 280),
    JobStatus.RUNNING: (430, 280),
    JobStatus.COMPLETED: (860, 90),
    JobStatus.FAILED: (860, 220),
    JobStatus.CANCELLED: (860, 350),
    JobStatus.EXPIRED: (860, 470),
}


@dataclass(frozen=True, slots=True)
class Curve:
    """How the arrow between two states runs, and where its label stands."""

    path: str
    label: tuple[int, int]


# One entry for every pair of states that the table joins: a new pair in the table asks for a new entry.
CURVES = {
    (JobStatus.PENDING, JobStatus.PENDING): Curve("M 52 275 C 5 250, 5 310, 50 288", (36, 326)),
    (JobStatus.PENDING, JobStatus.RUNNING): Curve("M 168 272 L 368 272", (268, 264)),
    (JobStatus.RUNNING, JobStatus.PENDING): Curve("M 372 290 C 310 318, 230 318, 170 290", (290, 318)),
    (JobStatus.RUNNING, JobStatus.RUNNING): Curve("M 415 258 C 400 212, 460 212, 446 256", (430, 206)),
    (JobStatus.RUNNING, JobStatus.COMPLETED): Curve("M 488 268 C 600 230, 660 140, 800 96", (606, 208)),
    (JobStatus.RUNNING, JobStatus.FAILED): Curve("M 488 276 C 600 270, 680 240, 800 224", (656, 242)),
    (JobStatus.RUNNING, JobStatus.CANCELLED): Curve("M 488 288 C 600 300, 680 330, 800 346", (668, 312)),
    (JobStatus.PENDING, JobStatus.COMPLETED): Curve("M 96 258 C 120 60, 560 40, 800 78", (440, 80)),
    (JobStatus.PENDING, JobStatus.FAILED): Curve("M 124 258 C 180 120, 620 120, 800 206", (440, 150)),
    (JobStatus.PENDING, JobStatus.CANCELLED): Curve("M 130 302 C 136 420, 600 410, 800 358", (520, 388)),
    (JobStatus.PENDING, JobStatus.EXPIRED): Curve("M 112 302 C 116 470, 560 480, 800 472", (460, 466)),
}
FROM_FINISHED = Curve("M 860 516 L 860 540 L 90 540 L 90 304", (460, 544))
"""The arrow of what happens to a finished job, whichever way it finished."""
FINISHED_FRAME = (784, 52, 152, 464)
"""Left, top, width and height of the frame around the finished states."""
CHARACTER = 6.6
"""Width of a label's character, near enough to put a white patch behind it."""


def write() -> None:
    """Bring the picture and the page up to date."""
    PICTURE.write_text(picture(), encoding="utf-8")
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def page_with_table(page: str) -> str:
    """The page with the table between its two markers renewed."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    assert after, f"{PAGE.name} has lost its markers"
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


def table() -> str:
    """Every step as a Markdown table, in the order of `TRANSITIONS`."""
    lines = ["| from | event | to | the writer must prove | new epoch |", "|---|---|---|---|---|"]
    for step in TRANSITIONS:
        bumps = "yes" if step.bumps_epoch else "-"
        fence = FENCES[step.fence]
        lines.append(f"| `{step.source}` | {step.event} | `{step.target}` | {fence} | {bumps} |")
    return "\n".join(lines) + "\n"


def picture() -> str:
    """The diagram as SVG text."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"',
        '     aria-label="The states of a job and the events that lead from one to the next">',
        "<style>",
        "  text { font: 13px sans-serif; text-anchor: middle; fill: #1a1a1a; }",
        "  .state { font-weight: bold; font-size: 15px; }",
        "  .arrow { fill: none; stroke: #5b6b7b; stroke-width: 1.5; marker-end: url(#head); }",
        "  .frame { fill: none; stroke: #8a99a8; stroke-dasharray: 5 4; }",
        "  .box { fill: #eef3f8; stroke: #35506b; stroke-width: 1.5; }",
        "</style>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"',
        '  orient="auto-start-reverse"><path d="M 0 0 L 10 5 L 0 10 z" fill="#5b6b7b"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        '<rect class="frame" x="{}" y="{}" width="{}" height="{}" rx="12"/>'.format(*FINISHED_FRAME),
        *(_arrow(curve) for curve, _ in _edges()),
        *(_label(curve, text) for curve, text in _edges()),
        *(_box(status) for status in JobStatus),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _edges() -> list[tuple[Curve, str]]:
    """One arrow per pair of states, with the events that take it; one for all finished states together."""
    live = sorted((step for step in TRANSITIONS if not step.source.finished), key=_pair)
    edges = [(CURVES[pair], _events(steps)) for pair, steps in groupby(live, key=_pair)]
    return [*edges, (FROM_FINISHED, _events(_shared_by_finished()))]


def _pair(step: Transition) -> tuple[JobStatus, JobStatus]:
    return step.source, step.target


def _shared_by_finished() -> list[Transition]:
    """The steps out of one finished state, which must be those of every other."""
    finished = [status for status in JobStatus if status.finished]
    steps = {status: [step for step in TRANSITIONS if step.source is status] for status in finished}
    ways: set[tuple[tuple[JobEvent, JobStatus], ...]] = {
        tuple((step.event, step.target) for step in of_one) for of_one in steps.values()
    }
    assert len(ways) == 1, "the finished states differ in what may follow: draw an arrow for each"
    assert all(step.target is JobStatus.PENDING for step in steps[finished[0]])
    return steps[finished[0]]


def _events(steps: object) -> str:
    return ", ".join(str(step.event) for step in steps)  # type: ignore[attr-defined]


def _arrow(curve: Curve) -> str:
    return f'<path class="arrow" d="{curve.path}"/>'


def _label(curve: Curve, text: str) -> str:
    x, y = curve.label
    width = round(len(text) * CHARACTER) + 8
    return (
        f'<rect x="{x - width // 2}" y="{y - 13}" width="{width}" height="18" fill="#ffffff"/>'
        f'<text x="{x}" y="{y}">{escape(text)}</text>'
    )


def _box(status: JobStatus) -> str:
    x, y = CENTRES[status]
    left, top = x - BOX_WIDTH // 2, y - BOX_HEIGHT // 2
    return (
        f'<rect class="box" x="{left}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8"/>'
        f'<text class="state" x="{x}" y="{y + 5}">{status}</text>'
    )


if __name__ == "__main__":
    write()
