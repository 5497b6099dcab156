# SPDX-License-Identifier: Apache-2.0
"""What every floor of the package uses and none owns; private."""
