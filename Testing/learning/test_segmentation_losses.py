"""The segmenter's loss and its Dice, beside MONAI's and beside hand-made cases."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from synthetic_imaging.segmentation.losses import dice_and_cross_entropy, hard_dice  # noqa: E402


def a_batch(classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(2, classes, 6, 7, 8, generator=generator)
    return logits, torch.randint(0, classes, (2, 6, 7, 8), generator=generator, dtype=torch.uint8)


def test_it_equals_monai_s_soft_dice_and_cross_entropy() -> None:
    from monai.losses import DiceCELoss

    logits, labels = a_batch()
    peer = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, smooth_nr=1.0, smooth_dr=1.0)
    expected = peer(logits, labels[:, None])
    torch.testing.assert_close(dice_and_cross_entropy(logits, labels), expected, rtol=1e-5, atol=1e-6)


def test_gradients_equal_monai_s_too() -> None:
    from monai.losses import DiceCELoss

    logits, labels = a_batch()
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    dice_and_cross_entropy(ours, labels).backward()
    DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, smooth_nr=1.0, smooth_dr=1.0)(
        theirs, labels[:, None]).backward()  # fmt: skip
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-7)


def test_a_right_answer_costs_nothing_and_an_even_one_the_entropy() -> None:
    _, labels = a_batch()
    right = 40 * torch.nn.functional.one_hot(labels.long(), 4).movedim(-1, 1).float()
    assert float(dice_and_cross_entropy(right, labels)) < 1e-4
    even = dice_and_cross_entropy(torch.zeros(2, 4, 6, 7, 8), labels)
    assert math.log(4) < float(even) < math.log(4) + 1


def test_half_precision_logits_are_summed_in_single() -> None:
    logits, labels = a_batch()
    loss = dice_and_cross_entropy(logits.bfloat16(), labels)
    assert loss.dtype is torch.float32
    torch.testing.assert_close(loss, dice_and_cross_entropy(logits, labels), rtol=5e-3, atol=0)


def test_a_structure_that_is_not_there_and_not_found_is_no_mistake() -> None:
    labels = torch.zeros(1, 8, 8, 8, dtype=torch.uint8)
    labels[:, :4] = 1
    logits = 40 * torch.nn.functional.one_hot(labels.long(), 3).movedim(-1, 1).float()
    assert float(dice_and_cross_entropy(logits, labels)) < 1e-3
    found = hard_dice(logits, labels)
    assert found.shape == (1, 2) and float(found[0, 0]) == 1.0 and bool(torch.isnan(found[0, 1]))


def test_hard_dice_counts_each_case_on_its_own() -> None:
    from synthetic_imaging.evaluation.overlap import overlap_by_label

    logits, labels = a_batch()
    found = hard_dice(logits, labels)
    for n in range(2):
        expected = overlap_by_label(logits[n].argmax(0).numpy(), labels[n].numpy(), (1, 2, 3))
        assert found[n].tolist() == pytest.approx([expected[c].dice for c in (1, 2, 3)])
