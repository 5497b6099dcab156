# SPDX-License-Identifier: Apache-2.0
"""The demonstration: a character model, its training and its text."""
