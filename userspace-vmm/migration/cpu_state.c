// SPDX-License-Identifier: GPL-2.0
/*
 * Whatever AVMM_GET_REG_LIST names is saved and loaded, in this order (kvm/api.rst and devices/):
 * counters, registers, events, power state. A register is known by its id, so another hypervisor or
 * another version may have more of them: one that is not here is refused unless it is zero.
 */
#include "migration/cpu_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libavmm.h"

/* SVE's Z registers have 256 bytes. */
#define REG_SIZE_MAX	256

/* ---- a register's value: hexadecimal, the most significant digit first ---- */

static void value_format(char *text, const uint8_t *value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", value[size - 1 - i]);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int value_parse(const char *text, uint8_t *value, unsigned int size)
{
	if (!text || strlen(text) != 2 * (size_t)size)
		return -EINVAL;
	for (unsigned int i = 0; i < size; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		value[size - 1 - i] = high << 4 | low;
	}
	return 0;
}

static json_t *register_get(int fd, uint64_t id, int *ret)
{
	uint8_t value[REG_SIZE_MAX] = { 0 };
	char text[2 * REG_SIZE_MAX + 1];

	*ret = AVMM_REG_SIZE(id) > REG_SIZE_MAX ? -E2BIG : avmm_get_one_reg(fd, id, value);
	if (*ret < 0)
		return NULL;
	value_format(text, value, AVMM_REG_SIZE(id));
	return json_string(text);
}

/* ---- counters ---- */

static const struct {
	const char *name;
	uint64_t id;
	bool optional;		/* Linux before 6.4 has no offset for the physical one */
} counters[] = {
	{ "virtual", AVMM_REG_ARM_TIMER_CNT, false },
	{ "physical", AVMM_REG_ARM_PTIMER_CNT, true },
};

#define NCOUNTERS	(sizeof(counters) / sizeof(counters[0]))

static bool is_counter(uint64_t id)
{
	for (size_t i = 0; i < NCOUNTERS; i++)
		if (counters[i].id == id)
			return true;
	return false;
}

json_t *cpu_counter_save(int fd, struct error *err)
{
	json_t *state = json_object();

	for (size_t i = 0; i < NCOUNTERS; i++) {
		int ret;
		json_t *value = register_get(fd, counters[i].id, &ret);

		if (value) {
			json_object_set_new(state, counters[i].name, value);
		} else if (!counters[i].optional) {
			error_set(err, ret, "the guest's counter cannot be read: %s", strerror(-ret));
			json_decref(state);
			return NULL;
		}
	}
	return state;
}

int cpu_counter_load(int fd, const json_t *state, struct error *err)
{
	for (size_t i = 0; i < NCOUNTERS; i++) {
		const json_t *text = json_object_get(state, counters[i].name);
		uint64_t value;
		int ret;

		if (!text && counters[i].optional)
			continue;
		ret = value_parse(json_string_value(text), (uint8_t *)&value, sizeof(value));
		if (ret < 0)
			return error_set(err, ret, "the state has no %s counter", counters[i].name);
		ret = avmm_set_one_reg(fd, counters[i].id, &value);
		if (ret < 0 && !counters[i].optional)
			return error_set(err, ret, "the guest's counter cannot be set: %s",
					 strerror(-ret));
	}
	return 0;
}

/* ---- one vCPU ---- */

static json_t *registers_save(int fd, unsigned int cpu, struct error *err)
{
	struct avmm_reg_list *list;
	json_t *registers;
	int ret;

	ret = avmm_alloc_reg_list(fd, &list);
	if (ret < 0) {
		error_set(err, ret, "vCPU %u does not list its registers: %s", cpu, strerror(-ret));
		return NULL;
	}
	registers = json_object();
	for (uint64_t i = 0; i < list->n; i++) {
		uint64_t id = list->reg[i];
		json_t *value;
		char name[17];

		if (is_counter(id))
			continue;
		value = register_get(fd, id, &ret);
		if (!value) {
			error_set(err, ret, "vCPU %u: register 0x%" PRIx64 " cannot be read: %s", cpu, id,
				  strerror(-ret));
			json_decref(registers);
			registers = NULL;
			break;
		}
		snprintf(name, sizeof(name), "%016" PRIx64, id);
		json_object_set_new(registers, name, value);
	}
	free(list);
	return registers;
}

json_t *cpu_state_save(int fd, unsigned int id, struct error *err)
{
	struct avmm_vcpu_events events = { 0 };
	struct avmm_mp_state mp = { 0 };
	json_t *registers;
	int ret;

	ret = avmm_get_vcpu_events(fd, &events);
	if (ret == 0)
		ret = avmm_get_mp_state(fd, &mp);
	if (ret < 0) {
		error_set(err, ret, "vCPU %u: its events and power state cannot be read: %s", id,
			  strerror(-ret));
		return NULL;
	}
	registers = registers_save(fd, id, err);
	if (!registers)
		return NULL;
	return json_pack("{s:o, s:b, s:b, s:I, s:i}", "registers", registers,
			 "serror", events.exception.serror_pending,
			 "serror-has-esr", events.exception.serror_has_esr,
			 "serror-esr", (json_int_t)events.exception.serror_esr,
			 "mp-state", (int)mp.mp_state);
}

static bool all_zero(const uint8_t *value, unsigned int size)
{
	while (size--)
		if (value[size])
			return false;
	return true;
}

/* Many a register may be written only with what it has: then the hosts must agree. */
static int register_load(int fd, unsigned int cpu, uint64_t id, const uint8_t *value,
			 struct error *err)
{
	unsigned int size = AVMM_REG_SIZE(id);
	uint8_t here[REG_SIZE_MAX] = { 0 };
	int ret = avmm_set_one_reg(fd, id, value);

	if (ret == 0 || (ret == -ENOENT && all_zero(value, size)))
		return 0;
	if (ret != -ENOENT && avmm_get_one_reg(fd, id, here) == 0) {
		char text[2 * REG_SIZE_MAX + 1], text_here[2 * REG_SIZE_MAX + 1];

		if (!memcmp(here, value, size))
			return 0;
		value_format(text, value, size);
		value_format(text_here, here, size);
		if (size <= sizeof(uint64_t))
			return error_set(err, ret, "vCPU %u: register 0x%" PRIx64 " is 0x%s here and "
					 "cannot become 0x%s: %s; the processors or their hypervisors "
					 "differ", cpu, id, text_here, text, strerror(-ret));
	}
	return error_set(err, ret, "vCPU %u: register 0x%" PRIx64 " cannot be restored: %s; the "
			 "processors or their hypervisors differ", cpu, id, strerror(-ret));
}

static int registers_load(int fd, unsigned int cpu, json_t *registers, struct error *err)
{
	const char *name;
	json_t *text;

	json_object_foreach(registers, name, text) {
		uint8_t value[REG_SIZE_MAX];
		uint64_t id;
		char *end;
		int ret;

		id = strtoull(name, &end, 16);
		if (strlen(name) != 16 || *end || AVMM_REG_SIZE(id) > REG_SIZE_MAX ||
		    is_counter(id) ||
		    value_parse(json_string_value(text), value, AVMM_REG_SIZE(id)) < 0)
			return error_set(err, -EPROTO, "vCPU %u: '%.32s' is no register, or has no "
					 "such value", cpu, name);
		ret = register_load(fd, cpu, id, value, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int cpu_state_load(int fd, unsigned int id, const json_t *state, struct error *err)
{
	struct avmm_vcpu_events events = { 0 };
	struct avmm_mp_state mp = { 0 };
	int serror, has_esr, power, ret;
	json_t *registers;
	json_int_t esr;
	json_error_t why;

	if (json_unpack_ex((json_t *)state, &why, JSON_STRICT, "{s:o, s:b, s:b, s:I, s:i}",
			   "registers", &registers, "serror", &serror, "serror-has-esr", &has_esr,
			   "serror-esr", &esr, "mp-state", &power) < 0)
		return error_set(err, -EPROTO, "vCPU %u: its state is malformed: %s", id, why.text);
	ret = registers_load(fd, id, registers, err);
	if (ret < 0)
		return ret;
	events.exception.serror_pending = serror;
	events.exception.serror_has_esr = has_esr;
	events.exception.serror_esr = esr;
	mp.mp_state = power;
	ret = avmm_set_vcpu_events(fd, &events);
	if (ret == 0)
		ret = avmm_set_mp_state(fd, &mp);
	if (ret < 0)
		return error_set(err, ret, "vCPU %u: its events and power state cannot be restored: %s",
				 id, strerror(-ret));
	return 0;
}
