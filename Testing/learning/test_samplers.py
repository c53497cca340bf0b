"""What every sampler promises: same seed, same image; progress and cancel; corrections; sentences for mistakes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_imaging.errors import Cancelled, InputError, ParameterError
from synthetic_imaging.learning.diffusion.schedules import schedule
from synthetic_imaging.learning.samplers import SamplerName, Spacing, sampler
from synthetic_imaging.learning.samplers.guidance import Guided
from synthetic_imaging.learning.samplers.known_answer import Mixture
from synthetic_imaging.learning.samplers.spacing import times
from synthetic_imaging.learning.wavelets import dwt, idwt, in_image_range

torch = pytest.importorskip("torch")
NAMES = [name.value for name in SamplerName]
MIXTURE = Mixture()


def made(name: str, **options: Any) -> tuple[Any, Any]:
    """A sampler and the perfect network for it."""
    flow = name.startswith("flow")
    path, target = schedule("flow" if flow else "linear"), "velocity" if flow else "v"
    return sampler(name, path, target, **options), MIXTURE.predict(path, target)


def generator(seed: int) -> Any:
    return torch.Generator().manual_seed(seed)


def noise(batch: int = 3, seed: int = 0) -> Any:
    return torch.randn(batch, 1, 4, 4, 4, generator=generator(seed))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_image(name: str):
    kind, predict = made(name)
    start = noise()
    kept = start.clone()
    first, again = (kind.sample(predict, start, steps=8, random=generator(4)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(start, kept), "the noise that was given is not changed"
    other = kind.sample(predict, start, steps=8, random=generator(5))
    assert torch.equal(first, other) == (name != "ddpm")


@pytest.mark.parametrize("name", ["ddpm", "ddim"])
def test_a_generator_for_each_sample_makes_them_independent_of_the_batch(name: str):
    kind, predict = made(name, **({"eta": 0.5} if name == "ddim" else {}))
    start = noise()
    together = kind.sample(predict, start, steps=6, random=[generator(n) for n in range(3)])
    alone = kind.sample(predict, start[1:2], steps=6, random=[generator(1)])
    torch.testing.assert_close(together[1:2], alone, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_network_is_asked_as_often_as_announced_at_falling_times(name: str):
    kind, predict = made(name)
    asked: list[Any] = []

    def counting(x: Any, t: Any) -> Any:
        asked.append(t)
        return predict(x, t)

    reported: list[float] = []
    kind.sample(counting, noise(), steps=7, random=generator(0), progress=reported.append)
    assert len(asked) == kind.network_calls(7) == (13 if name == "flow-heun" else 7)
    assert all(t.shape == (3,) for t in asked)
    firsts = [float(t[0]) for t in asked]
    assert firsts == sorted(firsts, reverse=True)
    assert firsts[0] == kind.schedule.last
    assert reported[0] == 0
    assert reported[-1] == 1
    assert len(reported) == 8
    for calls in range(1, 30):
        assert kind.network_calls(kind.steps_for(calls)) <= calls


@pytest.mark.parametrize("name", NAMES)
def test_cancel_stops_between_steps(name: str):
    kind, predict = made(name)
    asked = 0

    def counting(x: Any, t: Any) -> Any:
        nonlocal asked
        asked += 1
        return predict(x, t)

    def progress(fraction: float) -> None:
        if fraction >= 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        kind.sample(counting, noise(), steps=10, random=generator(0), progress=progress)
    assert asked == (6 if name == "flow-heun" else 3)


@pytest.mark.parametrize("name", NAMES)
def test_clip_and_correction_hold_in_the_result(name: str):
    kind, predict = made(name)
    clipped = kind.sample(predict, noise(), steps=12, random=generator(0), clip=(-0.5, 0.7))
    assert float(clipped.min()) >= -0.5
    assert float(clipped.max()) <= 0.7
    seen: list[float] = []

    def known_half(clean: Any, at: Any) -> Any:
        seen.append(at.sigma)
        clean[..., :2] = 0.25
        return clean

    filled = kind.sample(predict, noise(), steps=12, random=generator(0), correct=known_half)
    torch.testing.assert_close(filled[..., :2], torch.full_like(filled[..., :2], 0.25))
    assert float(filled[..., 2:].std()) > 0.3
    assert seen == sorted(seen, reverse=True)


def test_sub_bands_are_kept_in_the_range_of_their_image():
    path = schedule("linear")
    image = torch.rand(1, 1, 8, 8, 8, generator=generator(3))

    def off(x: Any, t: Any) -> Any:
        return dwt(image * 1.5 - 0.25, 3.0)  # beyond 0..1

    start = torch.randn(1, 8, 4, 4, 4, generator=generator(1))
    solver = sampler("ddim", path, "clean")
    free = idwt(solver.sample(off, start, steps=10), 3.0)
    held = idwt(solver.sample(off, start, steps=10, correct=in_image_range(0, 1, 3.0)), 3.0)
    assert float(free.max()) > 1.1
    assert float(held.min()) >= -1e-5
    assert float(held.max()) <= 1 + 1e-5
    torch.testing.assert_close(held, (image * 1.5 - 0.25).clamp(0, 1), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_the_number_format_of_the_noise_is_kept_and_given_to_the_network(name: str, dtype: Any):
    kind, predict = made(name)
    formats = set()

    def watching(x: Any, t: Any) -> Any:
        formats.add(x.dtype)
        return predict(x, t)

    images = kind.sample(watching, noise().to(dtype), steps=5, random=generator(0))
    assert images.dtype == dtype
    assert formats == {dtype}


def test_gradients_are_off_while_sampling():
    layer = torch.nn.Conv3d(1, 1, 1)
    images = sampler("ddim", schedule("linear"), "clean").sample(lambda x, t: layer(x), noise(), steps=2)
    assert not images.requires_grad


@given(st.sampled_from(list(Spacing)), st.sampled_from(["linear", "cosine", "flow"]), st.integers(2, 400),
       st.integers(1, 400), st.booleans())  # fmt: skip
def test_times_fall_inside_the_schedule(spacing: Spacing, name: str, levels: int, steps: int, whole: bool):
    path = schedule(name, levels)
    if steps > levels and name != "flow" and (whole or spacing not in (Spacing.LOG_SNR, Spacing.FOCUSED)):
        with pytest.raises(ParameterError, match="levels"):
            times(path, steps, spacing, whole=whole)
        return
    found = times(path, steps, spacing, whole=whole)
    assert len(found) == steps
    assert found[0] <= path.last
    assert found[-1] >= 0
    assert all(a > b for a, b in pairwise(found))
    if whole and name != "flow":
        assert all(t == int(t) for t in found)


def test_guidance_once_or_twice_is_the_same_and_moves_away_from_the_unconditional():
    layer = torch.nn.Embedding(3, 1)

    def denoise(x: Any, t: Any, kind: Any) -> Any:
        return x + layer(kind)[:, :, None, None, None]

    told, empty = {"kind": torch.tensor([1, 2, 1])}, {"kind": 0}
    x, t = noise(), torch.zeros(3)
    with torch.no_grad():
        plain, without = denoise(x, t, told["kind"]), denoise(x, t, torch.zeros(3, dtype=torch.long))
        for batched in (True, False):
            guided = Guided(denoise, told, empty, 3.0, batched)(x, t)
            torch.testing.assert_close(guided, without + 3 * (plain - without))
        torch.testing.assert_close(Guided(denoise, told)(x, t), plain)
        torch.testing.assert_close(Guided(denoise, told, empty, 0.0)(x, t), without)
        whole = Guided(denoise, told, empty, 3.0, rescale=1.0)(x, t)
    torch.testing.assert_close(whole.std((1, 2, 3, 4)), plain.std((1, 2, 3, 4)), rtol=1e-4, atol=1e-4)
    assert Guided(denoise, told, empty, 3.0).network_calls == 2
    assert Guided(denoise, told).network_calls == 1


def not_finite(x: Any, t: Any) -> Any:
    return torch.full_like(x, float("nan"))


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: made("euler"), ParameterError, "no sampler 'euler'"),
        (lambda: made("ddim", order=2), ParameterError, "no option 'order'"),
        (lambda: made("ddim", eta=1.5), ParameterError, "0 to 1"),
        (lambda: made("dpm-solver++", order=3), ParameterError, "order 1 or 2"),
        (lambda: made("unipc", spacing="random"), ParameterError, "no spacing of steps 'random'"),
        (lambda: sampler("flow-heun", schedule("linear"), "v"), ParameterError, "straight path"),
        (lambda: sampler("ddim", schedule("linear"), "score"), ParameterError, "no target 'score'"),
        (lambda: sampler("ddim", schedule("linear", zero_terminal_snr=True), "noise"), ParameterError, "only noise"),
        (lambda: made("ddim")[0].sample(not_finite, noise(), steps=0), ParameterError, "at least 1 step"),
        (lambda: made("ddim")[0].sample(not_finite, noise(), steps=1001), ParameterError, "only 1000 levels"),
        (lambda: made("ddim")[0].sample(not_finite, noise(), steps=5), InputError, "not finite"),
        (lambda: made("ddim")[0].sample(not_finite, noise() / 0, steps=5), InputError, "noise to start from"),
        (lambda: made("ddim")[0].sample(not_finite, noise()[:0], steps=5), InputError, "starts from noise"),
        (lambda: made("ddim")[0].sample(lambda x, t: x[:, :, 1:], noise(), steps=5), InputError, "same shape"),
        (lambda: made("ddim")[0].sample(not_finite, noise(), steps=5, clip=(1, 1)), ParameterError, "low end"),
        (lambda: made("ddpm")[0].sample(lambda x, t: x, noise(), steps=5), ParameterError, "random generator"),
        (lambda: made("ddpm")[0].sample(not_finite, noise(), steps=5, random=[generator(0)]), InputError, "1 random"),
        (lambda: Guided(not_finite, {"age": 1}, None, 2.0), InputError, "no condition 'age'"),
        (lambda: Guided(not_finite, {}, None, -1.0), ParameterError, "0 or above"),
        (lambda: Guided(not_finite, {}, None, 2.0, rescale=2.0), ParameterError, "0 to 1"),
    ],
)
def test_what_cannot_be_gets_a_sentence(make: Any, error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        make()
