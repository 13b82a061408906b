"""Loads a van, most attractive parcels first."""


def load(problem):
    """Returns the numbers of the parcels to take."""
    parcels, room, chosen = problem["parcels"], problem["capacity"], []
    for number in sorted(range(len(parcels)), key=lambda n: attraction(parcels[n]), reverse=True):
        if parcels[number]["weight"] <= room:
            room -= parcels[number]["weight"]
            chosen.append(number)
    return chosen


# EVOLVE-BLOCK-START
def attraction(parcel):
    """Returns how much a parcel is wanted."""
    value, weight = parcel["value"], parcel["weight"]
    return value - 0.1 * weight
# EVOLVE-BLOCK-END
