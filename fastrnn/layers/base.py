# SPDX-License-Identifier: Apache-2.0
"""What layers and models have in common with the engine classes: parameters, gradients, modes.

The protocol, which the engine classes follow too: `state_dict` hands out read-only arrays by
name, `grads` holds one writable array for each of them, and ``with module._updating() as arrays``
gives an optimiser the writable ones.
"""

from contextlib import ExitStack, contextmanager

from .. import checks
from ..parameters import Gradients, Parameters


class Module:
    """Base of everything with parameters; subclasses give `grads`, `state_dict`, `_updating`."""

    training = False

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    def train(self, mode=True):
        """Keep in each forward what `backward` needs; return self."""
        self.training = checks.flag("mode", mode)
        return self

    def eval(self):
        """Leave training mode; return self."""
        return self.train(False)

    def parameters(self):
        """Iterate over the arrays of `state_dict`."""
        return iter(self.state_dict().values())

    def zero_grad(self):
        """Set all gradients to zero."""
        for gradient in self.grads.values():
            gradient.fill(0)

    def load_state_dict(self, mapping):
        """Copy all parameters from a mapping of name to array, cast to the module's dtype.

        Raises
        ------
        TypeError
            If `mapping` is not a mapping.
        RuntimeError
            Naming every missing, unexpected, misshapen or non-numeric entry; nothing is changed.
        """
        with self._updating() as arrays:
            Parameters(arrays).load(mapping, type(self).__name__)


class Layer(Module):
    """A module with parameters of its own, which are attributes too.

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

    def state_dict(self):
        """Return the parameters as read-only views of the live arrays."""
        return dict(self._parameters.views)

    def _updating(self):
        return self._parameters.updating()

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

    def __getattr__(self, name):
        parameters = vars(self).get("_parameters")
        if parameters is None or name not in parameters.views:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return parameters.views[name]

    def __setattr__(self, name, value):
        if name in self._parameters.arrays:
            self._parameters.assign(name, value)
        else:
            super().__setattr__(name, value)

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
