// SPDX-License-Identifier: Apache-2.0
//
// Lets the processes that write to one SQLite file take turns.
//
// SQLite has one lock for writing and no queue before it: who waits looks again now and then, and a process that
// commits without pause takes the lock again before anybody looks. So the lock is asked for inside a gate that only one
// process at a time is in: who waits there is next, and the one that wrote last waits behind it.
//
// Threads: one at a time per gate.
#ifndef VIVA_STORE_SQLITE_GATE_H
#define VIVA_STORE_SQLITE_GATE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/macros.h"

// Opens the gate's file beside `path`, the database's; −1 if there can be none, which costs fairness only.
int viva_sqlite_gate_open(const char *path);
void viva_sqlite_gate_close(int gate);
// Waits until nobody else is in the gate, for a short time: one that stopped inside must not stop the others.
// True: leave() must follow.
bool viva_sqlite_gate_enter(int gate);
void viva_sqlite_gate_leave(int gate);

#endif
