/* SPDX-License-Identifier: GPL-2.0 */
/* What its.c and its payload agree on: where the tables are, and what the payload asks for. */

/* of MAP_RAM */
#define ITS_PROP	(MAP_RAM + 0x800000)	/* 56 KiB: LPIs 8192 to 65535 */
#define ITS_PEND(cpu)	(MAP_RAM + 0x810000 + 0x10000 * (cpu))
#define ITS_DEVTAB	(MAP_RAM + 0x840000)	/* flat: 8192 devices */
#define ITS_COLLTAB	(MAP_RAM + 0x850000)
#define ITS_L1		(MAP_RAM + 0x860000)	/* or in two levels */
#define ITS_L2		(MAP_RAM + 0x870000)
#define ITS_ITT(dev)	(MAP_RAM + 0x880000 + 0x10000 * (dev))
#define ITS_QUEUE	(MAP_RAM + 0xa00000)	/* up to 1 MiB */

#define NR_LPIS		48

/* arguments of guest_main() */
#define ITS_ARG_CPUS	0xff
#define ITS_ARG_SAVE	0x100	/* map, save, restore; nothing else */
#define ITS_ARG_INDIRECT 0x200	/* two levels of device table */

/* sync() */
#define SYNC_MSI	1	/* DeviceID, EventID; SIGNAL_MSI's result in MBOX_RESULT */
#define SYNC_MSI_RAW	2	/* which of the wrong ones; the same */
#define SYNC_SAVE	3	/* save, see what is in the tables, reset, restore */

#define MBOX_IS_KVM	0
#define MBOX_RESULT	1

#define RAW_NO_DEVID	0
#define RAW_NO_ITS	1
#define RAW_SECOND_PAGE	2	/* the doorbell's page, but not the doorbell */
