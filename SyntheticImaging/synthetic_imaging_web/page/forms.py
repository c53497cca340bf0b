"""The parameters of all tools: their values in the page's state and in a parameter node of the scene."""

from __future__ import annotations

from typing import Any

from synthetic_imaging.catalogue import tools
from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.tool import Tool
from synthetic_imaging_web.page.session import Session
from SyntheticImagingLib.form import FormField, FormModel

AUTOMATIC = "__automatic"
# One lesion of a size that is seen at once, where the user clicks.
_DEFAULTS: dict[str, dict[str, Any]] = {"lesions.handcrafted": {"diameter_mm": 15.0, "count": 1}}
_FIRST = ("lesions.handcrafted", "lesions.automaton", "lesions.edit", "lesions.measure")
# Parameters that say how many: clicked points say it already.
_COUNTS = ("count", "starts", "copies")


class Forms:
    """One form for each tool.

    The state ``tool`` is the id of the tool shown; ``p_TOOL_NAME`` the value of a parameter, ``p_TOOL_NAME_auto``
    whether it is left to the tool, ``p_TOOL_NAME_wrong`` what is wrong with it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        known = tools()
        ids = [i for i in _FIRST if i in known] + [i for i in known if i not in _FIRST]
        self.models = {i: FormModel(known[i], defaults=_DEFAULTS.get(i)) for i in ids}
        self.changed: list[Any] = []
        self._keys: dict[str, tuple[FormModel, FormField]] = {}
        state = session.state
        state.tool_items = [{"title": m.tool.title, "value": i} for i, m in self.models.items()]
        state.tool = ids[0]
        for model in self.models.values():
            for field in model.fields:
                self._keys[state_key(field)] = (model, field)
            state[seed_key(model.tool)] = ""
        for key, (_, field) in self._keys.items():
            self._to_state(key, field, field.default)
        names = [name for key in self._keys for name in (key, f"{key}_auto")]
        state.change(*names, *(seed_key(m.tool) for m in self.models.values()))(self._edited)
        state.change("tool")(lambda **_: self._tell())

    @property
    def tool(self) -> Tool:
        """The tool that is shown."""
        return self.models[self._session.state.tool].tool

    @property
    def node(self) -> Any:
        """The parameter node; saved with the scene."""
        scene = self._session.scene.scene
        node = scene.GetSingletonNode("SyntheticImagingPage", "vtkMRMLScriptedModuleNode")
        if node is None:
            node = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "SyntheticImaging")
            node.SetSingletonTag("SyntheticImagingPage")
            node.SetHideFromEditors(True)
        return node

    def values(self, points_given: bool = False) -> dict[str, Any]:
        """The values of the tool shown, as a task takes them.

        Raises:
            ParameterError: if a field holds something that does not fit.
        """
        model = self.models[self.tool.id]
        for field in model.fields:
            wrong = self._session.state[f"{state_key(field)}_wrong"]
            if wrong:
                raise ParameterError(wrong)
        values = model.read(self.node)
        if points_given:
            for name in _COUNTS:
                if name in values and model[name].optional:
                    values[name] = None
        return values

    def number(self, name: str) -> float | None:
        """A number of the tool shown; None where it has none of that name, or leaves it to the tool."""
        model = self.models[self.tool.id]
        value = model.read(self.node).get(name)
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def seed(self) -> int | None:
        """The seed asked for; None for a new one each time."""
        return self.models[self.tool.id].read_seed(self.node)

    def reset(self) -> None:
        """The defaults of the tool shown."""
        model = self.models[self.tool.id]
        model.reset(self.node)
        with self._session.state:
            for field in model.fields:
                self._to_state(state_key(field), field, field.default)
            self._session.state[seed_key(model.tool)] = ""

    def _to_state(self, key: str, field: FormField, value: Any) -> None:
        state = self._session.state
        state[f"{key}_wrong"] = ""
        if field.widget in ("slider", "number"):
            state[key] = field.start if value is None else value
            state[f"{key}_auto"] = value is None
        elif field.widget == "choice":
            state[key] = AUTOMATIC if value is None else value
        else:
            state[key] = value

    def _edited(self, **_: Any) -> None:
        state = self._session.state
        for key, (model, field) in self._keys.items():
            if model.tool.id == state.tool:
                wrong = self._written(model, field, state[key], bool(state[f"{key}_auto"]))
                if wrong != state[f"{key}_wrong"]:
                    self._session.push(**{f"{key}_wrong": wrong})
        model = self.models[state.tool]
        text = str(state[seed_key(model.tool)] or "").strip()
        try:
            model.write_seed(self.node, int(text) if text else None)
        except (ValueError, InputError):
            model.write_seed(self.node, None)
        self._tell()

    def _written(self, model: FormModel, field: FormField, value: Any, automatic: bool) -> str:
        value = None if value == AUTOMATIC or (automatic and field.optional) else value
        if value in (None, "") and field.widget in ("slider", "number") and not automatic:
            return f"'{field.label}' needs a number."
        try:
            model.write(self.node, field.name, value)
        except ParameterError as error:
            return str(error)
        return ""

    def _tell(self) -> None:
        for listener in self.changed:
            listener()


def state_key(field: FormField) -> str:
    """Where the page's state keeps a parameter."""
    return "p_" + "".join(c if c.isalnum() else "_" for c in field.key)


def seed_key(tool: Tool) -> str:
    """Where the page's state keeps the seed of a tool."""
    return "seed_" + "".join(c if c.isalnum() else "_" for c in tool.id)
