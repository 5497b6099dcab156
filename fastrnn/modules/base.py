# SPDX-License-Identifier: Apache-2.0
"""Bases of the layers and of the models made of them."""

from contextlib import ExitStack, contextmanager

from .._common.quiet import set_apart
from ..engine.module import Module, Owner
from ..engine.parameters import Gradients, Parameters


class Layer(Owner):
    """A module with parameters of its own and a forward.

    Parameters
    ----------
    values : dict of str to ndarray
        Initial values by name, C-contiguous and of one dtype; they are kept, not copied.
    """

    def __init__(self, values):
        vars(self)["_parameters"] = Parameters(values)
        self.grads = Gradients(self._parameters)
        self.dtype = next(iter(values.values())).dtype
        self._kept = None

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        set_apart(cls, ("forward", "backward"))

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    def _take_kept(self):
        """Return what the last training forward kept, and its version of the parameters, once."""
        if self._kept is None:
            raise RuntimeError("no forward is kept for backward: call train(), then the layer; "
                               "one forward serves one backward")
        version, kept = self._kept
        if version != self._parameters.version:
            raise RuntimeError("the weights changed since the forward that backward would follow")
        return kept

    def _keep(self, kept):
        if self.training:
            self._kept = self._parameters.version, kept

    def __getstate__(self):
        state = vars(self).copy()
        del state["grads"]
        state["_kept"] = None
        return state

    def __setstate__(self, state):
        vars(self).update(state)
        self.grads = Gradients(self._parameters)


class Composite(Module):
    """A module made of others; its parameters are named ``part.parameter``.

    Parameters
    ----------
    parts : dict of str to module
        The parts, which become attributes.
    """

    def __init__(self, parts):
        self._parts = parts
        vars(self).update(parts)

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    def train(self, mode=True):
        """Set the mode of every part; return self."""
        super().train(mode)
        for part in self._parts.values():
            part.train(mode)
        return self

    @property
    def grads(self):
        """Gradients by parameter name: the arrays of the parts."""
        return self._joined(part.grads for part in self._parts.values())

    def zero_grad(self):
        """Set all gradients to zero."""
        for part in self._parts.values():
            part.zero_grad()

    def state_dict(self):
        """Return the parameters of all parts as read-only views of the live arrays."""
        return self._joined(part.state_dict() for part in self._parts.values())

    @contextmanager
    def _updating(self):
        with ExitStack() as stack:
            arrays = [stack.enter_context(part._updating()) for part in self._parts.values()]
            yield self._joined(arrays)

    def _joined(self, mappings):
        return {
            f"{part}.{name}": array
            for part, mapping in zip(self._parts, mappings, strict=True)
            for name, array in mapping.items()
        }
