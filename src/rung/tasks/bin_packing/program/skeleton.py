"""Adapts `priority` to plain data, so that it can be asked about many situations at once."""

import numpy as np
from priority import priority


def decide(document):
    """Returns the answers to the queries of a document; null where the priorities are not finite numbers.

    {"rank": [[item, bins], ...]}: the rank of every bin (equal priorities, equal ranks; the highest is best).
    {"choose": [[item, bins, untouched], ...]}: the place of the first bin of the highest priority; `untouched` is
    how many equal bins follow after the last one of `bins`, which is the first of them.
    """
    if "rank" in document:
        return [_ranks(_priorities(item, np.array(bins))) for item, bins in document["rank"]]
    return [
        _first(_priorities(item, np.concatenate([bins, np.full(untouched, bins[-1])])))
        for item, bins, untouched in document["choose"]
    ]


def _priorities(item, bins):
    values = np.broadcast_to(np.asarray(priority(item, bins), dtype=float), bins.shape)
    return values if np.isfinite(values).all() else None


def _ranks(values):
    return None if values is None else np.unique(values, return_inverse=True)[1].tolist()


def _first(values):
    return None if values is None else int(np.argmax(values))
