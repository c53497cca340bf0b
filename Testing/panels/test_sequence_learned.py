"""The learned method in the module Sequence Synthesis, with the weights that are shipped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from Testing.panels.coarse_head import coarse_head
from Testing.panels.sequence_user import SequenceUser

from synthetic_imaging import samples

pytest.importorskip("torch")
pytestmark = pytest.mark.skipif("brain-t1" not in samples.available(), reason="the average brain is not installed")
PATIENCE_S = 300.0


def choose_learned(user: SequenceUser) -> Any:
    """What a person clicks; returns the form."""
    user.ui.methodSelector.currentIndex = user.ui.methodSelector.findText("Learned")
    user.host.spin(lambda: user.panel._looking is None, PATIENCE_S)
    form = user.panel.method.form
    for name in ("align", "even_brightness"):  # the head lies still under an even coil
        form.set_value(name, False)
    return form


def test_the_learned_method_is_offered_with_its_form(host: Any):
    user = SequenceUser(host)
    selector = user.ui.methodSelector
    assert [selector.itemText(n) for n in range(selector.count)] == ["Physics, no training", "Learned"]
    assert selector.enabled
    form = choose_learned(user)
    assert form.model.tool.id == "sequences.synthesise"
    assert "trained network" in user.ui.methodFactsLabel.text
    assert form.values()["contrast"] == "DIR"
    assert user.panel.run.button.enabled


def test_a_box_that_is_closed_shows_nothing_of_what_is_in_it(host: Any):
    user = SequenceUser(host)
    assert user.ui.lesionsButton.collapsed
    assert user.ui.lesionsFrame.isHidden() and user.ui.countFrame.isHidden()
    user.ui.lesionsButton.collapsed = False
    assert not user.ui.lesionsFrame.isHidden() and not user.ui.countFrame.isHidden()


def test_a_dir_with_its_uncertainty_and_its_fit_comes_of_the_shipped_weights(host: Any):
    from SyntheticImagingLib.mr.linked_row import row_layout
    from SyntheticImagingLib.mrml import add_volume, volume_from_node

    head = coarse_head()
    user = SequenceUser(host, load=False)
    user.flair, user.t1w = (add_volume(host.scene, head[name]) for name in ("flair", "t1w"))
    host.spin(seconds=0.25)
    assert (user.parameters.flair, user.parameters.t1w) == (user.flair, user.t1w)
    form = choose_learned(user)
    form.set_value("uncertainty", True)
    form.set_value("passes", 2)
    user.panel.run.button.click()
    host.spin(lambda: not user.panel.run.running, PATIENCE_S)
    made = user.panel.results.made
    assert made is not None, user.panel.run.messages.text

    result, doubt = (volume_from_node(made.nodes[name]) for name in ("volume", "uncertainty"))
    flair, t1w = head["flair"], head["t1w"].voxels.astype(np.float32)
    for volume in (result, doubt):
        assert volume.geometry.same_grid(flair.geometry)
        assert np.isfinite(volume.voxels).all() and volume.voxels.min() >= 0
    brain = flair.voxels > 300
    white = brain & (t1w > np.quantile(t1w[brain], 0.8))
    grey = brain & (t1w < np.quantile(t1w[brain], 0.4)) & (t1w > np.quantile(t1w[brain], 0.2))
    assert result.voxels[grey].mean() > 2 * result.voxels[white].mean(), "white matter is dark in DIR"
    assert doubt.voxels[brain].mean() > 0

    assert user.layout == row_layout(2, True)
    assert user.shown("given1") == (user.flair.GetID(), None)
    assert user.shown("given2") == (user.t1w.GetID(), None)
    assert user.shown("computed") == (made.volume.GetID(), None)
    user.ui.doubtCheckBox.checked = True
    assert user.shown("unsure") == (made.volume.GetID(), made.nodes["uncertainty"].GetID())

    warning, told, notes = user.ui.domainLabel, user.ui.toldMoreLabel, user.ui.notesLabel.text
    assert not warning.isHidden() and "background-color" in warning.styleSheet
    assert "Voxel size in the slice (4 mm, usual up to 1.3 mm)" in warning.text
    assert "Slice thickness (8 mm, usual up to 5 mm)" in warning.text
    assert not told.isHidden() and told.text.startswith("Fit of model and images")
    assert "Brain voxels unlike all in training: " in told.text
    assert "Mean uncertainty in the brain" in told.text
    assert "trained on 72 phantom patients" in notes
    assert "lie" not in notes, "the fit is told once"
    assert "from FLAIR, T1w" in user.ui.resultLabel.text
