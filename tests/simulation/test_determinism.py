"""A seed is a simulation: the same everywhere, at any time."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys

import pytest

from tests.simulation.play import play

SEEDS = 6


def digests_elsewhere(hash_seed: str) -> list[str]:
    """The digests of the first seeds, from a process of its own."""
    played = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--digests", "--seeds", str(SEEDS)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return [line.split()[1] for line in played.stdout.splitlines()[:SEEDS]]


@pytest.mark.slow
def test_a_seed_gives_the_same_trace_in_any_process() -> None:
    here = [play(seed).digest for seed in range(SEEDS)]
    assert len(set(here)) == SEEDS
    assert digests_elsewhere("1") == here
    assert digests_elsewhere("4242") == here


def test_a_seed_gives_the_same_trace_whatever_was_played_before() -> None:
    first: list[str] = []
    again: list[str] = []
    play(3, first.append)
    play(4)
    random.seed("something else")
    play(3, again.append)
    assert first == again
    assert len(first) > 20


def test_a_simulation_leaves_chance_as_it_was() -> None:
    random.seed(1)
    expected = random.random()
    random.seed(1)
    play(0)
    assert random.random() == expected


async def test_a_simulation_does_not_wait_in_real_time() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    outcome = await loop.run_in_executor(None, play, 0)
    assert outcome.seconds > 60
    assert loop.time() - began < outcome.seconds
