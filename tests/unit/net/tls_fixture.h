// SPDX-License-Identifier: Apache-2.0
//
// Certificates that sign themselves, made on the spot. Aborts when it can't.
//
// Threads: the caller's.
#ifndef TLS_FIXTURE_H
#define TLS_FIXTURE_H

struct tls_files {
	char directory[64];
	char certificate[96], key[96];
};

enum tls_files_kind { TLS_FILES_GOOD, TLS_FILES_EXPIRED, TLS_FILES_WEAK };

// A folder of its own with a certificate for localhost and 127.0.0.1, and its key.
void tls_files_make(struct tls_files *files, enum tls_files_kind kind);
void tls_files_remove(struct tls_files *files);
void tls_file_write(const char *path, const char *text);

#endif
