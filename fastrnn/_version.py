# SPDX-License-Identifier: Apache-2.0
"""The version, written here alone: pyproject.toml and the package read it."""

__version__ = "0.1.0"
