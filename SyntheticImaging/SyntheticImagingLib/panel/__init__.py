"""What every panel in 3D Slicer shares, in Qt: forms, the run button, results, messages."""

from SyntheticImagingLib.panel.header import research_header
from SyntheticImagingLib.panel.message_bar import MessageBar
from SyntheticImagingLib.panel.result_box import ResultBox
from SyntheticImagingLib.panel.run_box import RunBox
from SyntheticImagingLib.panel.tool_form import ToolForm

__all__ = ["MessageBar", "ResultBox", "RunBox", "ToolForm", "research_header"]
