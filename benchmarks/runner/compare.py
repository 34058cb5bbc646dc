"""Rounds of measurements: in each, everything is measured once and each peer twice, in another order each time."""
import os
import random
import time

most_rounds = int(os.environ.get("ROUNDS") or 30)


whole = time.monotonic() + 42 * 60


def rounds(name, takes, one, rows_of, say, least=6, seconds=420):
    """Takes rounds until all rows are decided, there were enough of them, or the time is over; gives the rows.

    The time is that of the benchmark, or what is left of the whole run's, where a few rounds are taken all the same.

    `one(take)` measures once and gives figures; a take "X again" is X measured once more. `rows_of(samples)` makes rows of
    samples[take][figure], a list each.
    """
    samples = {take: {} for take in takes}
    order = random.Random(name)
    began = time.monotonic()
    rows = []
    for number in range(-1, most_rounds):  # round -1 warms everything up
        for take in order.sample(takes, len(takes)):
            result = one(take.removesuffix(" again"))
            if number >= 0:
                for figure, value in result.items():
                    samples[take].setdefault(figure, []).append(value)
        if number + 1 >= min(least, most_rounds):
            rows = rows_of(samples)
            if all(row["holds"] is not None for row in rows) or time.monotonic() > min(began + seconds, whole):
                break
    say(f"{name}: {number + 1} rounds, {time.monotonic() - began:.0f} s")
    return rows
