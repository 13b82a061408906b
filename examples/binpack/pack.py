"""First fit, once a bin has some slack left; both numbers are guesses."""

SLACK = 12
LARGEST_FIRST = 0


def pack(problem):
    """Returns bins, lists of items, none above the capacity."""
    bins = []
    items = list(problem["items"])
    if LARGEST_FIRST > 0:
        items.sort(reverse=True)
    for item in items:
        for content in bins:
            if sum(content) + item <= problem["capacity"] - SLACK:
                content.append(item)
                break
        else:
            bins.append([item])
    return bins
