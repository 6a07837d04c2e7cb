// SPDX-License-Identifier: GPL-2.0
/*
 * Tables of registers in the order in which they are loaded (Documentation/devices/vgic-v2.rst,
 * vgic-v3.rst, vgic-its.rst; the kernel's virt/kvm/devices/arm-vgic*.rst). A row becomes an array
 * of numbers under its name.
 */
#include "migration/gic_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "libavmm.h"

#define PRIVATE_IRQS	32

/* What a row is there once for. */
enum scope {
	SHARED,			/* the distributor */
	SPI,			/* every SPI, at (INTID * bits) from the offset on */
	PRIVATE,		/* INTIDs 0 to 31 of every vCPU, likewise */
	CPU,			/* every vCPU */
};

struct row {
	const char *name;
	uint32_t group;
	enum scope scope;
	uint32_t offset;
	uint16_t bits;		/* for each interrupt; SHARED and CPU: of the register */
	uint32_t clear;		/* register that clears what must not be set; 0: none */
	bool lenient;		/* names an implementation: another one may refuse it */
};

#define DIST	AVMM_DEV_ARM_VGIC_GRP_DIST_REGS
#define REDIST	AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS
#define SYSREG	AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS
#define LEVEL	AVMM_DEV_ARM_VGIC_GRP_LEVEL_INFO
#define GICC	AVMM_DEV_ARM_VGIC_GRP_CPU_REGS
#define SGI	0x10000		/* SGI_base of a redistributor */

#define ICC(crm, op2)	(3U << 14 | 12U << 7 | (crm) << 3 | (op2))
#define ICC_PMR		(3U << 14 | 4U << 7 | 6U << 3)
#define ICC_CTLR	ICC(12, 4)

/* GIC architecture specification, IHI 0069, 12.8 to 12.11 */
static const struct row v3_rows[] = {
	{ "gicd-iidr", DIST, SHARED, 0x8, 32, 0, true },
	{ "gicd-ctlr", DIST, SHARED, 0x0, 32, 0, false },
	{ "gicr-propbaser", REDIST, CPU, 0x70, 64, 0, false },
	{ "gicr-pendbaser", REDIST, CPU, 0x78, 64, 0, false },
	{ "gicr-ctlr", REDIST, CPU, 0x0, 32, 0, false },
	{ "gicr-waker", REDIST, CPU, 0x14, 32, 0, false },
	{ "spi-group", DIST, SPI, 0x80, 1, 0, false },
	{ "spi-enable", DIST, SPI, 0x100, 1, 0x180, false },
	{ "spi-route", DIST, SPI, 0x6000, 64, 0, false },
	{ "spi-config", DIST, SPI, 0xc00, 2, 0, false },
	{ "spi-priority", DIST, SPI, 0x400, 8, 0, false },
	{ "private-group", REDIST, PRIVATE, SGI + 0x80, 1, 0, false },
	{ "private-enable", REDIST, PRIVATE, SGI + 0x100, 1, SGI + 0x180, false },
	{ "ppi-config", REDIST, CPU, SGI + 0xc04, 32, 0, false },
	{ "private-priority", REDIST, PRIVATE, SGI + 0x400, 8, 0, false },
	{ "spi-level", LEVEL, SPI, 0, 1, 0, false },
	{ "private-level", LEVEL, PRIVATE, 0, 1, 0, false },
	{ "spi-pending", DIST, SPI, 0x200, 1, 0, false },
	{ "private-pending", REDIST, PRIVATE, SGI + 0x200, 1, 0, false },
	{ "spi-active", DIST, SPI, 0x300, 1, 0x380, false },
	{ "private-active", REDIST, PRIVATE, SGI + 0x300, 1, SGI + 0x380, false },
	{ "icc-sre", SYSREG, CPU, ICC(12, 5), 64, 0, false },
	{ "icc-ctlr", SYSREG, CPU, ICC_CTLR, 64, 0, false },
	{ "icc-igrpen0", SYSREG, CPU, ICC(12, 6), 64, 0, false },
	{ "icc-igrpen1", SYSREG, CPU, ICC(12, 7), 64, 0, false },
	{ "icc-pmr", SYSREG, CPU, ICC_PMR, 64, 0, false },
	{ "icc-bpr0", SYSREG, CPU, ICC(8, 3), 64, 0, false },
	{ "icc-bpr1", SYSREG, CPU, ICC(12, 3), 64, 0, false },
	/* those that the CPU interface has: one, two or four, by its bits of priority */
	{ "icc-ap0r0", SYSREG, CPU, ICC(8, 4), 64, 0, false },
	{ "icc-ap0r1", SYSREG, CPU, ICC(8, 5), 64, 0, false },
	{ "icc-ap0r2", SYSREG, CPU, ICC(8, 6), 64, 0, false },
	{ "icc-ap0r3", SYSREG, CPU, ICC(8, 7), 64, 0, false },
	{ "icc-ap1r0", SYSREG, CPU, ICC(9, 0), 64, 0, false },
	{ "icc-ap1r1", SYSREG, CPU, ICC(9, 1), 64, 0, false },
	{ "icc-ap1r2", SYSREG, CPU, ICC(9, 2), 64, 0, false },
	{ "icc-ap1r3", SYSREG, CPU, ICC(9, 3), 64, 0, false },
};

/* GICv2, IHI 0048B, 4.3 and 4.4 */
static const struct row v2_rows[] = {
	{ "gicd-iidr", DIST, SHARED, 0x8, 32, 0, true },
	{ "gicd-ctlr", DIST, SHARED, 0x0, 32, 0, false },
	{ "private-group", DIST, PRIVATE, 0x80, 1, 0, false },
	{ "spi-group", DIST, SPI, 0x80, 1, 0, false },
	{ "private-priority", DIST, PRIVATE, 0x400, 8, 0, false },
	{ "spi-priority", DIST, SPI, 0x400, 8, 0, false },
	{ "spi-target", DIST, SPI, 0x800, 8, 0, false },
	{ "private-config", DIST, PRIVATE, 0xc00, 2, 0, false },
	{ "spi-config", DIST, SPI, 0xc00, 2, 0, false },
	{ "private-enable", DIST, PRIVATE, 0x100, 1, 0x180, false },
	{ "spi-enable", DIST, SPI, 0x100, 1, 0x180, false },
	{ "private-pending", DIST, PRIVATE, 0x200, 1, 0x280, false },
	{ "spi-pending", DIST, SPI, 0x200, 1, 0x280, false },
	/* 16 SGIs, a byte each of those that sent it */
	{ "sgi-source-0", DIST, CPU, 0xf20, 32, 0xf10, false },
	{ "sgi-source-1", DIST, CPU, 0xf24, 32, 0xf14, false },
	{ "sgi-source-2", DIST, CPU, 0xf28, 32, 0xf18, false },
	{ "sgi-source-3", DIST, CPU, 0xf2c, 32, 0xf1c, false },
	{ "private-active", DIST, PRIVATE, 0x300, 1, 0x380, false },
	{ "spi-active", DIST, SPI, 0x300, 1, 0x380, false },
	{ "gicc-ctlr", GICC, CPU, 0x0, 32, 0, false },
	{ "gicc-pmr", GICC, CPU, 0x4, 32, 0, false },
	{ "gicc-bpr", GICC, CPU, 0x8, 32, 0, false },
	{ "gicc-abpr", GICC, CPU, 0x1c, 32, 0, false },
	{ "gicc-apr0", GICC, CPU, 0xd0, 32, 0, false },
	{ "gicc-apr1", GICC, CPU, 0xd4, 32, 0, false },
	{ "gicc-apr2", GICC, CPU, 0xd8, 32, 0, false },
	{ "gicc-apr3", GICC, CPU, 0xdc, 32, 0, false },
};

/* IHI 0069, 12.19: in the order of loading; GITS_CTLR comes after the tables */
static const struct {
	const char *name;
	uint32_t offset;
} its_rows[] = {
	{ "iidr", 0x4 }, { "cbaser", 0x80 }, { "creadr", 0x90 }, { "cwriter", 0x88 },
	{ "baser0", 0x100 }, { "baser1", 0x108 }, { "baser2", 0x110 }, { "baser3", 0x118 },
	{ "baser4", 0x120 }, { "baser5", 0x128 }, { "baser6", 0x130 }, { "baser7", 0x138 },
	{ "ctlr", 0x0 },
};

#define NITS		(sizeof(its_rows) / sizeof(its_rows[0]))
#define ITS_CTLR	(NITS - 1)

static const struct row *rows(const struct gic_devices *devices, size_t *n)
{
	*n = devices->version == 3 ? sizeof(v3_rows) / sizeof(v3_rows[0]) :
				     sizeof(v2_rows) / sizeof(v2_rows[0]);
	return devices->version == 3 ? v3_rows : v2_rows;
}

/* ---- which registers a row is ---- */

/*
 * Each access has 32 bits but for the CPU interface's system registers, and interrupts come by 32.
 */
static unsigned int unit(const struct row *row)
{
	return row->group == SYSREG ? 64 : 32;
}

static unsigned int count(const struct gic_devices *devices, const struct row *row)
{
	switch (row->scope) {
	case SHARED:
		return 1;
	case SPI:
		return (devices->irqs - PRIVATE_IRQS) * row->bits / 32;
	case PRIVATE:
		return devices->nvcpus * row->bits;
	default:
		return devices->nvcpus * (row->bits / unit(row));
	}
}

static uint64_t affinity(uint64_t mpidr)
{
	return (mpidr >> 8 & 0xff000000) | (mpidr & 0xffffff);
}

/* The attribute of the n-th access; offset is the row's, or that of the register that clears. */
static uint64_t attribute(const struct gic_devices *devices, const struct row *row,
			  uint32_t offset, unsigned int n)
{
	unsigned int cpu = 0;
	uint64_t who;

	switch (row->scope) {
	case SHARED:
		break;
	case SPI:
		/* LEVEL_INFO counts interrupts, not bytes */
		offset += row->group == LEVEL ? PRIVATE_IRQS + 32 * n :
						PRIVATE_IRQS * row->bits / 8 + 4 * n;
		break;
	case PRIVATE:
		cpu = n / row->bits;
		offset += 4 * (n % row->bits);
		break;
	case CPU:
		cpu = n / (row->bits / unit(row));
		offset += 4 * (n % (row->bits / unit(row)));
		break;
	}
	who = devices->version == 3 ? affinity(devices->mpidr[cpu]) : cpu;
	if (row->group == DIST && devices->version == 3)
		who = 0;
	return who << 32 | offset;
}

static int access_set(const struct gic_devices *devices, const struct row *row, uint32_t offset,
		      unsigned int n, uint64_t value)
{
	uint32_t word = value;

	return avmm_attr_set(devices->gic, row->group, attribute(devices, row, offset, n),
			     row->group == SYSREG ? (void *)&value : &word);
}

static int access_get(const struct gic_devices *devices, const struct row *row, unsigned int n,
		      uint64_t *value)
{
	uint32_t word = 0;
	int ret;

	ret = avmm_attr_get(devices->gic, row->group, attribute(devices, row, row->offset, n),
			    row->group == SYSREG ? (void *)value : &word);
	if (row->group != SYSREG)
		*value = word;
	return ret;
}

/*
 * Not the active priorities that this CPU interface has no bits for; HAS_DEVICE_ATTR does not tell.
 */
static bool has_row(const struct gic_devices *devices, const struct row *row)
{
	uint64_t value;

	if (row->group != SYSREG && row->group != GICC)
		return true;
	return access_get(devices, row, 0, &value) == 0;
}

static int refused(const struct gic_devices *devices, const char *what, int code, bool loading,
		   struct error *err)
{
	return error_set(err, code, "the %s of the GICv%d cannot be %s: %s", what, devices->version,
			 loading ? "restored" : "read", strerror(-code));
}

/* ---- saving ---- */

static int rows_save(const struct gic_devices *devices, json_t *state, struct error *err)
{
	size_t nrows;
	const struct row *row = rows(devices, &nrows);

	for (; nrows; nrows--, row++) {
		json_t *values;

		if (!has_row(devices, row))
			continue;
		values = json_array();
		json_object_set_new(state, row->name, values);
		for (unsigned int n = 0; n < count(devices, row); n++) {
			uint64_t value = 0;
			int ret = access_get(devices, row, n, &value);

			if (ret < 0)
				return refused(devices, row->name, ret, false, err);
			json_array_append_new(values, json_integer((json_int_t)value));
		}
	}
	return 0;
}

static json_t *its_save(const struct gic_devices *devices, struct error *err)
{
	json_t *state;
	int ret;

	ret = avmm_attr_set(devices->gic, AVMM_DEV_ARM_VGIC_GRP_CTRL,
			    AVMM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL);
	if (ret == 0)
		ret = avmm_attr_set(devices->its, AVMM_DEV_ARM_VGIC_GRP_CTRL,
				    AVMM_DEV_ARM_ITS_SAVE_TABLES, NULL);
	if (ret < 0) {
		error_set(err, ret, "the tables of the ITS cannot be saved: %s", strerror(-ret));
		return NULL;
	}
	state = json_object();
	for (size_t i = 0; i < NITS; i++) {
		uint64_t value = 0;

		ret = avmm_attr_get(devices->its, AVMM_DEV_ARM_VGIC_GRP_ITS_REGS,
				    its_rows[i].offset, &value);
		if (ret < 0) {
			error_set(err, ret, "the register %s of the ITS cannot be read: %s",
				  its_rows[i].name, strerror(-ret));
			json_decref(state);
			return NULL;
		}
		json_object_set_new(state, its_rows[i].name, json_integer((json_int_t)value));
	}
	return state;
}

json_t *gic_state_save(const struct gic_devices *devices, struct error *err)
{
	json_t *state, *registers = json_object(), *its = json_null();
	int ret;

	ret = rows_save(devices, registers, err);
	if (ret == 0 && devices->its >= 0) {
		its = its_save(devices, err);
		ret = its ? 0 : err->code;
	}
	if (ret < 0) {
		json_decref(registers);
		return NULL;
	}
	state = json_pack("{s:i, s:i, s:o, s:o}", "version", devices->version, "irqs",
			  (int)devices->irqs, "registers", registers, "its", its);
	return state;
}

/* ---- loading ---- */

static int row_load(const struct gic_devices *devices, const struct row *row, const json_t *values,
		    struct error *err)
{
	if (json_array_size(values) != count(devices, row))
		return error_set(err, -EPROTO, "%s of the GICv%d: %zu values where %u should be",
				 row->name, devices->version, json_array_size(values),
				 count(devices, row));
	for (unsigned int n = 0; n < count(devices, row); n++) {
		const json_t *value = json_array_get(values, n);
		int ret = 0;

		if (!json_is_integer(value))
			return error_set(err, -EPROTO, "%s of the GICv%d: a value is no number",
					 row->name, devices->version);
		if (row->clear)
			ret = access_set(devices, row, row->clear, n, 0xffffffff);
		if (ret == 0)
			ret = access_set(devices, row, row->offset, n, json_integer_value(value));
		if (ret < 0 && !row->lenient)
			return refused(devices, row->name, ret, true, err);
	}
	return 0;
}

/*
 * A row that is not here must be at rest: an interface with fewer bits of priority cannot hold it.
 */
static bool at_rest(const json_t *values)
{
	for (size_t i = 0; i < json_array_size(values); i++)
		if (json_integer_value(json_array_get(values, i)))
			return false;
	return true;
}

static int rows_load(const struct gic_devices *devices, const json_t *registers, struct error *err)
{
	size_t nrows, known = 0;
	const struct row *row = rows(devices, &nrows);

	for (; nrows; nrows--, row++) {
		const json_t *values = json_object_get(registers, row->name);
		int ret;

		if (values)
			known++;
		if (!has_row(devices, row) && at_rest(values))
			continue;
		/* what another interface with fewer of them did not have is zero here already */
		if (!values && (row->group == SYSREG || row->group == GICC))
			continue;
		if (!json_is_array(values))
			return error_set(err, -EPROTO, "%s of the GICv%d is missing", row->name,
					 devices->version);
		ret = row_load(devices, row, values, err);
		if (ret < 0)
			return ret;
	}
	if (known != json_object_size(registers))
		return error_set(err, -EPROTO, "the state of the GICv%d has registers that this avmm "
				 "does not know", devices->version);
	return 0;
}

static int its_load(const struct gic_devices *devices, const json_t *state, struct error *err)
{
	if (json_object_size(state) != NITS)
		return error_set(err, -EPROTO, "the state of the ITS has %zu registers and not %zu",
				 json_object_size(state), NITS);
	for (size_t i = 0; i < NITS; i++) {
		const json_t *json = json_object_get(state, its_rows[i].name);
		uint64_t value = json_integer_value(json);
		int ret;

		if (!json_is_integer(json))
			return error_set(err, -EPROTO, "%s of the ITS is missing", its_rows[i].name);
		if (i == ITS_CTLR) {
			ret = avmm_attr_set(devices->its, AVMM_DEV_ARM_VGIC_GRP_CTRL,
					    AVMM_DEV_ARM_ITS_RESTORE_TABLES, NULL);
			if (ret < 0)
				return error_set(err, ret, "the tables of the ITS cannot be restored: %s",
						 strerror(-ret));
		}
		ret = avmm_attr_set(devices->its, AVMM_DEV_ARM_VGIC_GRP_ITS_REGS,
				    its_rows[i].offset, &value);
		if (ret < 0)
			return error_set(err, ret, "%s of the ITS cannot be restored: %s",
					 its_rows[i].name, strerror(-ret));
	}
	return 0;
}

int gic_state_load(const struct gic_devices *devices, const json_t *state, struct error *err)
{
	json_t *registers, *its;
	int version, irqs, ret;
	json_error_t why;

	if (json_unpack_ex((json_t *)state, &why, JSON_STRICT, "{s:i, s:i, s:o, s:o}", "version",
			   &version, "irqs", &irqs, "registers", &registers, "its", &its) < 0)
		return error_set(err, -EPROTO, "the state of the interrupt controller is malformed: %s",
				 why.text);
	if (version != devices->version)
		return error_set(err, -ENODEV, "the guest has a GICv%d, and this host gives it a "
				 "GICv%d", version, devices->version);
	if (irqs < 0 || (uint32_t)irqs != devices->irqs)
		return error_set(err, -EPROTO, "the guest has %d interrupts, and here it has %u", irqs,
				 devices->irqs);
	if (json_is_null(its) != (devices->its < 0))
		return error_set(err, -ENODEV, "the guest has %s ITS, and here it has %s",
				 json_is_null(its) ? "no" : "an", devices->its < 0 ? "none" : "one");
	ret = rows_load(devices, registers, err);
	if (ret == 0 && devices->its >= 0)
		ret = its_load(devices, its, err);
	return ret;
}
