import numpy as np
import pytest

from synthetic_imaging import Geometry, InputError, Mask, Segment, Volume, conversions

MATRIX = np.array([[0.7, 0.1, 0, -50], [-0.1, -0.8, 0.5, 20], [0, 0, 2.5, 30], [0, 0, 0, 1.0]])
VOLUME = Volume.ct(np.arange(24).reshape(2, 3, 4).astype(np.int16), Geometry(MATRIX, (2, 3, 4)))


def test_simpleitk_sees_each_voxel_at_its_place_in_lps_even_on_a_sheared_grid():
    image = conversions.to_sitk(VOLUME)
    place = VOLUME.geometry.ras_from_kji((1, 2, 3)) * (-1, -1, 1)
    assert np.allclose(image.TransformIndexToPhysicalPoint((3, 2, 1)), place)
    assert image.GetPixel(3, 2, 1) == VOLUME.voxels[1, 2, 3]


def test_a_metatensor_has_axes_ijk_and_a_ras_affine():
    pytest.importorskip("monai")
    tensor = conversions.to_metatensor(VOLUME)
    assert tuple(tensor.shape) == (1, 4, 3, 2)
    assert np.array_equal(tensor.affine.numpy(), MATRIX)
    assert int(tensor[0, 3, 2, 1]) == VOLUME.voxels[1, 2, 3]
    assert conversions.from_metatensor(tensor, modality="CT", unit="HU").unit == "HU"


def test_a_metatensor_in_lps_is_turned():
    pytest.importorskip("monai")
    tensor = conversions.to_metatensor(VOLUME)
    tensor.meta["space"] = "LPS"
    turned = conversions.from_metatensor(tensor)
    assert np.allclose(turned.geometry.ijk_to_ras, np.diag([-1, -1, 1, 1]) @ MATRIX)


def test_the_conversion_copies():
    image = conversions.to_sitk(VOLUME)
    image[0, 0, 0] = 99
    assert VOLUME.voxels[0, 0, 0] == 0


def test_masks_become_label_maps_unless_segments_overlap():
    ones = np.ones(VOLUME.shape)
    assert conversions.to_sitk(Mask.single(ones, VOLUME.geometry, "a")).GetPixel(0, 0, 0) == 1
    with pytest.raises(InputError, match="only"):
        conversions.to_sitk(Mask.stacked([(Segment("a"), ones), (Segment("b"), ones)], VOLUME.geometry))


def test_images_of_other_dimensions_are_refused():
    sitk = pytest.importorskip("SimpleITK")
    for image in (sitk.Image(4, 4, sitk.sitkInt16), sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3)):
        with pytest.raises(InputError):
            conversions.from_sitk(image)
