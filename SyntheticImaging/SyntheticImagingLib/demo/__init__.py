"""The demonstration: lesions and a growing tumour in a real CT, as scene, files, DICOM, pictures and a report.

    python -m SyntheticImagingLib.demo --out demo
"""
