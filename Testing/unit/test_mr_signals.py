"""Signals of MR sequences against a simulation of the Bloch equations, pulse by pulse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.physics.mr import sequences as mr
from synthetic_imaging.physics.mr.nulls import double_inversion_times, inversion_time
from synthetic_imaging.physics.mr.tissue import Tissue

WHITE, GREY, WATER = Tissue(0.7, 850, 70, 50), Tissue(0.8, 1350, 95, 60), Tissue(1.0, 4200, 1800, 900)


class Spin:
    """One isochromat on resonance: (x, y, z), equilibrium (0, 0, 1)."""

    def __init__(self, t1: float, t2: float) -> None:
        self.t1, self.t2 = t1, t2
        self.m = np.array([0.0, 0.0, 1.0])

    def pulse(self, degrees: float, phase: float = 0.0) -> None:
        """Rotate about an axis in the transverse plane."""
        angle, around = np.deg2rad(degrees), np.deg2rad(phase)
        u = np.array([np.cos(around), np.sin(around), 0.0])
        self.m = (self.m * np.cos(angle) + np.cross(u, self.m) * np.sin(angle)
                  + u * (u @ self.m) * (1 - np.cos(angle)))

    def wait(self, ms: float) -> None:
        e1, e2 = np.exp(-ms / self.t1), np.exp(-ms / self.t2)
        self.m = self.m * (e2, e2, e1) + (0, 0, 1 - e1)

    def spoil(self) -> None:
        self.m[:2] = 0

    @property
    def across(self) -> float:
        """Transverse magnetisation along +y, where a pulse about -x turns +z."""
        return float(self.m[1])


def steady(spin: Spin, cycle: Callable[[Spin], float]) -> float:
    """The echo of a cycle that repeats for ever: it changes the magnetisation by an affine map; its fixed point."""

    def after(start: np.ndarray) -> np.ndarray:
        spin.m = start.copy()
        cycle(spin)
        return spin.m

    offset = after(np.zeros(3))
    slope = np.stack([after(axis) - offset for axis in np.eye(3)], axis=1)
    spin.m = np.linalg.solve(np.eye(3) - slope, offset)
    return cycle(spin)


def spin_echo(spin: Spin, tr: float, te: float) -> float:
    spin.pulse(-90)
    spin.wait(te / 2)
    spin.pulse(180, 90)
    spin.wait(te / 2)
    echo = spin.across
    spin.spoil()
    spin.wait(tr - te)
    return echo


TIMES = st.tuples(st.floats(200, 4500), st.floats(0.02, 1.0)).map(lambda t: (t[0], t[0] * t[1]))


@settings(max_examples=25, deadline=None)
@given(times=TIMES, tr=st.floats(100, 6000), share=st.floats(0.01, 0.9))
def test_a_spin_echo(times: tuple[float, float], tr: float, share: float) -> None:
    t1, t2 = times
    found = mr.SpinEcho(tr, share * tr).signal(Tissue(1, t1, t2, t2))
    assert float(found) == pytest.approx(steady(Spin(t1, t2), lambda s: spin_echo(s, tr, share * tr)), abs=2e-6)


def refocused(spin: Spin, train: float) -> None:
    """A long train of dense refocusing pulses after an excitation; z stays near 0."""
    spin.spoil()
    count = 400
    for _ in range(count):
        spin.wait(train / count / 2)
        spin.pulse(180)
        spin.spoil()
        spin.wait(train / count / 2)


@pytest.mark.parametrize("tissue", [WHITE, GREY, WATER])
@pytest.mark.parametrize("train", [0.0, 400.0])
def test_single_and_double_inversion(tissue: Tissue, train: float) -> None:
    tr, te = 8000.0, 0.0
    t1, t2 = float(tissue.t1_ms), float(tissue.t2_ms)

    def single(s: Spin) -> float:
        s.pulse(180)
        s.wait(2400)
        s.pulse(-90)
        echo = s.across
        refocused(s, train)
        s.wait(tr - 2400 - train)
        return echo

    def double(s: Spin) -> float:
        s.pulse(180)
        s.wait(2700)
        s.pulse(180)
        s.wait(550)
        s.pulse(-90)
        echo = s.across
        refocused(s, train)
        s.wait(tr - 3250 - train)
        return echo

    density = float(tissue.proton_density)
    one = mr.InversionRecovery(tr, 2400, te, train).signal(tissue) / density
    two = mr.DoubleInversionRecovery(tr, 2700, 550, te, train).signal(tissue) / density
    # Under a real train z swings about 0 by half an echo spacing over T1.
    allowed = 1e-5 if train == 0 else 2e-3
    assert float(one) == pytest.approx(steady(Spin(t1, t2), single), abs=allowed)
    assert float(two) == pytest.approx(steady(Spin(t1, t2), double), abs=allowed)


@settings(max_examples=25, deadline=None)
@given(times=TIMES, tr=st.floats(4, 80), flip=st.floats(2, 90))
def test_a_spoiled_gradient_echo(times: tuple[float, float], tr: float, flip: float) -> None:
    t1, t2 = times

    def cycle(s: Spin) -> float:
        s.pulse(-flip)
        s.wait(0.4 * tr)
        echo = s.across
        s.spoil()
        s.wait(0.6 * tr)
        return echo

    found = mr.SpoiledGradientEcho(tr, 0.4 * tr, flip).signal(Tissue(1, t1, t2, t2))
    assert float(found) == pytest.approx(steady(Spin(t1, t2), cycle), abs=2e-6)


@settings(max_examples=15, deadline=None)
@given(times=TIMES, tr=st.floats(3, 40), flip=st.floats(5, 90))
def test_a_balanced_steady_state(times: tuple[float, float], tr: float, flip: float) -> None:
    t1, t2 = times

    def two_pulses(s: Spin) -> float:
        s.pulse(-flip)
        s.wait(tr / 2)
        echo = s.across
        s.wait(tr / 2)
        s.pulse(flip)  # the phase alternates
        s.wait(tr)
        return echo

    found = mr.BalancedSteadyState(tr, flip).signal(Tissue(1, t1, t2, t2))
    assert float(found) == pytest.approx(steady(Spin(t1, t2), two_pulses), abs=1e-5)


@pytest.mark.parametrize("tissue", [WHITE, GREY, WATER])
@pytest.mark.parametrize("efficiency", [1.0, 0.9])
def test_an_mprage_with_its_readout(tissue: Tissue, efficiency: float) -> None:
    sequence = mr.Mprage(2300, 900, 3.0, 9, 7.0, 160, efficiency)
    t1, t2 = float(tissue.t1_ms), float(tissue.t2_ms)

    def cycle(s: Spin) -> float:
        s.m = np.array([0.0, 0.0, -efficiency * s.m[2]])
        s.wait(900 - 80 * 7.0)
        echo = 0.0
        for n in range(160):
            s.pulse(-9)
            s.wait(3.0)
            echo = s.across if n == 80 else echo
            s.spoil()
            s.wait(4.0)
        s.wait(2300 - (900 - 560) - 160 * 7.0)
        return echo

    true = steady(Spin(t1, t2), cycle) * float(tissue.proton_density)
    star = Tissue(tissue.proton_density, t1, t2, t2)
    assert float(sequence.signal(star)) == pytest.approx(true, abs=1e-6)


def test_a_flair_nulls_water_and_a_double_inversion_water_and_white_matter() -> None:
    flair = mr.InversionRecovery(9000, inversion_time(9000, 4200), 120)
    assert flair.inversion_time_ms == pytest.approx(2445, abs=1)
    grey = abs(float(flair.signal(GREY)))
    assert abs(float(flair.signal(WATER))) < 1e-6 and float(flair.signal(WHITE)) / grey == pytest.approx(0.73, abs=0.01)
    first, second = double_inversion_times(7500, 4200, 850)
    assert (first, second) == pytest.approx((2704, 553), abs=1)
    dir_ = mr.DoubleInversionRecovery(7500, first, second, 100)
    grey = abs(float(dir_.signal(GREY)))
    assert abs(float(dir_.signal(WATER))) < 1e-6 * grey + 1e-6 and abs(float(dir_.signal(WHITE))) < 1e-6
    assert grey > 0.04


@settings(max_examples=60, deadline=None)
@given(tr=st.floats(3000, 12000), long=st.floats(2500, 5000), short=st.floats(300, 1500), train=st.floats(0, 800))
def test_times_for_nulls_null_or_are_refused(tr: float, long: float, short: float, train: float) -> None:
    try:
        first, second = double_inversion_times(tr, long, short, train)
        sequence = mr.DoubleInversionRecovery(tr, first, second, 0.0, train)
    except ParameterError as error:
        assert "TR" in str(error) or "repetition" in str(error)
        return
    for t1 in (long, short):
        assert abs(float(sequence.signal(Tissue(1, t1, t1, t1)))) < 1e-5
    if first + second + train < tr:
        assert first > 0 and second > 0


def test_maps_and_numbers_go_together_and_mixtures_add_with_their_sign() -> None:
    sequence = mr.InversionRecovery(6000, 900, 10)
    maps = Tissue(np.full((2, 3, 4), 0.8), np.full((2, 3, 4), 1350.0), 95, 60)
    assert sequence.signal(maps).shape == (2, 3, 4) and sequence.signal(maps).dtype == np.float32
    half = np.full((2, 3, 4), 0.5, np.float32)
    both = mr.mixed(sequence, {"white": WHITE, "water": WATER}, {"white": half, "water": half})
    assert float(sequence.signal(WHITE)) > 0 > float(sequence.signal(WATER))
    assert np.abs(both).max() < abs(float(sequence.signal(WATER)))
    with pytest.raises(ParameterError, match="skull"):
        mr.mixed(sequence, {"white": WHITE}, {"skull": half})


@pytest.mark.parametrize("make", [
    lambda: mr.SpinEcho(100, 120), lambda: mr.InversionRecovery(2000, 2500, 10),
    lambda: mr.DoubleInversionRecovery(3000, 2700, 500, 10), lambda: mr.SpoiledGradientEcho(10, 3, 0),
    lambda: mr.SpoiledGradientEcho(10, 12, 20), lambda: mr.Mprage(1000, 900, 3, 9),
    lambda: mr.Mprage(2300, 200, 3, 9), lambda: mr.BalancedSteadyState(float("nan"), 40),
    lambda: inversion_time(-1, 800), lambda: double_inversion_times(7500, 800, 4200),
    lambda: double_inversion_times(500, 4200, 850, 600),
])
def test_times_that_cannot_be_are_refused_with_a_sentence(make) -> None:
    with pytest.raises(ParameterError, match=r"\.$"):
        make()


def test_maps_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="T1 must be above 0"):
        Tissue(1, np.zeros(3), 50, 50)
    with pytest.raises(InputError, match="finite"):
        Tissue(1, np.nan, 50, 50)
    with pytest.raises(InputError, match="one shape"):
        Tissue(np.ones(3), np.ones(4), 50, 50)
