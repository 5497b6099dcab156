# SPDX-License-Identifier: Apache-2.0
"""Optimisers: small changes of parameters along their gradients.

An optimiser serves one module (an engine, a layer, a model): ``optimizer.step(module)`` changes
its parameters by ``module.grads``. Its learning rate `lr` may be set between steps.
"""

import math
from collections.abc import Mapping

import numpy as np

from . import checks
from ._core.updates import adam


def clip_global_norm(grads, max_norm):
    """Scale all gradients by one factor so that their joint norm is at most `max_norm`.

    The norm is sqrt(sum of g^2 over all arrays); see Pascanu, Mikolov, Bengio, "On the
    difficulty of training recurrent neural networks" (2013).

    Parameters
    ----------
    grads : mapping of str to ndarray
        Changed in place.
    max_norm : float
        Above 0; infinity measures without clipping.

    Returns
    -------
    norm : float
        The norm before clipping.

    Raises
    ------
    ValueError
        If `max_norm` is not a number above 0.
    FloatingPointError
        If the norm is not finite, naming the gradients at fault; nothing is changed.
    """
    max_norm = _number("max_norm", max_norm, above=0)
    with np.errstate(over="ignore"):
        norm = math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in grads.values()))
    if not math.isfinite(norm):
        wrong = [name for name, g in grads.items() if not np.isfinite(g).all()]
        raise FloatingPointError(
            "the gradients' norm is not finite: "
            + (f"NaN or infinity in {', '.join(wrong)}" if wrong else "their squares overflow")
        )
    if norm > max_norm:
        for g in grads.values():
            g *= max_norm / norm
    return norm


class Optimizer:
    """Base of the optimisers.

    `slots` names the arrays a subclass keeps for each parameter, which start at zero;
    ``_change(p, g, *arrays of the slots)`` updates one parameter in place. `types` are NumPy's
    characters of the dtypes that it can.
    """

    slots = ()
    types = np.typecodes["Float"]

    def __init__(self, lr):
        self.lr = lr
        self.steps = 0
        self._state = {slot: {} for slot in self.slots}

    @property
    def lr(self):
        """The learning rate."""
        return self._lr

    @lr.setter
    def lr(self, value):
        self._lr = _number("lr", value, low=0)

    def step(self, module):
        """Change the parameters of `module` by its gradients."""
        grads = module.grads
        with module._updating() as params:
            self.update(params, grads)

    def update(self, params, grads):
        """Change arrays in place.

        Parameters
        ----------
        params, grads : mapping of str to ndarray
            The parameters and their gradients, by the same names.

        Raises
        ------
        ValueError
            If names, shapes or dtypes of gradients or of this optimiser's arrays do not fit the
            parameters; nothing is changed.
        TypeError
            If a parameter's dtype is not one that the optimiser can change; nothing is changed.
        """
        for name, p in params.items():
            if p.dtype.char not in self.types:
                raise TypeError(f"{name} must be float32 or float64, got {p.dtype}")
        _check_alike("gradients", grads, params)
        for slot, arrays in self._state.items():
            if arrays:
                _check_alike(f"the optimiser's {slot}", arrays, params)
        for arrays in self._state.values():
            if not arrays:
                arrays.update((name, np.zeros_like(p)) for name, p in params.items())
        self.steps += 1
        for name, p in params.items():
            self._change(p, grads[name], *(arrays[name] for arrays in self._state.values()))

    def state_dict(self):
        """Return what a later run needs to go on: arrays named "steps" and "slot.parameter".

        They are the live arrays; copy them to keep a snapshot.
        """
        state = {"steps": np.array([self.steps], dtype=np.int64)}
        for slot, arrays in self._state.items():
            state.update((f"{slot}.{name}", array) for name, array in arrays.items())
        return state

    def load_state_dict(self, mapping):
        """Take over copies of the arrays of `state_dict`.

        Raises
        ------
        TypeError
            If `mapping` is not a mapping, or an entry not an array.
        ValueError
            If it is not the state of such an optimiser. After any error nothing is changed.
        """
        if not isinstance(mapping, Mapping):
            raise TypeError(f"state_dict must be a mapping, got {type(mapping).__name__}")
        if "steps" not in mapping:
            raise ValueError("the optimiser's state has no 'steps'")
        steps = _saved_steps(mapping["steps"])
        state = {slot: {} for slot in self.slots}
        for key in mapping:
            if key == "steps":
                continue
            slot, _, name = key.partition(".") if isinstance(key, str) else (None, None, None)
            if slot not in state:
                raise ValueError(f"{key!r} is not part of the state of {type(self).__name__}")
            state[slot][name] = mapping[key]
        names = {slot: sorted(arrays) for slot, arrays in state.items()}
        if any(names[slot] != names[self.slots[0]] for slot in self.slots):
            raise ValueError(f"the optimiser's {', '.join(self.slots)} have different names")
        for slot, values in state.items():
            for name, value in values.items():
                values[name] = _saved_array(f"{slot}.{name}", value)
        self.steps = steps
        self._state = state


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, as torch.optim.SGD::

        u = momentum u + g
        p = p - lr u                        (Nesterov: p - lr (g + momentum u))

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    momentum : float
        In [0, 1).
    nesterov : bool
        Whether the step looks ahead; needs a momentum.
    """

    def __init__(self, lr, momentum=0.0, nesterov=False):
        self.momentum = _number("momentum", momentum, low=0, below=1)
        self.nesterov = bool(nesterov)
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        self.slots = ("u",) if self.momentum else ()
        super().__init__(lr)

    def _change(self, p, g, u=None):
        if u is None:
            p -= self.lr * g
            return
        u *= self.momentum
        u += g
        p -= self.lr * (g + self.momentum * u if self.nesterov else u)


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), with the decoupled weight decay of AdamW (Loshchilov and
    Hutter, 2019); with k the number of steps so far::

        p = p - lr decay p
        m = beta1 m + (1 - beta1) g
        v = beta2 v + (1 - beta2) g^2
        p = p - lr / (1 - beta1^k) * m / (sqrt(v / (1 - beta2^k)) + eps)

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    betas : pair of float
        beta1 and beta2, in [0, 1).
    eps : float
        Above 0.
    decoupled_weight_decay : float
        At least 0; applied to every parameter, and not part of m and v.
    """

    slots = ("m", "v")
    types = "fd"

    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, decoupled_weight_decay=0.0):
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise TypeError(f"betas must be a pair of numbers, got {betas!r}")
        beta1, beta2 = betas
        self.betas = (
            _number("betas[0]", beta1, low=0, below=1), _number("betas[1]", beta2, low=0, below=1)
        )
        self.eps = _number("eps", eps, above=0)
        self.decoupled_weight_decay = _number(
            "decoupled_weight_decay", decoupled_weight_decay, low=0
        )
        super().__init__(lr)

    def _change(self, p, g, m, v):
        beta1, beta2 = self.betas
        if self.decoupled_weight_decay:
            p *= 1 - self.lr * self.decoupled_weight_decay
        adam(p, g, m, v, beta1, beta2, correction=1 / math.sqrt(1 - beta2**self.steps),
             eps=self.eps, rate=self.lr / (1 - beta1**self.steps))


def _number(name, value, low=-math.inf, above=-math.inf, below=math.inf):
    """Return `value` as a float with low <= value, above < value and value < below."""
    checks.number(name, value)
    wanted = [f"at least {low}"] * (low > -math.inf) + [f"above {above}"] * (above > -math.inf)
    wanted += [f"below {below}"] * (below < math.inf)
    if not (value >= low and value > above and (value < below or below == math.inf)):
        raise ValueError(f"{name} must be {' and '.join(wanted)}, got {value}")
    return float(value)


def _saved_steps(value):
    steps = checks.as_ndarray("steps", value)
    if steps.dtype.kind not in "iu" or steps.size != 1 or steps.item() < 0:
        raise ValueError(f"steps must be one integer of at least 0, got {value!r}")
    return int(steps.item())


def _saved_array(name, value):
    array = checks.as_ndarray(name, value)
    if array.dtype.kind != "f":
        raise ValueError(f"{name} must be an array of floats, got dtype {array.dtype}")
    return array.copy()


def _check_alike(what, arrays, params):
    """Raise unless `arrays` have the names, shapes and dtypes of `params`."""
    if set(arrays) != set(params):
        names = ", ".join(sorted(set(arrays) ^ set(params)))
        raise ValueError(f"{what} must have the parameters' names; in one only: {names}")
    for name, p in params.items():
        got = arrays[name]
        if got.shape != p.shape or got.dtype != p.dtype:
            raise ValueError(f"{what}: {name} must be {p.dtype} of shape {p.shape}, "
                             f"got {got.dtype} of shape {got.shape}")
