// SPDX-License-Identifier: Apache-2.0
#include "tls_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void demand(int is_fine)
{
	if (!is_fine)
		abort();
}

static FILE *open_file(const char *path)
{
	FILE *file = fopen(path, "we");
	demand(file != NULL);
	return file;
}

void tls_file_write(const char *path, const char *text)
{
	FILE *file = open_file(path);
	demand(fputs(text, file) >= 0);
	demand(fclose(file) == 0);
}

static void add_names(X509 *certificate)
{
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	demand(names && X509_add_ext(certificate, names, -1) == 1);
	X509_EXTENSION_free(names);
	X509_NAME *subject = X509_get_subject_name(certificate);
	demand(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0));
	demand(X509_set_issuer_name(certificate, subject));
}

void tls_files_make(struct tls_files *files, enum tls_files_kind kind)
{
	enum { DAY_S = 24 * 3600 };
	snprintf(files->directory, sizeof files->directory, "/tmp/viva-tls-XXXXXX");
	demand(mkdtemp(files->directory) != NULL);
	snprintf(files->certificate, sizeof files->certificate, "%s/certificate.pem", files->directory);
	snprintf(files->key, sizeof files->key, "%s/key.pem", files->directory);

	EVP_PKEY *key = kind == TLS_FILES_WEAK ? EVP_RSA_gen(1024) : EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	demand(key && certificate && X509_set_version(certificate, X509_VERSION_3));
	demand(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1));
	demand(X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * DAY_S) != NULL);
	demand(X509_gmtime_adj(X509_getm_notAfter(certificate), (kind == TLS_FILES_EXPIRED ? -1 : 30) * DAY_S) != NULL);
	add_names(certificate);
	demand(X509_set_pubkey(certificate, key) && X509_sign(certificate, key, EVP_sha256()) > 0);

	FILE *file = open_file(files->certificate);
	demand(PEM_write_X509(file, certificate) && fclose(file) == 0);
	file = open_file(files->key);
	demand(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) && fclose(file) == 0);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

void tls_files_remove(struct tls_files *files)
{
	unlink(files->certificate);
	unlink(files->key);
	rmdir(files->directory);
}
