"""Who tells whom in a worker."""

from __future__ import annotations

import pytest

from pg_scheduler.engine.events import REACTIONS, Event, Events, Reaction


def test_every_event_has_a_reaction_and_every_reaction_a_cause() -> None:
    assert set(REACTIONS) == set(Event)
    assert all(REACTIONS.values())
    assert {reaction for reactions in REACTIONS.values() for reaction in reactions} == set(Reaction)


@pytest.mark.parametrize("event", Event)
def test_an_event_causes_the_reactions_of_its_row_and_no_others(event: Event) -> None:
    caused: list[Reaction] = []
    events = Events()
    events.connect({reaction: lambda reaction=reaction: caused.append(reaction) for reaction in Reaction})  # type: ignore[misc]
    events.on(event)()
    assert tuple(caused) == REACTIONS[event]


def test_a_composition_that_leaves_a_reaction_out_is_refused() -> None:
    with pytest.raises(KeyError):
        Events().connect({reaction: print for reaction in Reaction if reaction is not Reaction.PRUNE})
