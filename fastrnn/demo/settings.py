# SPDX-License-Identifier: Apache-2.0
"""What the demonstration does unless it is told otherwise: the one home of its defaults."""

# The model.
CELL = "lstm"
EMBEDDING = 64
HIDDEN = 256
LAYERS = 1

# Its training: rows of the text side by side, characters between updates, highest learning rate.
BATCH = 32
BLOCK = 64
RATE = 8e-3
SEED = 0
SECONDS = 75
CHECKPOINT_SECONDS = 15
HELD_OUT = 0.05
OUTPUT = "fastrnn-demo.safetensors"

# The text that it writes.
TEMPERATURE = 0.7
LENGTH = 500
