/* SPDX-License-Identifier: Apache-2.0 */
#include "vec_neon.h"

#include "inference.h"
