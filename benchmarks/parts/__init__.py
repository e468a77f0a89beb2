"""The parts, by name, in the order in which they run."""

from benchmarks.frame import Part
from benchmarks.parts.backlog import BACKLOG
from benchmarks.parts.drain import DRAIN
from benchmarks.parts.engine import ENGINE
from benchmarks.parts.enqueue import ENQUEUE
from benchmarks.parts.fleet import FLEET
from benchmarks.parts.foreign import FOREIGN_PART
from benchmarks.parts.history import HISTORY
from benchmarks.parts.idle import IDLE
from benchmarks.parts.lanes import LANES_PART
from benchmarks.parts.latency import LATENCY
from benchmarks.parts.limits import LIMITS
from benchmarks.parts.peers import PEERS
from benchmarks.parts.peers_enqueue import PEERS_ENQUEUE
from benchmarks.parts.peers_latency import PEERS_LATENCY
from benchmarks.parts.periodic import PERIODIC
from benchmarks.parts.pinned import PINNED
from benchmarks.parts.questions import QUESTIONS
from benchmarks.parts.queues import QUEUES_PART
from benchmarks.parts.watched import WATCHED_PART

_IN_ORDER = (
    ENQUEUE,
    DRAIN,
    LATENCY,
    ENGINE,
    IDLE,
    BACKLOG,
    FOREIGN_PART,
    QUEUES_PART,
    LANES_PART,
    FLEET,
    HISTORY,
    PINNED,
    LIMITS,
    PERIODIC,
    WATCHED_PART,
    QUESTIONS,
    PEERS,
    PEERS_ENQUEUE,
    PEERS_LATENCY,
)
PARTS: dict[str, Part] = {part.name: part for part in _IN_ORDER}

__all__ = ["PARTS"]
