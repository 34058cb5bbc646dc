"""The rows of results/latest.json: the last of each benchmark, figure and peer, with when and where it was taken."""
import json


def key(row):
    return row["benchmark"], row["figure"], row["peer"]


def merge(file, rows):
    """Puts the rows in the place of older ones of the same key; the others stay."""
    old = json.loads(file.read_text())["rows"] if file.exists() else []
    merged = {key(row): row for row in old} | {key(row): row for row in rows}
    file.parent.mkdir(exist_ok=True)
    # A line a row, so that a change shows which rows were taken again.
    file.write_text('{"rows": [\n' + ",\n".join(json.dumps(row) for row in merged.values()) + "\n]}\n")
