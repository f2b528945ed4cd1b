// SPDX-License-Identifier: Apache-2.0
//
// Certificates as they come from disk, and two sessions that talk to each other without a socket.
#include "net/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/tls_session.h"
#include "tls_fixture.h"
#include "viva_test.h"

static struct tls_files good, other;

static int set_up_all(void **state)
{
	(void)state;
	tls_files_make(&good, TLS_FILES_GOOD);
	tls_files_make(&other, TLS_FILES_GOOD);
	return 0;
}

static int tear_down_all(void **state)
{
	(void)state;
	tls_files_remove(&good);
	tls_files_remove(&other);
	return 0;
}

static void assert_refused(const char *certificate, const char *key, const char *field, const char *words)
{
	struct viva_tls *tls = NULL;
	struct viva_error error = {0};
	assert_error(viva_tls_create_server(certificate, key, &tls, &error), VIVA_EUSAGE);
	assert_null(tls);
	assert_string_equal(error.field, field);
	assert_non_null(strstr(viva_error_message(&error), words));
}

static void test_tls__a_certificate_with_its_key_is_taken_and_says_until_when_it_is_valid(void **state)
{
	(void)state;
	VIVA_AUTO(viva_tls) tls = NULL;
	assert_ok(viva_tls_create_server(good.certificate, good.key, &tls, NULL));
	assert_int_equal(viva_tls_valid_until_s(tls) - viva_tls_valid_from_s(tls), 32 * 24 * 3600);
}

static void test_tls__an_expired_certificate_is_no_error(void **state)
{
	(void)state;
	struct tls_files expired;
	tls_files_make(&expired, TLS_FILES_EXPIRED);
	VIVA_AUTO(viva_tls) tls = NULL;
	assert_ok(viva_tls_create_server(expired.certificate, expired.key, &tls, NULL));
	assert_int_equal(viva_tls_valid_until_s(tls) - viva_tls_valid_from_s(tls), 24 * 3600);
	tls_files_remove(&expired);
}

static void test_tls__a_file_that_is_missing_is_named(void **state)
{
	(void)state;
	assert_refused("/nowhere/c.pem", good.key, "tls-certificate", "/nowhere/c.pem can't be read: No such file");
	assert_refused(good.certificate, "/nowhere/k.pem", "tls-key", "/nowhere/k.pem can't be read: No such file");
	assert_refused(good.directory, good.key, "tls-certificate", "can't be read");
}

static void test_tls__the_key_must_be_the_certificates(void **state)
{
	(void)state;
	assert_refused(good.certificate, other.key, "tls-key", "does not belong to the certificate");
}

static void test_tls__what_is_not_pem_is_refused(void **state)
{
	(void)state;
	char path[96];
	snprintf(path, sizeof path, "%s/nonsense", good.directory);
	tls_file_write(path, "this is no certificate");
	assert_refused(path, good.key, "tls-certificate", "is not in PEM");
	assert_refused(good.certificate, path, "tls-key", "is no private key in PEM");
	assert_refused(good.key, good.key, "tls-certificate", "is not in PEM");
	// What follows the certificate must be whole, too.
	tls_file_write(path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	assert_refused(path, good.key, "tls-certificate", "is not in PEM");
	unlink(path);
}

static void test_tls__a_key_with_a_passphrase_is_refused_without_asking_for_it(void **state)
{
	(void)state;
	char path[96];
	snprintf(path, sizeof path, "%s/encrypted", good.directory);
	FILE *file = fopen(good.key, "re");
	EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	fclose(file);
	file = fopen(path, "we");
	unsigned char passphrase[] = "passphrase";
	assert_true(PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), passphrase, 10, NULL, NULL));
	fclose(file);
	EVP_PKEY_free(key);
	assert_refused(good.certificate, path, "tls-key", "is encrypted");
	unlink(path);
}

static void test_tls__a_weak_key_is_refused(void **state)
{
	(void)state;
	struct tls_files weak;
	tls_files_make(&weak, TLS_FILES_WEAK);
	assert_refused(weak.certificate, weak.key, "tls-certificate", "too small");
	tls_files_remove(&weak);
}

static void test_tls__authorities_must_be_certificates(void **state)
{
	(void)state;
	VIVA_AUTO(viva_tls) tls = NULL;
	struct viva_error error = {0};
	assert_error(viva_tls_create_client("/nowhere/ca.pem", &tls, &error), VIVA_EUSAGE);
	assert_string_equal(error.field, "ca-file");
	assert_error(viva_tls_create_client(good.key, &tls, &error), VIVA_EUSAGE);
	assert_ok(viva_tls_create_client(good.certificate, &tls, &error));
	tls = viva_tls_destroy(tls);
	assert_ok(viva_tls_create_client(NULL, &tls, &error));
}

// A client and a server, and the bytes between them.
struct pair {
	struct viva_tls *server_tls, *client_tls;
	struct viva_tls_session *server, *client;
};

static void open_pair(struct pair *pair, const char *ca, const char *host)
{
	*pair = (struct pair){0};
	assert_ok(viva_tls_create_server(good.certificate, good.key, &pair->server_tls, NULL));
	assert_ok(viva_tls_create_client(ca, &pair->client_tls, NULL));
	assert_ok(viva_tls_session_create(pair->server_tls, NULL, &pair->server));
	assert_ok(viva_tls_session_create(pair->client_tls, host, &pair->client));
}

static void close_pair(struct pair *pair)
{
	viva_tls_session_destroy(pair->server);
	viva_tls_session_destroy(pair->client);
	viva_tls_destroy(pair->server_tls);
	viva_tls_destroy(pair->client_tls);
}

// What `from` wants sent reaches `to`, byte by byte where asked for, which goes on with the handshake.
static int carry(struct viva_tls_session *from, struct viva_tls_session *to, size_t at_a_time)
{
	struct viva_buffer output = viva_tls_session_take_output(from);
	int code = 0;
	for (size_t at = 0; at < output.size && code == 0; at += at_a_time) {
		viva_tls_session_feed(to, output.data + at, VIVA_MIN(at_a_time, output.size - at));
		code = viva_tls_session_shake_hands(to);
	}
	viva_buffer_finish(&output);
	return code;
}

static int shake_hands(struct pair *pair, size_t at_a_time)
{
	int code = viva_tls_session_shake_hands(pair->client);
	for (int round = 0; round < 4 && code == 0; round++) {
		code = carry(pair->client, pair->server, at_a_time);
		if (code == 0)
			code = carry(pair->server, pair->client, at_a_time);
	}
	return code;
}

static void test_tls__what_one_side_writes_the_other_reads(void **state)
{
	(void)state;
	struct pair pair;
	open_pair(&pair, good.certificate, "localhost");
	assert_ok(shake_hands(&pair, SIZE_MAX / 2));
	assert_true(viva_tls_session_is_open(pair.server));
	assert_true(viva_tls_session_is_open(pair.client));

	char text[64];
	size_t size = 0;
	assert_ok(viva_tls_session_write(pair.client, "good day", 8, &size));
	assert_int_equal(size, 8);
	struct viva_buffer output = viva_tls_session_take_output(pair.client);
	assert_null(memmem(output.data, output.size, "good day", 8));
	viva_tls_session_feed(pair.server, output.data, output.size);
	assert_ok(viva_tls_session_read(pair.server, text, sizeof text, &size));
	assert_int_equal(size, 8);
	assert_memory_equal(text, "good day", 8);
	assert_ok(viva_tls_session_read(pair.server, text, sizeof text, &size));
	assert_int_equal(size, 0);
	viva_buffer_finish(&output);
	close_pair(&pair);
}

static void test_tls__a_handshake_may_come_byte_by_byte(void **state)
{
	(void)state;
	struct pair pair;
	open_pair(&pair, good.certificate, "127.0.0.1");
	assert_ok(shake_hands(&pair, 1));
	assert_true(viva_tls_session_is_open(pair.server));
	assert_true(viva_tls_session_is_open(pair.client));
	close_pair(&pair);
}

static void test_tls__nothing_is_sealed_before_the_handshake_is_through(void **state)
{
	(void)state;
	struct pair pair;
	size_t size = 1;
	open_pair(&pair, good.certificate, "localhost");
	assert_ok(viva_tls_session_write(pair.client, "secret", 6, &size));
	assert_int_equal(size, 0);
	assert_int_equal(viva_tls_session_unsent(pair.client), 0);
	close_pair(&pair);
}

static void test_tls__a_write_takes_a_record_at_most(void **state)
{
	(void)state;
	struct pair pair;
	size_t size = 0;
	static const char zeros[100 * 1000];
	open_pair(&pair, good.certificate, "localhost");
	assert_ok(shake_hands(&pair, SIZE_MAX / 2));
	assert_ok(viva_tls_session_write(pair.server, zeros, sizeof zeros, &size));
	assert_int_equal(size, VIVA_TLS_RECORD_BYTES);
	close_pair(&pair);
}

static void test_tls__a_server_of_another_name_or_authority_is_refused(void **state)
{
	(void)state;
	struct pair pair;
	open_pair(&pair, good.certificate, "example.org");
	assert_error(shake_hands(&pair, SIZE_MAX / 2), VIVA_EPROTOCOL);
	assert_non_null(strstr(viva_tls_session_failure(pair.client), "hostname mismatch"));
	close_pair(&pair);
	open_pair(&pair, other.certificate, "localhost");
	assert_error(shake_hands(&pair, SIZE_MAX / 2), VIVA_EPROTOCOL);
	assert_string_not_equal(viva_tls_session_failure(pair.client), "");
	close_pair(&pair);
	open_pair(&pair, good.certificate, "127.0.0.2");
	assert_error(shake_hands(&pair, SIZE_MAX / 2), VIVA_EPROTOCOL);
	close_pair(&pair);
}

static void test_tls__a_verifying_client_needs_a_name_to_compare(void **state)
{
	(void)state;
	VIVA_AUTO(viva_tls) tls = NULL;
	struct viva_tls_session *session = NULL;
	assert_ok(viva_tls_create_client(good.certificate, &tls, NULL));
	assert_error(viva_tls_session_create(tls, NULL, &session), VIVA_EINVAL);
	assert_null(session);
}

static void test_tls__the_end_is_said_and_heard(void **state)
{
	(void)state;
	struct pair pair;
	char text[8];
	size_t size = 0;
	open_pair(&pair, good.certificate, "localhost");
	assert_ok(shake_hands(&pair, SIZE_MAX / 2));
	viva_tls_session_end(pair.client);
	struct viva_buffer output = viva_tls_session_take_output(pair.client);
	viva_tls_session_feed(pair.server, output.data, output.size);
	assert_error(viva_tls_session_read(pair.server, text, sizeof text, &size), VIVA_ECLOSED);
	viva_buffer_finish(&output);
	close_pair(&pair);
}

static void test_tls__a_changed_byte_ends_it(void **state)
{
	(void)state;
	struct pair pair;
	char text[8];
	size_t size = 0;
	open_pair(&pair, good.certificate, "localhost");
	assert_ok(shake_hands(&pair, SIZE_MAX / 2));
	assert_ok(viva_tls_session_write(pair.client, "hello", 5, &size));
	struct viva_buffer output = viva_tls_session_take_output(pair.client);
	output.data[output.size - 1] ^= 1;
	viva_tls_session_feed(pair.server, output.data, output.size);
	assert_error(viva_tls_session_read(pair.server, text, sizeof text, &size), VIVA_EPROTOCOL);
	viva_buffer_finish(&output);
	// It stays over, and the peer is told why.
	assert_error(viva_tls_session_read(pair.server, text, sizeof text, &size), VIVA_EPROTOCOL);
	assert_error(viva_tls_session_write(pair.server, "hello", 5, &size), VIVA_EPROTOCOL);
	assert_true(viva_tls_session_unsent(pair.server) > 0);
	close_pair(&pair);
}

static void test_tls__garbage_ends_it(void **state)
{
	(void)state;
	static const char *const openings[] = {"\x16\x03\x01\xff\xff garbage of a record that is too long",
					       "SSH-2.0-OpenSSH_9.2"};
	for (size_t i = 0; i < VIVA_COUNT(openings); i++) {
		struct pair pair;
		open_pair(&pair, good.certificate, "localhost");
		viva_tls_session_feed(pair.server, openings[i], strlen(openings[i]));
		assert_error(viva_tls_session_shake_hands(pair.server), VIVA_EPROTOCOL);
		struct viva_buffer output = viva_tls_session_take_output(pair.server);
		// What isn't even a record is no TLS that an alert could be told by.
		assert_int_equal(output.size, i == 0 ? 7 : 0);
		assert_true(output.size == 0 || output.data[0] == 21);  // the record type of alerts
		viva_buffer_finish(&output);
		close_pair(&pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls__a_certificate_with_its_key_is_taken_and_says_until_when_it_is_valid),
		cmocka_unit_test(test_tls__an_expired_certificate_is_no_error),
		cmocka_unit_test(test_tls__a_file_that_is_missing_is_named),
		cmocka_unit_test(test_tls__the_key_must_be_the_certificates),
		cmocka_unit_test(test_tls__what_is_not_pem_is_refused),
		cmocka_unit_test(test_tls__a_key_with_a_passphrase_is_refused_without_asking_for_it),
		cmocka_unit_test(test_tls__a_weak_key_is_refused),
		cmocka_unit_test(test_tls__authorities_must_be_certificates),
		cmocka_unit_test(test_tls__what_one_side_writes_the_other_reads),
		cmocka_unit_test(test_tls__a_handshake_may_come_byte_by_byte),
		cmocka_unit_test(test_tls__nothing_is_sealed_before_the_handshake_is_through),
		cmocka_unit_test(test_tls__a_write_takes_a_record_at_most),
		cmocka_unit_test(test_tls__a_server_of_another_name_or_authority_is_refused),
		cmocka_unit_test(test_tls__a_verifying_client_needs_a_name_to_compare),
		cmocka_unit_test(test_tls__the_end_is_said_and_heard),
		cmocka_unit_test(test_tls__a_changed_byte_ends_it),
		cmocka_unit_test(test_tls__garbage_ends_it),
	};
	return cmocka_run_group_tests_name("net/tls", tests, set_up_all, tear_down_all);
}
