# SPDX-License-Identifier: Apache-2.0
"""The command line: ``fastrnn demo | generate | bench | info``.

What a user can get wrong ends in one line and exit code 2; an interrupt ends in code 130.
"""

import argparse
import itertools
import math
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import contextmanager

import fastrnn

from ._core.runtime import SettingError
from .demo import settings

INTERRUPTED = 130


class CommandError(Exception):
    """Something the user can put right; the text says what."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : list of str, optional
        The arguments; those of the process where not given.
    """
    args = _parser().parse_args(argv)
    try:
        return args.run(args) or 0
    except CommandError as error:
        return _fail(error)
    except BrokenPipeError:
        # The reader has gone (a pager, head); what Python still wants to flush goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else error)
    except MemoryError as error:
        return _fail(str(error) or "not enough memory")
    except RuntimeError as error:
        if not isinstance(error, SettingError):
            raise
        return _fail(error)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED


def _fail(message):
    print(f"fastrnn: error: {message}", file=sys.stderr)
    return 2


# -- arguments -----------------------------------------------------------------------------------


def _parser():
    parser = argparse.ArgumentParser(
        prog="fastrnn", description="Recurrent networks on CPUs: a demonstration, and tools."
    )
    commands = parser.add_subparsers(metavar="command", required=True)
    _add_demo(commands)
    _add_generate(commands)

    bench = commands.add_parser("bench", help="time the engine on a few shapes")
    bench.add_argument("--seconds", type=_positive(float), default=0.3, help="per figure (0.3)")
    _add_threads(bench)
    bench.set_defaults(run=_bench)

    info = commands.add_parser("info", help="show what the engine runs on")
    info.set_defaults(run=_info)
    return parser


def _add_demo(commands):
    demo = commands.add_parser(
        "demo",
        help="train a character model and let it write",
        description="Train a character model on a part of the King James Bible, or on a text of "
        "your own, measure it on the last twentieth of the text, which it never sees in training, "
        "and let it write. Ctrl-C keeps what was learned; --resume goes on from it.",
    )
    length = demo.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=_positive(float),
                        help=f"training time ({settings.SECONDS})")
    length.add_argument("--steps", type=_positive(int), help="number of updates instead: the same "
                        "model from run to run")
    length.add_argument("--epochs", type=_positive(float), help="number of passes over the text "
                        "instead")
    demo.add_argument("--text", metavar="FILE", help="a UTF-8 text to train on")
    demo.add_argument("--output", metavar="MODEL", default=settings.OUTPUT,
                      help=f"where the model is kept ({settings.OUTPUT})")
    demo.add_argument("--resume", action="store_true", help="go on from MODEL")
    new = demo.add_argument_group("a new model, not with --resume")
    new.add_argument("--cell", choices=("rnn", "lstm", "gru"), help=f"({settings.CELL})")
    new.add_argument("--hidden", type=_positive(int), help=f"hidden units ({settings.HIDDEN})")
    new.add_argument("--layers", type=_positive(int), help=f"recurrent layers ({settings.LAYERS})")
    new.add_argument("--embedding", type=_positive(int),
                     help=f"size of a character's vector ({settings.EMBEDDING})")
    new.add_argument("--batch", type=_positive(int),
                     help=f"rows of the text side by side ({settings.BATCH})")
    new.add_argument("--block", type=_positive(int),
                     help=f"characters between updates ({settings.BLOCK})")
    new.add_argument("--lr", type=_positive(float),
                     help=f"highest learning rate ({settings.RATE})")
    new.add_argument("--seed", type=_natural, help=f"of all that is random ({settings.SEED})")
    _add_threads(demo)
    demo.set_defaults(run=_demo)


def _add_generate(commands):
    generate = commands.add_parser("generate", help="let a saved model write")
    generate.add_argument("model", metavar="MODEL", help="a file that demo made")
    generate.add_argument("--prompt", help="how the text begins (with a new line)")
    generate.add_argument("--length", type=_natural, default=settings.LENGTH,
                          help=f"characters ({settings.LENGTH})")
    generate.add_argument("--temperature", type=_temperature, default=settings.TEMPERATURE,
                          help="0: always the likeliest character; 1: as the model has it "
                          f"({settings.TEMPERATURE})")
    generate.add_argument("--seed", type=_natural, help="the same text every time")
    _add_threads(generate)
    generate.set_defaults(run=_generate)


def _add_threads(parser):
    parser.add_argument("--threads", type=_positive(int), help="at most so many")


def _positive(kind):
    def parse(text):
        value = kind(text)
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
        return value

    parse.__name__ = kind.__name__
    return parse


def _natural(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {text}")
    return value


def _temperature(text):
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be finite and at least 0, got {text}")
    return value


# -- commands ------------------------------------------------------------------------------------


def _info(_):
    fastrnn.show_config()


def _bench(args):
    from .demo.timing import measurements  # no other command needs it

    _set_threads(args)
    for line in measurements(args.seconds):
        print(line, flush=True)


def _generate(args):
    from .demo.model import CharModel  # no other command needs it

    _set_threads(args)
    with _user_errors():
        model = CharModel.load(args.model)
        prompt = args.prompt
        if prompt is None:
            known = model.vocabulary.characters
            prompt = "\n" if "\n" in known else known[0]
        characters = model.generate(prompt, args.temperature, args.seed)
    _write_out(args.prompt or "", characters, args.length)


def _demo(args):
    from .demo import run as demo  # no other command needs it

    _set_threads(args)
    _check_output(args.output)
    with _user_errors():
        text = demo.read_text(args.text)
        training, held_out = demo.split(text)
        if args.resume:
            trainer, budget = demo.resume(args, training)
        else:
            trainer, budget = demo.begin(args, text, training)
    print(demo.describe(trainer, held_out))
    with _interrupt_flag() as interrupted, _user_errors():
        demo.train(trainer, budget, args.output, interrupted)
    kept = (f"after {trainer.updates} updates, {trainer.elapsed:.0f} s: the model is in "
            f"{args.output}")
    if interrupted:
        print(f"Interrupted {kept}\nGo on with:     {_command('demo', *_resume_options(args))}")
        return INTERRUPTED
    print(f"Trained {kept}")
    bits = trainer.model.bits_per_character(trainer.model.vocabulary.encode(held_out))
    print(f"Held-out text: {bits:.3f} bits per character\n")
    prompt = demo.opening(text)
    characters = trainer.model.generate(prompt, settings.TEMPERATURE, trainer.recipe.seed)
    _write_out(prompt, characters, settings.LENGTH)
    print(f"\nMore of it:     {_command('generate', args.output, '--prompt', prompt)}")
    return 0


def _resume_options(args):
    options = ["--resume"]
    if args.output != settings.OUTPUT:
        options += ["--output", args.output]
    return options + (["--text", args.text] if args.text else [])


# -- help ----------------------------------------------------------------------------------------


def _set_threads(args):
    if args.threads:
        fastrnn.set_num_threads(args.threads)


@contextmanager
def _user_errors():
    """What files and texts can be wrong in, as a `CommandError`."""
    try:
        yield
    except (ValueError, FloatingPointError) as error:
        raise CommandError(error) from error


def _check_output(path):
    """Refuse before training what could not be written after it."""
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise CommandError(f"{path}: is a folder, not a file")
    if not os.path.isdir(folder):
        raise CommandError(f"{folder}: no such folder")
    if not os.access(folder, os.W_OK):
        raise CommandError(f"{folder}: cannot be written to")


def _write_out(prompt, characters, length):
    """Print each character as it comes."""
    sys.stdout.write(prompt)
    for character in itertools.islice(characters, length):
        sys.stdout.write(character)
        sys.stdout.flush()
    sys.stdout.write("\n")


class _Flag:
    def __init__(self):
        self.is_set = False

    def __bool__(self):
        return self.is_set


@contextmanager
def _interrupt_flag():
    """Yield a flag that Ctrl-C sets, so that a step is finished first; a second Ctrl-C interrupts.

    Outside the main thread, where Python takes no signals, the flag stays unset.
    """
    flag = _Flag()

    def on_interrupt(_signal, _frame):
        flag.is_set = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        before = signal.signal(signal.SIGINT, on_interrupt)
    except ValueError:
        yield flag
        return
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


def _command(*arguments):
    """Return the shell command that runs this program with `arguments`."""
    return shlex.join([*_program(), *arguments])


def _program():
    """How this process was started, so that it can be started again from the same folder."""
    started = sys.argv[0]
    if os.path.basename(started) == "__main__.py":
        return [_shortest(sys.executable), "-m", "fastrnn"]
    return [_shortest(started) if os.path.basename(started) == "fastrnn" else "fastrnn"]


def _shortest(program):
    """Name alone where the shell would find the same program by it, else the shorter path."""
    program = os.path.abspath(program)
    name = os.path.basename(program)
    found = shutil.which(name)
    if found and os.path.abspath(found) == program:
        return name
    return min(program, os.path.relpath(program), key=len)
