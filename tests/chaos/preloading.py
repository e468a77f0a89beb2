"""A server that preloads: ``python -m tests.chaos.preloading '{"dsn": ...}'``, started by the crew.

It makes its scheduler, draws chance, ids and an identity from it, and forks: its children run what it made.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys
from datetime import UTC, datetime, timedelta
from types import FrameType

from tests.chaos.tasks import Courier, work
from tests.chaos.worker import ChaosScheduler, Launch, die_with_parent, scheduler_for

CHILDREN = 3
OWN = "own"
"""What the ids of a child's own jobs begin with; its pid follows."""
DELIVERIES = 4
"""Jobs of an object that only one child has."""
UNNAMED = 20
"""Jobs of each child whose ids the library makes."""
TAG = "unnamed"
"""The third argument of these jobs."""


async def serve(scheduler: ChaosScheduler, grace: float) -> None:
    """Run jobs until SIGTERM; store some, of an object of this process and under ids that it makes."""
    scheduler.announce()
    running = asyncio.create_task(scheduler.run(shutdown_timeout=grace))
    courier, soon = Courier(os.getpid()), datetime.now(UTC) + timedelta(seconds=1)
    for number in range(DELIVERIES):
        await scheduler.schedule(courier.deliver, execution_time=soon, job_id=f"{OWN}-{os.getpid()}-{number}")
    for _ in range(UNNAMED):
        await scheduler.schedule(work, execution_time=soon, args=(1, 0, TAG))
    await running


def main(launch: Launch) -> int:
    """Exit code 0 if all children ended well."""
    scheduler = scheduler_for(launch)
    random.random()
    children = [_child(scheduler, launch) for _ in range(CHILDREN)]

    def pass_on(number: int, frame: FrameType | None) -> None:
        for pid in children:
            os.kill(pid, number)

    signal.signal(signal.SIGTERM, pass_on)
    die_with_parent()
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    return 0 if all(code in (0, -signal.SIGTERM) for code in codes) else 1


def _child(scheduler: ChaosScheduler, launch: Launch) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        die_with_parent()
        asyncio.run(serve(scheduler, launch.grace))
        code = 0
    except BaseException:
        logging.getLogger("chaos").exception("a child failed")
    finally:
        logging.shutdown()
        os._exit(code)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.exit(main(Launch.of(sys.argv[1])))
