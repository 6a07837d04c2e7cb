/* SPDX-License-Identifier: GPL-2.0 */
#include "unit/gich_fake.h"
