"""How a figure is judged: medians over rounds, each with the interval in which the true median lies (95 %)."""
import math
import statistics

fewest = 6  # five values have no 95 % interval


def interval(values):
    """The 95 % interval of the median, from order statistics: no assumption on how the values are spread."""
    ordered = sorted(values)
    count = len(ordered)
    below, outside = -1, 0.0
    for k in range(count // 2):
        outside += 2 * math.comb(count, k) / 2**count
        if outside > 0.05:
            break
        below = k
    if below < 0:
        return ordered[0], ordered[-1]
    return ordered[below], ordered[count - 1 - below]


def half_width(values, centre):
    """How far the interval of the median reaches from `centre`."""
    low, high = interval(values)
    return max(abs(low - centre), abs(high - centre))


def ratio_row(name, figure, unit, peer, goal, ours, theirs, again):
    """A row from the rounds' samples of ours, the peer, and the peer once more in the same round.

    `aa` is how far the peer seems to be from itself: closer to the goal than that, nothing can be said.
    """
    ratios = [a / b for a, b in zip(ours, theirs)]
    itself = [a / b for a, b in zip(again, theirs)]
    ratio = statistics.median(ratios)
    aa = half_width(itself, 1.0)
    low, high = interval(ratios)
    decided = len(ratios) >= fewest and aa < abs(ratio - goal) and not low <= goal < high
    return row(
        name, figure, unit, statistics.median(ours), peer, statistics.median(theirs), ratio, goal, len(ratios),
        half_width(ratios, ratio), aa, ratio <= goal if decided else None,
    )


def plain_row(name, figure, unit, goal, ours):
    """A row whose goal is a number of its own unit, not a ratio."""
    low, high = interval(ours)
    median = statistics.median(ours)
    holds = None if low <= goal < high or len(ours) < fewest else median <= goal
    return row(name, figure, unit, median, None, None, None, goal, len(ours), (high - low) / 2, None, holds)


def counted_row(name, figure, unit, goal, ours):
    """A row of one exact count, which no round would change."""
    return row(name, figure, unit, ours, None, None, None, goal, 1, 0, None, ours <= goal)


def row(name, figure, unit, ours, peer, theirs, ratio, goal, rounds, spread, aa, holds):
    def rounded(value):
        return value if value is None else float(f"{value:.4g}")

    return {
        "benchmark": name, "figure": figure, "unit": unit, "ours": rounded(ours), "peer": peer,
        "theirs": rounded(theirs), "ratio": rounded(ratio), "goal": goal, "sense": "lower", "rounds": rounds,
        "spread": rounded(spread), "aa": rounded(aa), "holds": holds,
    }


def table(rows):
    """The rows as text, a line each."""
    heads = ["benchmark", "figure", "unit", "ours", "peer", "theirs", "ratio", "goal", "aa", "rounds", "holds"]
    words = {True: "yes", False: "NO", None: "open"}
    lines = [heads]
    for entry in rows:
        cells = []
        for head in heads:
            value = entry[head]
            cells.append(words[value] if head == "holds" else "-" if value is None else str(value))
        lines.append(cells)
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)
