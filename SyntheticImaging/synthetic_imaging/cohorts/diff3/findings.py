"""What is found about DIFF-3, written section by section onto its evidence page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.cohorts.diff3 import settings as chosen

if TYPE_CHECKING:
    from synthetic_imaging.cohorts.diff3.evidence import Images, Labels, Parts, Scale
    from synthetic_imaging.context import Run
    from synthetic_imaging.evaluation.features import FeatureExtractor
    from synthetic_imaging.evidence.page import Page
    from synthetic_imaging.segmentation.comparison import Comparison

_SEED = 5
WINDOW = (0.4, 1.0)


def write(
    page: Page, parts: Parts, synthetic: tuple[Images, Labels], comparison: Comparison, features: FeatureExtractor,
    scale: Scale, run: Run,
) -> None:
    """All sections, in the order of the publication."""
    from synthetic_imaging.evidence.likeness import stacked

    rng = np.random.default_rng(_SEED)
    train, test = stacked(parts.data.training), stacked(parts.data.test)
    run.progress(0.05, "reconstruction")
    page.summary = (
        "Everything here was obtained on phantom hearts (parametric anatomy, simulated 3-D echo), at 40 x 40 x 32 "
        "voxels instead of 160 x 160 x 128. It says whether the method works, not how it does on patients. The "
        f"publication's figures stand beside ours for the kind of quantity, not for their height. *{chosen.REFERENCE}.*"
    )
    _training(page, parts)
    _reconstruction(page, parts, test)
    run.progress(0.2, "images")
    _pictures(page, train, synthetic, parts, rng, scale)
    _likeness(page, parts, train, test, synthetic, features, scale, rng)
    run.progress(0.5, "measurements")
    _measurements(page, train, test, synthetic)
    _copies(page, train, test, synthetic, features, scale)
    _embedding(page, train, synthetic, features, scale)
    run.progress(0.7, "network calls")
    _calls(page, parts, train[0], features, scale)
    _segmentation(page, comparison)
    _limits(page)


def _training(page: Page, parts: Parts) -> None:
    page.section("What was trained")
    rows = []
    for model in (parts.autoencoder, parts.diffusion, parts.gan):
        seconds = model.card.metrics.get("training seconds", float("nan"))
        count = sum(p.numel() for p in model.networks.parameters())
        rows.append((model.recipe.title, model.settings.training.steps, model.settings.training.batch_size,
                     f"{count / 1e6:.2f} million", f"{seconds / 60:.0f} min"))
    page.table(("Part", "Steps", "Batch", "Parameters shipped", "Time (CPU)"), rows)
    page.text(
        "Scaled down from the publication: the grid, the widths (16 instead of 32 in the autoencoder), one residual "
        "block instead of two, no attention in the autoencoder, fewer steps. LPIPS is replaced by the difference "
        "of image gradients; in the second stage the weight of KL stays 1e-6 (the authors' variant), since 1 with so "
        "small a latent leaves nothing of it. As published: image and label stacked (2 channels in, 4 out), L1 and "
        "cross-entropy, sigmoid schedule, L1 on the noise, fresh posterior samples, one global range for the latents."
    )


def _reconstruction(page: Page, parts: Parts, test: tuple[Images, Labels]) -> None:
    import torch

    from synthetic_imaging.evaluation.overlap import dice
    from synthetic_imaging.evaluation.structural_similarity import ssim

    network = parts.autoencoder.networks["autoencoder"]
    similar, overlaps = [], []
    shown: list[Any] = []
    with torch.no_grad():
        for image, label in zip(*test, strict=True):
            decoded, _, _ = network(torch.from_numpy(image[None]), torch.from_numpy(label[None]), None)
            again, found = (part.numpy()[0] for part in network.finished(decoded))
            similar.append(ssim(again[0], image[0], data_range=1.0))
            overlaps.append([dice(found == value, label == value) for value in (1, 2)])
            if len(shown) < 4:
                shown.append(((image[0], label), (again[0], found)))
    scores = np.array(overlaps)
    page.section("Reconstruction by the autoencoder")
    page.table(("Quantity", "Publication (MITEA, 108 cases)", f"Here (phantom, {len(similar)} test cases)"), [
        ("SSIM", "0.84 ± 0.03", _mean_sd(np.array(similar))),
        ("Dice myocardium", "0.97 ± 0.01", _mean_sd(scores[:, 0])),
        ("Dice cavity", "0.99 ± 0.01", _mean_sd(scores[:, 1])),
    ])
    from synthetic_imaging.evidence.figures import sheet

    page.figure(sheet([("Test case", [a for a, _ in shown]), ("Reconstructed", [b for _, b in shown])], WINDOW,
                      cuts=(1, 2), flip=False),
                "Phantom test cases and their reconstruction; orange: myocardium, blue: cavity. Speckle is lost: 400 "
                "numbers stand for 51,200 voxels.")


def _pictures(
    page: Page, train: tuple[Images, Labels], synthetic: tuple[Images, Labels], parts: Parts, rng: np.random.Generator,
    scale: Scale,
) -> None:
    from synthetic_imaging.evidence.figures import sheet

    def some(images: Any, labels: Any) -> Any:
        return [(images[n, 0], None if labels is None else labels[n]) for n in range(5)]

    gan = gan_images(parts, 5, rng)
    page.section("Images")
    page.figure(sheet([("Phantom (real in this experiment)", some(*train)), ("DIFF-3", some(*synthetic)),
                       ("Two-scale GAN, images alone", some(gan, None))], WINDOW, cuts=(1, 2), flip=False),
                "Cases are taken in order, not chosen.")


def gan_images(parts: Parts, count: int, rng: np.random.Generator) -> Images:
    """Images of the GAN, (N, 1, K, J, I)."""
    import torch

    from synthetic_imaging.learning.learners.gan import generated

    stream = torch.Generator().manual_seed(int(rng.integers(2**31)))
    network, latent = parts.gan.networks["generator"], parts.gan.settings.network.latent
    made = [generated(network, torch.randn((min(32, count - n), latent), generator=stream)).numpy()
            for n in range(0, count, 32)]
    return np.concatenate(made)[:, :1].clip(0, 1)


def _likeness(
    page: Page, parts: Parts, train: tuple[Images, Labels], test: tuple[Images, Labels],
    synthetic: tuple[Images, Labels], features: FeatureExtractor, scale: Scale, rng: np.random.Generator,
) -> None:
    from synthetic_imaging.evaluation.features import HaarStatistics
    from synthetic_imaging.evidence.likeness import HEAD, likeness

    page.section("Likeness to the training set")
    gan = gan_images(parts, scale.judged, rng)
    sets = (("Real (test phantoms)", test[0]), ("DIFF-3", synthetic[0][: scale.judged]), ("Two-scale GAN", gan))
    for extractor in (features, HaarStatistics()):
        page.text(f"Features: {extractor.name}. Reference: the {len(train[0])} training phantoms. Intervals: 95 %.")
        page.table(HEAD, [likeness(name, images, train[0], extractor, rng).row() for name, images in sets])
    page.text(
        "Publication (features not named; n = 108 real, 428 others): FID 14.0 real, 13.7 DIFF-3, 46.7 and 101.2 "
        "HA-GAN; precision 0.731, 0.888, 0.486, 0.000; recall 0.797, 0.694, 0.000, 0.000; MS-SSIM within the set "
        "0.781, 0.710, 0.999, 0.999. No figure here is an FID: that name belongs to Inception features. The first row "
        "is the floor that two real sets of these sizes have."
    )


def _measurements(
    page: Page, train: tuple[Images, Labels], test: tuple[Images, Labels], synthetic: tuple[Images, Labels]
) -> None:
    from synthetic_imaging.evidence.figures import histograms
    from synthetic_imaging.evidence.likeness import measurement_rows

    def measured(labels: Labels) -> dict[str, list[float]]:
        return {"cavity": [float((x == 2).sum()) for x in labels], "wall": [float((x == 1).sum()) for x in labels],
                "ratio": [float((x == 1).sum() / max(1, (x == 2).sum())) for x in labels]}

    page.section("Measurements")
    ours, real, floor = measured(synthetic[1]), measured(train[1]), measured(test[1])
    page.table(("Measurement", "Real (training)", "DIFF-3", "Wasserstein distance", "Real test to training", "KS p"),
               measurement_rows(ours, real, floor, {"cavity": "Cavity, voxels", "wall": "Myocardium, voxels",
                                                    "ratio": "Myocardium to cavity"}))
    page.figure(histograms({"real (training)": real["cavity"], "DIFF-3": ours["cavity"]}, "Cavity, voxels"),
                "Size of the left ventricular cavity (phantom).")


def _copies(
    page: Page, train: tuple[Images, Labels], test: tuple[Images, Labels], synthetic: tuple[Images, Labels],
    features: FeatureExtractor, scale: Scale,
) -> None:
    from synthetic_imaging.evaluation.copying import as_rows, copy_test
    from synthetic_imaging.evidence.figures import sheet
    from synthetic_imaging.evidence.likeness import copying

    page.section("Are they copies?")
    images = synthetic[0][: scale.judged]
    found = copying(images, train[0], test[0], features)
    page.points([found.text, copy_test(as_rows(images), as_rows(train[0]), as_rows(test[0]), "voxels").text])
    page.text("Images without grain lie nearer to every image in voxels, whether they are copies or not: the features "
              "and the pairs below tell more.")
    pairs = found.pairs(4)
    page.figure(sheet([("DIFF-3", [(images[p.generated, 0], synthetic[1][p.generated]) for p in pairs]),
                       ("Nearest training case", [(train[0][p.train, 0], train[1][p.train]) for p in pairs])], WINDOW,
                      cuts=(1, 2), flip=False),
                "The four generated cases that lie nearest to a training case, nearest first, each above that case.")


def _embedding(
    page: Page, train: tuple[Images, Labels], synthetic: tuple[Images, Labels], features: FeatureExtractor, scale: Scale
) -> None:
    from synthetic_imaging.evidence.embedding import locally_linear
    from synthetic_imaging.evidence.figures import scatter

    images = synthetic[0][: scale.judged]
    vectors = np.concatenate([features.features(train[0]), features.features(images)])
    deviation = vectors.std(0)
    scaled: npt.NDArray[Any] = ((vectors - vectors.mean(0)) / np.where(deviation > 0, deviation, 1)).astype(np.float64)
    points = locally_linear(scaled, scale.neighbours)
    page.figure(scatter({"real (training)": points[: len(train[0])], "DIFF-3": points[len(train[0]):]},
                        "Locally linear embedding of the features (phantom)"),
                "Real and generated cases in one embedding, as in the poster.")


def _calls(page: Page, parts: Parts, train: Images, features: FeatureExtractor, scale: Scale) -> None:
    from synthetic_imaging.cohorts.diff3.recipes import noise_schedule
    from synthetic_imaging.cohorts.paired_models import pair_sampler
    from synthetic_imaging.evaluation.frechet import frechet_distance
    from synthetic_imaging.evidence.figures import curves

    real = features.features(train)
    lines: dict[str, tuple[list[float], list[float]]] = {}
    for name in ("ddpm", "ddim", "dpm-solver++", "unipc"):
        found: list[float] = []
        for calls in scale.calls:
            sampler = pair_sampler(parts.autoencoder, parts.diffusion, noise_schedule(parts.diffusion.settings),
                                   sampler_name=name, steps=calls, device="cpu")
            images = np.stack([image for image, _ in sampler.many(11, scale.curve, batch_size=32)])
            found.append(frechet_distance(real, features.features(images), features.name).value)
        lines[name] = ([float(c) for c in scale.calls], found)
    page.section("Quality against network calls")
    page.table(("Sampler", *(f"{c} calls" for c in scale.calls)), [(n, *(f"{v:.3g}" for v in y))
                                                                    for n, (_, y) in lines.items()])
    page.figure(curves(lines, "Network calls for a case", "Fréchet distance", log=True),
                f"Fréchet distance to the training phantoms ({features.name}), {scale.curve} cases a point. One "
                "network, one noise for all: what differs is the sampler.")


def _segmentation(page: Page, comparison: Comparison) -> None:
    from synthetic_imaging.cohorts.diff3.evidence import MIXED, REAL

    page.section("Does it help a segmenter?")
    table = comparison.by_structure()
    page.table([c.heading for c in table.columns], table.rows)
    apart, test = comparison.difference(MIXED, REAL), comparison.against(MIXED, REAL)
    verdict = "no change beyond chance" if apart.low <= 0 <= apart.high else (
        "better with synthetic cases" if apart.low > 0 else "worse with synthetic cases")
    page.text(
        f"Difference of mean Dice, real and synthetic against real: {apart.text} over cases and "
        f"{len(comparison.seeds)} seeds: {verdict} (paired test over cases: p = {test.p_value:.2g}). Publication "
        "(nnU-Net): myocardium 0.766 and 0.762, cavity 0.871 and 0.866: synthetic cases did not help."
    )


def _limits(page: Page) -> None:
    page.section("What this does not show")
    page.points([
        "Nothing about patients: the phantoms are simpler than hearts, and their speckle is simulated.",
        f"The model makes voxels, not their size: every case gets the mean depth of the training set "
        f"({chosen.EXTENT_MM:.0f} mm).",
        "One training of each generator; seeds were varied for the segmenters alone.",
        "The features come from a network trained on phantoms of the same kind; other features rank differently.",
    ])


def _mean_sd(values: npt.NDArray[Any]) -> str:
    return f"{np.nanmean(values):.3f} ± {np.nanstd(values, ddof=1):.3f}"
