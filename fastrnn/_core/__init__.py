# SPDX-License-Identifier: Apache-2.0
"""The compiled floor of fastrnn: packs, time loops, threads. Private."""
