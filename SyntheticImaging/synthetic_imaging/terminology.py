"""What structures are called in codes (SNOMED CT) and how they are coloured, for organs, lesions and their parts."""

from __future__ import annotations

import re

from synthetic_imaging.mask import Code, Segment, Terminology

ANATOMY = Code("SCT", "123037004", "Anatomical Structure")
TISSUE = Code("SCT", "85756007", "Tissue")
MORPHOLOGY = Code("SCT", "49755003", "Morphologically Altered Structure")
RIGHT = Code("SCT", "24028007", "Right")
LEFT = Code("SCT", "7771000", "Left")
_TYPE_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
_REGION_CONTEXT = "Anatomic codes - DICOM master list"

# Name without its side -> SNOMED code, meaning, colour 0..255 (those of Slicer's anatomy list where it has one).
_STRUCTURES: dict[str, tuple[str, str, tuple[int, int, int]]] = {
    "adrenal_gland": ("23451007", "Adrenal gland", (249, 186, 150)),
    "aorta": ("15825003", "Aorta", (224, 97, 76)),
    "atrial_appendage": ("33626005", "Left auricular appendage", (203, 84, 60)),
    "autochthon": ("44947003", "Erector spinae muscle", (188, 95, 76)),
    "bladder": ("89837001", "Bladder", (222, 154, 132)),
    "brachiocephalic_trunk": ("12691009", "Brachiocephalic trunk", (196, 121, 79)),
    "brachiocephalic_vein": ("8887007", "Brachiocephalic vein", (0, 161, 196)),
    "bone": ("272673000", "Bone", (241, 214, 145)),
    "bone_marrow": ("14016003", "Bone marrow", (177, 122, 101)),
    "brain": ("12738006", "Brain", (250, 250, 225)),
    "caudate": ("11000004", "Caudate nucleus", (122, 186, 220)),
    "csf": ("65216001", "Cerebrospinal fluid", (85, 188, 255)),
    "fat": ("55603005", "Adipose tissue", (230, 220, 70)),
    "grey_matter": ("389080008", "Gray matter", (200, 200, 235)),
    "pallidum": ("14738005", "Globus pallidus", (13, 48, 255)),
    "putamen": ("89278009", "Putamen", (236, 13, 176)),
    "skin": ("39937001", "Skin", (221, 168, 140)),
    "thalamus": ("42695009", "Thalamus", (0, 118, 14)),
    "white_matter": ("389079005", "White matter", (250, 250, 225)),
    "breast": ("76752008", "Breast", (224, 178, 160)),
    "carpal": ("83936004", "Carpal bone", (241, 214, 145)),
    "clavicula": ("51299004", "Clavicle", (205, 179, 108)),
    "colon": ("71854001", "Colon", (204, 168, 143)),
    "common_carotid_artery": ("32062004", "Common carotid artery", (216, 101, 79)),
    "costal_cartilages": ("50016007", "Costal cartilage", (111, 184, 210)),
    "duodenum": ("38848004", "Duodenum", (255, 253, 229)),
    "esophagus": ("32849002", "Esophagus", (211, 171, 143)),
    "femur": ("71341001", "Femur", (255, 238, 170)),
    "gallbladder": ("28231008", "Gallbladder", (139, 150, 98)),
    "gluteus_maximus": ("181674001", "Gluteus maximus muscle", (188, 95, 76)),
    "gluteus_medius": ("78333006", "Gluteus medius muscle", (188, 95, 76)),
    "gluteus_minimus": ("75297007", "Gluteus minimus muscle", (188, 95, 76)),
    "heart": ("80891009", "Heart", (206, 110, 84)),
    "hip": ("29836001", "Hip bone", (255, 220, 150)),
    "humerus": ("85050009", "Humerus", (255, 238, 170)),
    "iliac_artery": ("73634005", "Common iliac artery", (216, 101, 79)),
    "iliac_vena": ("46027005", "Common iliac vein", (0, 151, 206)),
    "iliopsoas": ("68455001", "Iliopsoas muscle", (188, 95, 76)),
    "inferior_vena_cava": ("64131007", "Inferior vena cava", (0, 151, 206)),
    "kidney": ("64033007", "Kidney", (185, 102, 83)),
    "liver": ("10200004", "Liver", (221, 130, 101)),
    "lung": ("39607008", "Lung", (197, 165, 145)),
    "lung_lower_lobe": ("90572001", "Lower lobe of lung", (224, 186, 162)),
    "lung_middle_lobe": ("72481006", "Middle lobe of right lung", (202, 164, 140)),
    "lung_upper_lobe": ("45653009", "Upper lobe of lung", (172, 138, 115)),
    "pancreas": ("15776009", "Pancreas", (249, 180, 111)),
    "portal_vein_and_splenic_vein": ("32764006", "Portal vein", (0, 151, 206)),
    "prostate": ("41216001", "Prostate", (230, 158, 140)),
    "pulmonary_vein": ("122972007", "Pulmonary vein", (0, 122, 171)),
    "rib": ("113197003", "Rib", (253, 232, 158)),
    "sacrum": ("54735007", "Sacrum", (255, 255, 207)),
    "scapula": ("79601000", "Scapula", (212, 188, 102)),
    "skull": ("89546000", "Skull", (241, 213, 144)),
    "small_bowel": ("30315005", "Small Intestine", (205, 167, 142)),
    "spinal_cord": ("2748008", "Spinal cord", (244, 214, 49)),
    "spleen": ("78961009", "Spleen", (157, 108, 162)),
    "sternum": ("56873002", "Sternum", (244, 217, 154)),
    "stomach": ("69695003", "Stomach", (216, 132, 105)),
    "subclavian_artery": ("36765005", "Subclavian artery", (216, 101, 79)),
    "superior_vena_cava": ("48345005", "Superior vena cava", (0, 151, 206)),
    "thyroid_gland": ("69748006", "Thyroid", (62, 162, 114)),
    "trachea": ("44567001", "Trachea", (182, 228, 255)),
    "urinary_bladder": ("89837001", "Bladder", (222, 154, 132)),
    "vessels": ("59820001", "Blood vessel", (216, 101, 79)),
}
_SPINE = {
    "C": ("122494005", "Cervical spine", (255, 255, 207)), "T": ("122495006", "Thoracic spine", (226, 202, 134)),
    "L": ("122496007", "Lumbar spine", (212, 188, 102)), "S": ("54735007", "Sacrum", (255, 255, 207)),
}
# Colours far from every organ's, so that neighbours are told apart.
_LESION_COLOURS = (
    (255, 214, 10), (64, 224, 208), (255, 105, 180), (124, 252, 0), (255, 140, 0), (138, 180, 255), (218, 112, 214),
    (190, 255, 120),
)
_ALIASES = {
    "hepar": "liver", "kidneys": "kidney", "lungs": "lung", "ribs": "rib", "oesophagus": "esophagus",
    "intestine": "small_bowel", "vessel": "vessels", "hepatic_vessels": "vessels", "liver_vessels": "vessels",
    "clavicle": "clavicula", "thyroid": "thyroid_gland", "ivc": "inferior_vena_cava",
}


def organ_segment(name: str) -> Segment:
    """A segment of that name with the colour and codes of the structure.

    Knows the structures of TotalSegmentator, with the side before or after ("kidney_left", "left kidney",
    "rib_left_3", "vertebrae_T12"). Other names get the general term "Tissue".
    """
    side, base = _side_and_base(name)
    if base.endswith("_cyst") or base == "cyst":
        return _segment(name, Terminology(
            MORPHOLOGY, Code("SCT", "367643001", "Cyst"), region=_region(base.removesuffix("_cyst")),
            region_modifier=side), (205, 205, 100))
    found = _structure(base)
    if found is None:
        return _segment(name, Terminology(TISSUE, TISSUE, side), (128, 174, 128))
    code, meaning, colour = found
    modifier = None if meaning.startswith("Left ") or base == "lung_middle_lobe" else side
    return _segment(name, Terminology(ANATOMY, Code("SCT", code, meaning), modifier), colour)


def lesion_segment(number: int, organ_name: str = "") -> Segment:
    """Segment "lesion N" (a mass in the organ), each number in its own colour."""
    colour = _LESION_COLOURS[(number - 1) % len(_LESION_COLOURS)]
    return _in_organ(f"lesion {number}", Code("SCT", "4147007", "Mass"), organ_name, colour)


def tumour_segment(organ_name: str = "") -> Segment:
    """Segment "tumour" (a neoplasm in the organ)."""
    return _in_organ("tumour", Code("SCT", "108369006", "Neoplasm"), organ_name, _LESION_COLOURS[0])


def necrosis_segment(organ_name: str = "") -> Segment:
    """Segment "necrosis", the dead core of a tumour."""
    return _in_organ("necrosis", Code("SCT", "6574001", "Necrosis"), organ_name, (138, 43, 226))


def terminology_entry(terminology: Terminology) -> str:
    """Slicer's one-line form: contexts and codes between tildes."""
    parts = (
        _TYPE_CONTEXT, _code(terminology.category), _code(terminology.type), _code(terminology.type_modifier),
        _REGION_CONTEXT, _code(terminology.region), _code(terminology.region_modifier),
    )
    return "~".join(parts)


def parse_terminology_entry(text: str) -> Terminology | None:
    """Terminology from Slicer's one-line form; None if it has no category or no type."""
    parts = text.split("~")
    codes = [_parse_code(part) for part in parts] + [None] * 7
    if codes[1] is None or codes[2] is None:
        return None
    return Terminology(codes[1], codes[2], codes[3], codes[5], codes[6])


def _in_organ(name: str, kind: Code, organ_name: str, colour: tuple[int, int, int]) -> Segment:
    side, base = _side_and_base(organ_name)
    region = _region(base)
    return _segment(
        name, Terminology(MORPHOLOGY, kind, region=region, region_modifier=side if region else None), colour
    )


def _segment(name: str, terminology: Terminology, colour: tuple[int, int, int]) -> Segment:
    r, g, b = colour
    return Segment(name, colour=(r / 255, g / 255, b / 255), terminology=terminology)


def _region(base: str) -> Code | None:
    found = _structure(base)
    return None if found is None else Code("SCT", found[0], found[1])


def _structure(base: str) -> tuple[str, str, tuple[int, int, int]] | None:
    vertebra = re.fullmatch(r"vertebrae?_([ctls])\d*", base)
    if vertebra:
        return _SPINE[vertebra[1].upper()]
    base = re.sub(r"_\d+$", "", base)
    return _STRUCTURES.get(_ALIASES.get(base, base))


def _side_and_base(name: str) -> tuple[Code | None, str]:
    words = re.split(r"[\s_\-]+", name.strip().lower())
    side = RIGHT if "right" in words else LEFT if "left" in words else None
    return side, "_".join(word for word in words if word not in ("left", "right"))


def _code(code: Code | None) -> str:
    return "^^" if code is None else "^".join(
        re.sub(r"[~^|\r\n]", " ", part) for part in (code.scheme, code.value, code.meaning))


def _parse_code(text: str) -> Code | None:
    parts = text.split("^")
    return Code(parts[0], parts[1], parts[2]) if len(parts) == 3 and parts[0] and parts[1] else None
