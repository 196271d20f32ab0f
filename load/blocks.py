"""In which order two targets are measured, and what is played in each block.

    order(pairs=40, seed=0)                     # "abbabaababba...": one letter a block
    journeys(mix, sessions=20, seed="3")        # the journeys of a block, the same number of each in every block

Four blocks are a quad: ABBA or BAAB, so that what drifts evenly cancels within it. Which of the two is tossed for,
quad by quad: the weather of a machine, however regular, does not know the coin. So the test of `seatrial.paired` is a
randomization test, exact for a target that is slower by a constant factor, whatever else the machine does meanwhile.
"""

from __future__ import annotations

import random

from load.mix import Mix

QUAD = 4
"""Blocks that belong together: two pairs of neighbours."""


def order(pairs: int, seed: int) -> str:
    """The sides of the blocks, two for each pair. `pairs` is even."""
    chance = random.Random(f"order {seed}")
    return "".join(chance.choice(("abba", "baab")) for _ in range(pairs * 2 // QUAD))


def journeys(mix: Mix, sessions: int, seed: str) -> list[str]:
    """So many journeys in the proportions of the mix, as near as whole numbers come, in the order of a toss."""
    weights, whole = mix.weights, sum(mix.weights.values())
    shares = {name: sessions * weight / whole for name, weight in weights.items()}
    chosen = {name: int(share) for name, share in shares.items()}
    for name in sorted(shares, key=lambda name: chosen[name] - shares[name])[: sessions - sum(chosen.values())]:
        chosen[name] += 1
    listed = [name for name, count in chosen.items() for _ in range(count)]
    random.Random(f"journeys {seed}").shuffle(listed)
    return listed
