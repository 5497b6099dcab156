# SPDX-License-Identifier: Apache-2.0
"""Who made which value: the tape, symbolic tensors and operators; it knows no layer."""
