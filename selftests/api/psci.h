/* SPDX-License-Identifier: GPL-2.0 */
/* guest_main()'s argument: what the payload of psci.c is to do. */
#define MODE_CALLS		0
#define MODE_OFF		1
#define MODE_RESET		2
#define MODE_RESET2		3
#define MODE_RESET2_VENDOR	4
#define MODE_COUNT		5
#define MODE_SUSPEND		6
#define MODE_OFF2		7

#define MBOX_PSCI_VERSION	0
#define MBOX_SMC_CALLS		1	/* SMC is answered as HVC is */
