"""The order of cases and their shares."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some

from synthetic_imaging.learning.training.order import CaseOrder, shares


@given(cases=some.integers(1, 40), batch=some.integers(1, 9), seed=some.integers(0, 2**40))
@settings(max_examples=40, deadline=None)
def test_every_epoch_holds_each_case_once(cases: int, batch: int, seed: int):
    order = CaseOrder(cases, batch, seed)
    row = [order.index(place // batch, place % batch) for place in range(3 * cases)]
    for epoch in range(3):
        assert sorted(row[epoch * cases : (epoch + 1) * cases]) == list(range(cases))


def test_epochs_and_seeds_have_orders_of_their_own():
    rows = {
        (seed, epoch): tuple(CaseOrder(30, 1, seed).index(epoch * 30 + n, 0) for n in range(30))
        for seed in (1, 2) for epoch in (0, 1)
    }  # fmt: skip
    assert len(set(rows.values())) == 4


@given(batch=some.integers(1, 64), processes=some.integers(1, 8), parts=some.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_shares_are_the_batch_cut_into_nearly_equal_pieces(batch: int, processes: int, parts: int):
    processes = min(processes, batch)
    pieces = [shares(batch, processes, process, parts) for process in range(processes)]
    assert [place for mine in pieces for part in mine for place in part] == list(range(batch))
    sizes = [sum(map(len, mine)) for mine in pieces]
    assert max(sizes) - min(sizes) <= 1
    assert all(part for mine in pieces for part in mine)
    assert len({len(mine) for mine in pieces}) == 1
