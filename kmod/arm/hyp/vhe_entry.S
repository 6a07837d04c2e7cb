/* SPDX-License-Identifier: GPL-2.0 */
#define HYP_VHE
#include "aarch64/entry.S"
