/* libpq for Swift, PostgreSQL's own client library, and what wakes a thread that waits for its socket. */
#ifndef OUTRIGGER_CPOSTGRESQL_SHIM_H
#define OUTRIGGER_CPOSTGRESQL_SHIM_H

#include <libpq-fe.h>
#include <sys/eventfd.h>

#endif
