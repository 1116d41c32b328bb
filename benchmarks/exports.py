"""Exporting 10,000 samples to text."""

import csv
import io
import json

from .harness import Contender, Names
from .rows import Comparison, Target
from .summaries import filled

# One more sample first, so that no text can be the former one kept.
RECORD = 'monitor.record_metric("op", 0.5, "s")'


def _rows() -> list[dict[str, object]]:
    # The list of dicts that our own JSON holds: the timestamps are texts already.
    monitor = filled()["monitor"]
    rows: list[dict[str, object]] = json.loads(monitor.export_metrics("json"))  # type: ignore[attr-defined]
    return rows


def _orjson() -> Names:
    import orjson

    return {"orjson": orjson, "rows": _rows()}


def _dict_writer() -> Names:
    rows = _rows()
    for row in rows:
        row["metadata"] = json.dumps(row["metadata"])

    def write() -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    return {"write": write}


WORKS = [
    Comparison(
        area="exports",
        name="JSON export of 10,000",
        ours=Contender(
            name="ours",
            statement=f'{RECORD}; monitor.export_metrics("json")',
            setup=filled,
            unroll=1,
        ),
        against=[
            (
                Contender(
                    name="orjson.dumps of the ready dicts",
                    statement="orjson.dumps(rows)",
                    setup=_orjson,
                    unroll=1,
                ),
                Target("2", stretch="1"),
            )
        ],
    ),
    Comparison(
        area="exports",
        name="CSV export of 10,000",
        ours=Contender(
            name="ours",
            statement=f'{RECORD}; monitor.export_metrics("csv")',
            setup=filled,
            unroll=1,
        ),
        against=[
            (
                Contender(
                    name="csv.DictWriter",
                    statement="write()",
                    setup=_dict_writer,
                    unroll=1,
                ),
                Target("1/10"),
            )
        ],
    ),
]
