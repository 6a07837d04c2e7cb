/* SPDX-License-Identifier: GPL-2.0 */
#include "unit/vgic_fake.h"
