# SPDX-License-Identifier: Apache-2.0
"""Several callbacks called as one, and only those that have something to do."""

from __future__ import annotations

from typing import Any

from .base import Callback, Callbacks
from .progress import ProgressBar
from .records import History
from .stopping import TerminateOnNaN

_OLDER = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}
_HOOKS = tuple(name for name in vars(Callback)
               if name.startswith("on_") and name not in _OLDER.values())


class CallbackList(Callback):
    """The callbacks of one run.

    Where a hook takes `logs`, a function without arguments that returns them will do: it is called
    only if some callback wants them, and for a progress bar only when that is drawn.

    Parameters
    ----------
    callbacks : Callback, or nested lists of them, optional
    add_history : bool
        Whether to add a `History` where there is none.
    add_progbar : bool, optional
        Whether to add a `ProgressBar` where there is none; by default unless `verbose` is 0.
    model : Model, optional
    verbose : {"auto", 0, 1, 2}
    epochs : int
    steps : int, optional
        Batches of an epoch, where that is known.

    Attributes
    ----------
    stops_on_nan : bool
        Whether a loss that is not finite is left to a `TerminateOnNaN`.

    Raises
    ------
    TypeError
        If something else than a callback is among them.
    """

    def __init__(self, callbacks: Callbacks = None, add_history: bool = False,
                 add_progbar: bool | None = None, model: Any = None, *, verbose: int | str = 0,
                 epochs: int = 1, steps: int | None = None) -> None:
        super().__init__()
        self.callbacks = list(_flattened(callbacks))
        self.history = self._find(History, add_history)
        self._bar = self._find(ProgressBar, verbose != 0 if add_progbar is None else add_progbar)
        self.stops_on_nan = self._find(TerminateOnNaN, False) is not None
        self._hooks = {name: tuple(self._having(name)) for name in _HOOKS}
        self.set_model(model)
        self.set_params({"verbose": verbose, "epochs": epochs, "steps": steps})

    def wants(self, hook: str) -> bool:
        """Return whether calling `hook` does anything."""
        return bool(self._hooks[hook]) or (self._bar is not None and hook in ProgressBar.draws_at)

    def set_model(self, model: Any) -> None:
        if model is None:
            return
        super().set_model(model)
        if self.history is not None:
            model.history = self.history
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def on_train_begin(self, logs: Any = None) -> None:
        self._call("on_train_begin", logs)

    def on_train_end(self, logs: Any = None) -> None:
        self._call("on_train_end", logs)

    def on_test_begin(self, logs: Any = None) -> None:
        self._call("on_test_begin", logs)

    def on_test_end(self, logs: Any = None) -> None:
        self._call("on_test_end", logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._call("on_predict_begin", logs)

    def on_predict_end(self, logs: Any = None) -> None:
        self._call("on_predict_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        hooks = self._hooks["on_epoch_begin"]
        logs = plain(logs)
        for hook in hooks:
            hook(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        hooks = self._hooks["on_epoch_end"]
        logs = plain(logs)
        for hook in hooks:
            hook(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call_batch("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._call_batch("on_train_batch_end", batch, logs)
        if self._bar is not None:
            self._bar.advance(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call_batch("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._call_batch("on_test_batch_end", batch, logs)
        if self._bar is not None and not self._bar.in_fit:
            self._bar.advance(batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call_batch("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        hooks = self._hooks["on_predict_batch_end"]
        if hooks:
            logs = logs() if callable(logs) else logs
            for hook in hooks:
                hook(batch, logs=logs)
        if self._bar is not None:
            self._bar.advance(batch, None)

    def _call(self, name, logs):
        hooks = self._hooks[name]
        if hooks:
            logs = plain(logs)
            for hook in hooks:
                hook(logs)

    def _call_batch(self, name, batch, logs):
        hooks = self._hooks[name]
        if hooks:
            logs = plain(logs)
            for hook in hooks:
                hook(batch, logs=logs)

    def _find(self, kind, add):
        found = [callback for callback in self.callbacks if isinstance(callback, kind)]
        if not found and add:
            found = [kind()]
            self.callbacks += found
        return found[-1] if found else None

    def _having(self, name):
        for callback in self.callbacks:
            for hook in (name, _OLDER.get(name)):
                if hook and _overridden(callback, hook):
                    yield getattr(callback, hook)
                    break


def plain(logs: Any) -> Any:
    """Return logs as a new dict in the order of names, with floats for what has a float."""
    logs = logs() if callable(logs) else logs
    result: dict[str, Any] = {}
    for name, value in sorted((logs or {}).items()):
        if isinstance(value, dict):
            result |= plain(value)
            continue
        try:
            result[name] = float(value)
        except (TypeError, ValueError):
            result[name] = value
    return result


def _overridden(callback, name):
    hook = getattr(callback, name, None)
    return hook is not None and getattr(hook, "__func__", hook) is not getattr(Callback, name)


def _flattened(callbacks):
    if callbacks is None:
        return
    if not isinstance(callbacks, list | tuple):
        callbacks = [callbacks]
    for callback in callbacks:
        if isinstance(callback, list | tuple):
            yield from _flattened(callback)
        elif isinstance(callback, type) or not hasattr(callback, "set_model"):
            raise TypeError(f"callbacks must be Callback objects, got {callback!r}")
        else:
            yield callback
