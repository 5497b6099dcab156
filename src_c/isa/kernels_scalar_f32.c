/* SPDX-License-Identifier: Apache-2.0 */
#include "vec_scalar.h"

#include "inference.h"
