"""What a form shows, from a tool's declaration, and how a parameter node keeps it. No Qt: panels and pages share it."""

from SyntheticImagingLib.form.fields import FormField, Widget
from SyntheticImagingLib.form.model import FormModel, ParameterNode
from SyntheticImagingLib.form.record_text import readable_record

__all__ = ["FormField", "FormModel", "ParameterNode", "Widget", "readable_record"]
