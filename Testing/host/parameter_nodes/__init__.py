"""``slicer.parameterNodeWrapper``: typed values in a parameter node, bound to widgets."""

from __future__ import annotations

from Testing.host.parameter_nodes.binding import (
    Decimals,
    GuiConnector,
    SingleStep,
    createGuiConnector,
    parameterNodeGuiConnector,
)
from Testing.host.parameter_nodes.packs import isParameterPack, parameterPack
from Testing.host.parameter_nodes.rules import (
    Choice,
    Default,
    Exclude,
    IsInstance,
    Maximum,
    Minimum,
    NotNone,
    Validator,
    WithinRange,
)
from Testing.host.parameter_nodes.storing import Serializer, parameterNodeSerializer
from Testing.host.parameter_nodes.wrapper import (
    SlicerParameterNamePropertyName,
    findChildWidgetForParameter,
    isParameterNodeWrapper,
    parameterNodeWrapper,
)

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "GuiConnector",
    "IsInstance",
    "Maximum",
    "Minimum",
    "NotNone",
    "Serializer",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "createGuiConnector",
    "findChildWidgetForParameter",
    "isParameterNodeWrapper",
    "isParameterPack",
    "parameterNodeGuiConnector",
    "parameterNodeSerializer",
    "parameterNodeWrapper",
    "parameterPack",
]
