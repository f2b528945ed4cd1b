// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void viva_hex_encode(const void *data, size_t size, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;
	for (size_t i = 0; i < size; i++) {
		ret_text[2 * i] = digits[bytes[i] >> 4];
		ret_text[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_text[2 * size] = '\0';
}

int viva_parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
	const char *digits = text + (*text == '-');
	if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return VIVA_EINVAL;
	errno = 0;
	long long value = strtoll(text, NULL, 10);
	if (errno || value < min || value > max)
		return VIVA_EINVAL;
	*ret_value = value;
	return 0;
}

int viva_parse_double(const char *text, double min, double max, double *ret_value)
{
	// strtod also takes blanks, hexadecimal, "inf" and "nan".
	if (*text == '\0' || text[strspn(text, "0123456789.eE+-")] != '\0')
		return VIVA_EINVAL;
	char *end;
	double value = strtod(text, &end);
	if (*end != '\0' || !isfinite(value) || value < min || value > max)
		return VIVA_EINVAL;
	*ret_value = value;
	return 0;
}

bool viva_traceparent_is_valid(const char *text)
{
	enum { SIZE = 55 };
	if (strnlen(text, SIZE + 1) != SIZE || strncmp(text, "00-", 3) != 0)
		return false;
	for (size_t i = 3; i < SIZE; i++) {
		bool wants_dash = i == 35 || i == 52;
		if (wants_dash != (text[i] == '-') || (!wants_dash && !strchr("0123456789abcdef", text[i])))
			return false;
	}
	return strncmp(text + 3, "00000000000000000000000000000000", 32) != 0 &&
	       strncmp(text + 36, "0000000000000000", 16) != 0;
}

bool viva_equal_in_constant_time(const void *a, size_t a_size, const void *b, size_t b_size)
{
	if (a_size != b_size)
		return false;
	// Volatile, so that no compiler stops at the first difference.
	const volatile uint8_t *left = a, *right = b;
	unsigned difference = 0;
	for (size_t i = 0; i < a_size; i++)
		difference |= (unsigned)(left[i] ^ right[i]);
	return difference == 0;
}

// Days since 1970-01-01 of a proleptic Gregorian date and back: H. Hinnant, "chrono-compatible low-level date
// algorithms" (public domain).
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted_month = (5 * day_of_year + 2) / 153;
	*ret_day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
	*ret_month = shifted_month + (shifted_month < 10 ? 3 : -9);
	*ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

// RFC 3339 has four digits for the year: what lies outside is shown as its nearest end.
static const int64_t first_unix_ms = -62167219200000, last_unix_ms = 253402300799999;

void viva_rfc3339_from_unix_ms(int64_t unix_ms, char ret_text[32])
{
	unix_ms = VIVA_MAX(first_unix_ms, VIVA_MIN(unix_ms, last_unix_ms));
	int64_t ms = (unix_ms % 1000 + 1000) % 1000;
	int64_t seconds = (unix_ms - ms) / 1000;
	int64_t of_day = (seconds % 86400 + 86400) % 86400;
	int64_t year, month, day;
	civil_from_days((seconds - of_day) / 86400, &year, &month, &day);
	snprintf(ret_text, 32, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)year % 10000, (unsigned)month % 100,
		 (unsigned)day % 100, (unsigned)(of_day / 3600) % 100, (unsigned)(of_day / 60 % 60),
		 (unsigned)(of_day % 60), (unsigned)ms % 1000);
}

// Reads `count` digits.
static bool take_number(const char **text, int count, int64_t min, int64_t max, int64_t *ret_value)
{
	int64_t value = 0;
	for (int i = 0; i < count; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		value = value * 10 + (**text - '0');
	}
	*ret_value = value;
	return value >= min && value <= max;
}

static bool take(const char **text, char wanted)
{
	if (**text != wanted)
		return false;
	(*text)++;
	return true;
}

// ".123456789" as milliseconds; finer digits are dropped.
static bool take_fraction(const char **text, int64_t *ret_ms)
{
	int digits = 0;
	int64_t ms = 0;
	for (; **text >= '0' && **text <= '9' && digits < 9; (*text)++, digits++)
		if (digits < 3)
			ms = ms * 10 + (**text - '0');
	for (int missing = digits; missing < 3; missing++)
		ms *= 10;
	*ret_ms = ms;
	return digits > 0;
}

static bool take_offset(const char **text, int64_t *ret_seconds)
{
	if (take(text, 'Z') || take(text, 'z')) {
		*ret_seconds = 0;
		return true;
	}
	int64_t sign = **text == '-' ? -1 : 1;
	int64_t hours, minutes;
	if (!take(text, '+') && !take(text, '-'))
		return false;
	if (!take_number(text, 2, 0, 23, &hours) || !take(text, ':') || !take_number(text, 2, 0, 59, &minutes))
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
	static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && is_leap);
}

int viva_rfc3339_to_unix_ms(const char *text, int64_t *ret_unix_ms)
{
	int64_t year, month, day, hour, minute, second, ms = 0, offset_s;
	if (!take_number(&text, 4, 0, 9999, &year) || !take(&text, '-') || !take_number(&text, 2, 1, 12, &month) ||
	    !take(&text, '-') || !take_number(&text, 2, 1, days_of_month(year, month), &day))
		return VIVA_EINVAL;
	if (!take(&text, 'T') && !take(&text, 't'))
		return VIVA_EINVAL;
	// 60 is a leap second, which Unix time counts like the next one.
	if (!take_number(&text, 2, 0, 23, &hour) || !take(&text, ':') || !take_number(&text, 2, 0, 59, &minute) ||
	    !take(&text, ':') || !take_number(&text, 2, 0, 60, &second))
		return VIVA_EINVAL;
	if (take(&text, '.') && !take_fraction(&text, &ms))
		return VIVA_EINVAL;
	if (!take_offset(&text, &offset_s) || *text != '\0')
		return VIVA_EINVAL;

	int64_t of_day = hour * 3600 + minute * 60 + second;
	*ret_unix_ms = (days_from_civil(year, month, day) * 86400 + of_day - offset_s) * 1000 + ms;
	return 0;
}
