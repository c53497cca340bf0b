"""DICOM series and segmentations, read and written; what is synthetic is marked as such."""
