"""Reading and writing images: one door for all formats.

| ending | volume | mask | sequence |
|---|---|---|---|
| .nrrd, .nhdr (read only) | yes | label map | |
| .seg.nrrd | | yes, overlapping segments too | |
| .seq.nrrd | | | yes, of volumes or masks |
| .mha, .mhd | yes | label map | |
| .nii, .nii.gz | yes, no sheared grids | label map | |
| DICOM folder or file | yes (written by `dicom.writing`) | DICOM SEG | |

What a file holds is found from its content, not from its ending. Nothing is overwritten unless asked for.
"""

from synthetic_imaging.files.reading import read_mask, read_sequence, read_volume
from synthetic_imaging.files.writing import write_mask, write_sequence, write_volume

__all__ = ["read_mask", "read_sequence", "read_volume", "write_mask", "write_sequence", "write_volume"]
